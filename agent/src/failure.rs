//! Why a step cannot be done, by names that do not change: they end in the report's `error.name`.

use std::io;
use std::path::Path;

use dicomperf::step::StepError;

/// Why a step cannot be done.
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
    /// Orthanc was started and does not serve.
    #[error("Orthanc does not serve: {reason}")]
    ServerNotStarted {
        /// What does not answer, and the end of Orthanc's log.
        reason: String,
    },
    /// Orthanc's REST interface does not answer.
    #[error("Orthanc's REST interface at {url} does not answer: {reason}")]
    ServerUnreachable {
        /// Where.
        url: String,
        /// What happened.
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
        /// What was being done.
        doing: String,
    },
    /// A file or a process of the host's own cannot be had.
    #[error("{doing}: {source}")]
    HostFailed {
        /// What was being done.
        doing: String,
        /// What the operating system said.
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

/// Says what was being done when the operating system refused.
pub(crate) trait While<T> {
    /// With these words.
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, Failure>;
    /// With a verb and a path.
    fn at(self, verb: &str, path: &Path) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> While<T> for Result<T, E> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::HostFailed { doing: doing(), source: error.into() })
    }

    fn at(self, verb: &str, path: &Path) -> Result<T, Failure> {
        self.doing(|| format!("{verb} {}", path.display()))
    }
}
