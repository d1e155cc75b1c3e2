//! The reasons why a step fails. Their names are stable: the report has them in `error.name`.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use dicomperf_model::step::StepError;

/// A reason why a step fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A package cannot be installed.
    #[error("{package} cannot be installed: {reason}")]
    InstallFailed {
        /// The package.
        package: String,
        /// apt's own message.
        reason: String,
    },
    /// The installed Orthanc lacks a feature that the block needs.
    #[error("Orthanc {found} has no {key}, which needs {needed}")]
    OrthancTooOld {
        /// The installed version.
        found: String,
        /// The configuration key.
        key: String,
        /// The first version that has the key.
        needed: &'static str,
    },
    /// A server was started but does not serve.
    #[error("{server} does not serve: {reason}")]
    ServerNotStarted {
        /// The name of the server or of its unit.
        server: String,
        /// The part that does not answer, and the last lines of the server's log.
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
        /// The sender's own message.
        reason: String,
    },
    /// The dataset cannot be made, downloaded or read.
    #[error("dataset: {0}")]
    DatasetFailed(String),
    /// A step that cannot be divided was not finished in time.
    #[error("{doing}: not finished before the step's deadline")]
    DeadlinePassed {
        /// The unfinished work.
        doing: String,
    },
    /// A file or a process of the host failed.
    #[error("{doing}: {source}")]
    HostFailed {
        /// The failed work.
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

    /// The failure as the report shows it.
    #[must_use]
    pub fn step_error(&self) -> StepError {
        StepError { name: self.name().to_owned(), message: self.to_string() }
    }
}

/// Adds the current work to an operating system error.
pub(crate) trait DuringIo<T> {
    /// Describes the work in these words.
    fn while_doing(self, doing: impl FnOnce() -> String) -> Result<T, Failure>;
    /// Describes the work by a verb and a path.
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

/// An error and its causes in one line. dicom-object's outermost message alone explains little.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
