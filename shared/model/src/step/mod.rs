//! A step: the document that the agent gets, and the report that it writes.
//!
//! A step is one SSM command. The agent fetches its [`StepDocument`] and does the work. It puts a [`StepReport`] to the
//! document's URL whenever there is news. Progress and results are read from this report, never from the command's
//! output.

mod client;
mod measure_block;
mod server_address;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::client::{ClientConfiguration, DatasetSource, FileSource, ObjectSource};
pub use self::measure_block::MeasureBlock;
pub use self::server_address::{Credentials, DICOM_PORT, ExistingInterfaces, IPERF3_PORT, REST_PORT, ServerAddress};
use crate::dataset::Refused;
use crate::measurement::{BlockMeasurement, HostVersions};
use crate::settings::ServerSettings;

pub use crate::host_role::HostRole;

/// A step of a run. Its `Display` is its name. The lock on the host, the log and the documents use this name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum StepId {
    /// Install the sender, and make or download the dataset. Runs once.
    ConfigureClient,
    /// Install Orthanc and run it with a block's configuration. Runs once for each block run.
    ConfigureServer {
        /// The block run's place in [`crate::plan::Plan::sequence`].
        ordinal: u32,
    },
    /// Measure a block's scenarios.
    Measure {
        /// The block run's place in [`crate::plan::Plan::sequence`].
        ordinal: u32,
        /// 0 at first, then one more each time that a step's time was too short.
        part: u32,
    },
    /// Collect the server's versions, configuration and log. Runs once.
    Collect,
    /// Delete every instance from a host: the server's contents, or the client's dataset.
    Clear {
        /// The host.
        host: HostRole,
    },
}

impl StepId {
    /// Returns the host that the step runs on.
    #[must_use]
    pub const fn host(&self) -> HostRole {
        match self {
            Self::ConfigureServer { .. } | Self::Collect => HostRole::Server,
            Self::ConfigureClient | Self::Measure { .. } => HostRole::Client,
            Self::Clear { host } => *host,
        }
    }
}

/// The instructions for a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepDocument {
    /// The run's id.
    pub run_id: String,
    /// The step.
    pub step: StepId,
    /// Seconds after which the agent begins no more work, counted from its start.
    pub deadline_seconds: u64,
    /// Seconds after the deadline in which the work that runs then may end. After them the agent stops it.
    pub grace_seconds: u64,
    /// Presigned PUT URL for the [`StepReport`].
    pub report_url: String,
    /// Presigned PUT URL for the step's log, as text.
    pub log_url: String,
    /// Presigned PUT URL for the step's [`Heartbeat`].
    pub heartbeat_url: String,
    /// The work to do.
    pub work: Work,
}

/// The work of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Work {
    /// `client configure`
    ConfigureClient(ClientConfiguration),
    /// `server configure`
    ConfigureServer(ServerConfiguration),
    /// `client measure`
    Measure(MeasureBlock),
    /// `server collect`
    Collect(Collect),
    /// `server clear` or `client clear`
    Clear(Clear),
}

/// The instances to delete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Clear {
    /// The server to empty. Absent on the client, which deletes its datasets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerAddress>,
}

/// The SCP to run, and its configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerConfiguration {
    /// Its addresses and its access to the REST interface.
    pub server: ServerAddress,
    /// The settings of the block.
    pub settings: ServerSettings,
    /// The files of the block's build of Orthanc; absent for the distribution's package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildSource>,
    /// Presigned PUT URL for the host's samples so far.
    pub samples_url: String,
}

/// The files of a build of Orthanc.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildSource {
    /// The executable.
    pub program: BuildFile,
    /// The plugins, in the order in which Orthanc loads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<BuildFile>,
}

/// A file of a build, to download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildFile {
    /// Presigned GET URL.
    pub url: String,
    /// The object's key, for messages and for the file's name.
    pub key: String,
    /// The SHA-256 that the file must have.
    pub sha256: String,
}

/// The instructions for collecting data from the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collect {
    /// The address of Orthanc.
    pub server: ServerAddress,
    /// Presigned PUT URL for Orthanc's own log.
    pub orthanc_log_url: String,
    /// Presigned PUT URL for the host's samples.
    pub samples_url: String,
}

/// State of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepState {
    /// The agent works on it.
    Running,
    /// The step is done.
    Succeeded,
    /// The deadline came first. The next part continues from here.
    Incomplete,
    /// The step cannot be done. The error gives the reason.
    Failed,
}

/// The agent's report on a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// The run's id.
    pub run_id: String,
    /// The step.
    pub step: StepId,
    /// State of the step.
    pub state: StepState,
    /// The error, if the step failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<StepError>,
    /// Progress of the step.
    pub progress: Progress,
    /// Seconds since the agent started on this step, on its monotonic clock.
    pub elapsed_seconds: f64,
    /// The results so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<StepOutput>,
}

