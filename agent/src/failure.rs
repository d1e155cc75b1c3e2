//! The reasons for which a step fails, by names that do not change: they are the report's `error.name`.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use dicomperf::step::StepError;

/// A reason for which a step fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A package cannot be installed.
    #[error("{package} cannot be installed: {reason}")]
    InstallFailed {
        /// The package.
        package: String,
        /// apt's own words.
        reason: String,
    },
    /// The installed Orthanc cannot do what is asked of it.
    #[error("Orthanc {found} does not know {key}, which came with {needed}")]
    OrthancTooOld {
        /// The installed version.
        found: String,
        /// The configuration key.
        key: String,
        /// The version that brought it.
        needed: &'static str,
    },
    /// A server was started and does not serve.
    #[error("{server} does not serve: {reason}")]
    ServerNotStarted {
        /// The server's name, or its unit's.
        server: String,
        /// The part that does not answer, and the end of the server's log.
        reason: String,
    },
    /// A server's REST interface does not answer.
    #[error("{interface} at {url} does not answer: {reason}")]
    ServerUnreachable {
        /// The interface's name.
        interface: &'static str,
        /// Its URL.
        url: String,
        /// The error or status.
        reason: String,
    },
    /// No sender could open an association.
    #[error("no association with {called} at {address}, called from {calling}: {reason}")]
    AssociationFailed {
        /// Address and port.
        address: String,
        /// The sender's AE title.
        calling: String,
        /// The server's AE title.
        called: String,
        /// The sender's own words.
        reason: String,
    },
    /// The dataset cannot be made, downloaded or read.
    #[error("dataset: {0}")]
    DatasetFailed(String),
    /// A step that cannot be divided was not over in time.
    #[error("{doing}: not over when the step's time was")]
    DeadlinePassed {
        /// The work that was not done.
        doing: String,
    },
    /// A file or a process of the host's own cannot be had.
    #[error("{doing}: {source}")]
    HostFailed {
        /// The work that was not done.
        doing: String,
        /// The operating system's error.
        source: io::Error,
    },
}

impl Failure {
    /// Every name.
    pub const NAMES: &[&str] = &[
        "InstallFailed",
        "OrthancTooOld",
        "ServerNotStarted",
        "ServerUnreachable",
        "AssociationFailed",
        "DatasetFailed",
        "DeadlinePassed",
        "HostFailed",
    ];

    /// The name in the report.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InstallFailed { .. } => "InstallFailed",
            Self::OrthancTooOld { .. } => "OrthancTooOld",
            Self::ServerNotStarted { .. } => "ServerNotStarted",
            Self::ServerUnreachable { .. } => "ServerUnreachable",
            Self::AssociationFailed { .. } => "AssociationFailed",
            Self::DatasetFailed(_) => "DatasetFailed",
            Self::DeadlinePassed { .. } => "DeadlinePassed",
            Self::HostFailed { .. } => "HostFailed",
        }
    }

    /// As the report has it.
    #[must_use]
    pub fn step_error(&self) -> StepError {
        StepError { name: self.name().to_owned(), message: self.to_string() }
    }
}

/// Adds to an error of the operating system what was being done.
pub(crate) trait DuringIo<T> {
    /// In these words.
    fn while_doing(self, doing: impl FnOnce() -> String) -> Result<T, Failure>;
    /// By a verb and a path.
    fn while_path(self, verb: &str, path: &Path) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> DuringIo<T> for Result<T, E> {
    fn while_doing(self, doing: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::HostFailed { doing: doing(), source: error.into() })
    }

    fn while_path(self, verb: &str, path: &Path) -> Result<T, Failure> {
        self.while_doing(|| format!("{verb} {}", path.display()))
    }
}

/// An error and its causes in one line. The outermost words of dicom-object alone say little.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
