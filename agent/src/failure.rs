//! The reasons why a step fails. Their names are stable: the report has them in `error.name`.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use dicomperf_model::step::StepError;

/// A reason why a step fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A package cannot be installed.
    #[error("{package} cannot be installed: {}", given(reason))]
    InstallFailed {
        /// The package.
        package: String,
        /// apt's own message.
        reason: String,
    },
    /// A build of Orthanc cannot be downloaded, or is not the one that the request names. Nothing of it was run.
    #[error("build {key}: {}", given(reason))]
    BuildUnusable {
        /// The object's key.
        key: String,
        /// The reason, with both hashes if they differ.
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
    #[error("{server} does not serve: {}", given(reason))]
    ServerNotStarted {
        /// The name of the server or of its unit.
        server: String,
        /// The part that does not answer, and the last lines of the server's log.
        reason: String,
    },
    /// A server's REST interface does not answer, or answers with an error.
    #[error("{interface} at {url} {}", given(trouble))]
    ServerUnreachable {
        /// The interface's name.
        interface: &'static str,
        /// Its URL.
        url: String,
        /// The trouble, from its verb on: `does not answer: Connection refused`.
        trouble: String,
    },
    /// The server answered no C-STORE of an iteration, and no C-ECHO after it.
    #[error("no association with {called} at {address}, called from {calling}: {}", given(reason))]
    AssociationFailed {
        /// Address and port.
        address: String,
        /// The sender's AE title.
        calling: String,
        /// The server's AE title.
        called: String,
        /// The cause of the iteration's failure, and the error of the C-ECHO.
        reason: String,
    },
    /// The dataset cannot be made, downloaded or read.
    #[error("dataset: {}", given(.0))]
    DatasetFailed(String),
    /// A step that cannot be divided was not finished in time.
    #[error("{}: not finished before the step's deadline", given(doing))]
    DeadlinePassed {
        /// The unfinished work.
        doing: String,
    },
    /// A file or a process of the host failed.
    #[error("{doing}: {}", given(&source.to_string()))]
    HostFailed {
        /// The failed work.
        doing: String,
        /// The operating system's error.
        source: io::Error,
    },
}

/// A reason for a message. A program may fail without a word, and no message may end in a colon.
fn given(reason: &str) -> &str {
    match reason.trim().trim_end_matches([':', ' ']) {
        "" => "no reason was given",
        reason => reason,
    }
}

impl Failure {
    /// Every name.
    pub const NAMES: &[&str] = &[
        "InstallFailed",
        "BuildUnusable",
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
            Self::BuildUnusable { .. } => "BuildUnusable",
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

#[cfg(test)]
mod tests {
    use super::*;

    /// One failure of each kind with this reason.
    fn each(reason: &str) -> Vec<Failure> {
        let reason = || reason.to_owned();
        vec![
            Failure::InstallFailed { package: "orthanc".to_owned(), reason: reason() },
            Failure::BuildUnusable { key: "builds/Orthanc".to_owned(), reason: reason() },
            Failure::OrthancTooOld { found: reason(), key: reason(), needed: "1.10.0" },
            Failure::ServerNotStarted { server: "dicomperf-orthanc.service".to_owned(), reason: reason() },
            Failure::ServerUnreachable { interface: "REST", url: "http://10.0.0.1:8042".to_owned(), trouble: reason() },
            Failure::AssociationFailed {
                address: "10.0.0.1:4242".to_owned(),
                calling: "A".to_owned(),
                called: "B".to_owned(),
                reason: reason(),
            },
            Failure::DatasetFailed(reason()),
            Failure::DeadlinePassed { doing: reason() },
            Failure::HostFailed { doing: "run systemctl".to_owned(), source: io::Error::other(reason()) },
        ]
    }

    #[test]
    fn no_message_ends_in_a_colon_where_a_program_gave_no_reason() {
        for reason in ["", " ", "\n", ":", "systemctl start dicomperf-orthanc.service: \n"] {
            let failures = each(reason);
            let names: Vec<_> = failures.iter().map(Failure::name).collect();
            assert_eq!(names, Failure::NAMES);
            for failure in failures {
                let message = failure.to_string();
                assert!(!message.trim_end().ends_with(':') && !message.contains(": :"), "{message:?}");
            }
        }
    }

    #[test]
    fn a_reason_is_the_end_of_the_message() {
        let failure = Failure::ServerNotStarted { server: "Orthanc".to_owned(), reason: "port 4242".to_owned() };
        assert_eq!(failure.to_string(), "Orthanc does not serve: port 4242");
    }
}