/// A sign of life of the agent. The time at which S3 stored it counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Heartbeat {
    /// Seconds since the agent started on the step, on its monotonic clock.
    pub elapsed_seconds: f64,
}

/// The error of a failed step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepError {
    /// A fixed name: `InstallFailed`, `AssociationFailed`, ...
    pub name: String,
    /// Description for a person.
    pub message: String,
}

/// Progress of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Units done.
    pub done: u32,
    /// All units.
    pub total: u32,
    /// The current work, for a person: `iteration 2 of 3, 4 associations`.
    pub doing: String,
}

/// The results of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StepOutput {
    /// Orthanc runs.
    ServerConfigured(HostVersions),
    /// The dataset is on the client.
    ClientConfigured(PreparedDataset),
    /// Measurements.
    Measured(Box<BlockMeasurement>),
    /// The server's versions and configuration.
    Collected(Collected),
    /// The host has no instance any more.
    Cleared {
        /// Instances or files that were deleted.
        deleted: u64,
    },
}

/// The dataset on the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreparedDataset {
    /// Software of the client.
    pub versions: HostVersions,
    /// Instances. The agent has read all of them and found them to be DICOM.
    pub instances: u32,
    /// Bytes of the files.
    pub bytes: u64,
    /// SHA-256 over the files' own SHA-256, in the order of their names.
    pub sha256: String,
    /// Objects that are not sent, each with its reason. The plan had read only the beginning of a large object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
    /// Patient IDs (0010,0020) of the instances that an existing server gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patient_ids: Vec<String>,
}

/// The data that the server reports after all measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collected {
    /// Software of the server.
    pub versions: HostVersions,
    /// Orthanc's live configuration, without secrets.
    pub orthanc: BTreeMap<String, Value>,
    /// The part of the Orthanc process's environment that affects DICOM, like TCP_NODELAY.
    pub environment: BTreeMap<String, Value>,
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConfigureClient => f.write_str("client-configure"),
            Self::ConfigureServer { ordinal } => write!(f, "server-configure-{ordinal}"),
            Self::Measure { ordinal, part: 0 } => write!(f, "client-measure-{ordinal}"),
            Self::Measure { ordinal, part } => write!(f, "client-measure-{ordinal}-part-{part}"),
            Self::Collect => f.write_str("server-collect"),
            Self::Clear { host } => write!(f, "{host}-clear"),
        }
    }
}

impl FromStr for StepId {
    type Err = UnknownStep;

    fn from_str(name: &str) -> Result<Self, UnknownStep> {
        let unknown = || UnknownStep(name.to_owned());
        let number = |text: &str| text.parse().map_err(|_| unknown());
        if let Some(ordinal) = name.strip_prefix("server-configure-") {
            return Ok(Self::ConfigureServer { ordinal: number(ordinal)? });
        }
        if let Some(rest) = name.strip_prefix("client-measure-") {
            let (ordinal, part) = rest.split_once("-part-").unwrap_or((rest, "0"));
            return Ok(Self::Measure { ordinal: number(ordinal)?, part: number(part)? });
        }
        match name {
            "client-configure" => Ok(Self::ConfigureClient),
            "server-collect" => Ok(Self::Collect),
            "server-clear" => Ok(Self::Clear { host: HostRole::Server }),
            "client-clear" => Ok(Self::Clear { host: HostRole::Client }),
            _ => Err(unknown()),
        }
    }
}

/// The error for a name that no step has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a step")]
pub struct UnknownStep(pub String);

impl StepReport {
    /// Returns the report of a step that has just started.
    #[must_use]
    pub fn new(document: &StepDocument) -> Self {
        Self {
            run_id: document.run_id.clone(),
            step: document.step.clone(),
            state: StepState::Running,
            error: None,
            progress: Progress { done: 0, total: 1, doing: "starting".to_owned() },
            elapsed_seconds: 0.0,
            output: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steps_name_names_it() {
        for step in [
            StepId::ConfigureClient,
            StepId::ConfigureServer { ordinal: 3 },
            StepId::Measure { ordinal: 12, part: 0 },
            StepId::Measure { ordinal: 0, part: 2 },
            StepId::Collect,
            StepId::Clear { host: HostRole::Server },
            StepId::Clear { host: HostRole::Client },
        ] {
            assert_eq!(step.to_string().parse(), Ok(step));
        }
        for name in ["", "client-measure-", "client-measure-1-part-x", "server-configure", "launch"] {
            assert!(name.parse::<StepId>().is_err(), "{name:?}");
        }
    }
}
