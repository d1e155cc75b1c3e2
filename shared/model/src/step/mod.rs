//! A step: the document that the agent gets, and the report that it writes.
//!
//! A step is one SSM command. The agent fetches its [`StepDocument`] and does the work. It puts a [`StepReport`] to the
//! document's URL whenever there is news. Progress and results are read from this report, never from the command's
//! output.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dataset::{PlannedObject, Refused};
use crate::measurement::{BlockMeasurement, HostVersions};
use crate::plan::{DatasetOrigin, DatasetPlan, Scenario};
use crate::request::{Cleanup, Receipt, Request, Search, Synthetic, TransferSyntax};
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
}

impl StepId {
    /// Returns the host that the step runs on.
    #[must_use]
    pub const fn host(&self) -> HostRole {
        match self {
            Self::ConfigureServer { .. } | Self::Collect => HostRole::Server,
            Self::ConfigureClient | Self::Measure { .. } => HostRole::Client,
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
}

/// The SCP to run, and its configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerConfiguration {
    /// Its addresses and its access to the REST interface.
    pub server: ServerAddress,
    /// The settings of the block.
    pub settings: ServerSettings,
    /// Presigned PUT URL for the host's samples so far.
    pub samples_url: String,
}

/// The address of Orthanc in the private network, and its credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerAddress {
    /// Private IPv4 address.
    pub address: String,
    /// Port for DICOM.
    pub dicom_port: u16,
    /// Port of the REST interface.
    pub rest_port: u16,
    /// AE title of the SCP.
    pub ae_title: String,
    /// User of the REST interface, which exists for this run only.
    pub rest_user: String,
    /// Password of the REST interface.
    pub rest_password: String,
    /// The other interfaces of an existing server, whose `restPort`, `restUser` and `restPassword` are empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingInterfaces>,
}

/// The interfaces of an existing server beside DICOM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExistingInterfaces {
    /// The interface that proves storage.
    pub receipt: Receipt,
    /// The interface that deletes the run's studies after a block run.
    pub cleanup: Cleanup,
    /// Base URL for `qido`, `orthanc` and `dicomweb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// User and password for `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
}

/// User and password of an existing server's REST interface: the content of the SSM parameter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// User.
    pub user: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Orthanc's usual DICOM port.
pub const DICOM_PORT: u16 = 4242;
/// Orthanc's usual REST port. The sink answers queries on it too.
pub const REST_PORT: u16 = 8042;
/// iperf3's usual port.
pub const IPERF3_PORT: u16 = 5201;

/// The preparation of the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientConfiguration {
    /// The dataset to prepare.
    pub dataset: DatasetSource,
    /// The transfer syntaxes that the dataset is sent in.
    pub transfer_syntaxes: Vec<TransferSyntax>,
    /// True to leave out a user's object that cannot be sent, instead of failing the step.
    #[serde(default)]
    pub skip_refused: bool,
    /// Copies of each study, each with new UIDs.
    #[serde(default = "one_copy")]
    pub multiply: u32,
    /// True to replace or remove the attributes that PS3.15's basic profile names.
    #[serde(default)]
    pub deidentify: bool,
    /// True if each iteration sends new UIDs, as an existing server needs: the files then get UIDs of a length that can
    /// be replaced in place, and the Patient ID of the run.
    #[serde(default)]
    pub renew_uids: bool,
}

impl ClientConfiguration {
    /// Returns the configuration of a client that sends a dataset as it is.
    #[must_use]
    pub const fn new(dataset: DatasetSource, transfer_syntaxes: Vec<TransferSyntax>, skip_refused: bool) -> Self {
        Self { dataset, transfer_syntaxes, skip_refused, multiply: 1, deidentify: false, renew_uids: false }
    }

    /// Returns the configuration of a client for a request, whose dataset comes from `source`.
    #[must_use]
    pub fn of_request(request: &Request, source: DatasetSource) -> Self {
        let own = request.dataset.own();
        Self {
            dataset: source,
            transfer_syntaxes: request.matrix.transfer_syntax.clone(),
            skip_refused: own.skip_refused,
            multiply: own.multiply,
            deidentify: own.deidentify,
            renew_uids: request.server.existing.is_some(),
        }
    }
}

const fn one_copy() -> u32 {
    1
}

/// The source of the client's dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DatasetSource {
    /// Made on the host.
    Synthetic(Synthetic),
    /// Downloaded from S3.
    Objects(Vec<ObjectSource>),
    /// Copied from a directory of this machine. Only `dicomperf measure` has it.
    Directory {
        /// The directory's path.
        path: PathBuf,
        /// The files to copy, in the order of sending.
        files: Vec<FileSource>,
    },
}

impl DatasetSource {
    /// Returns the source of a planned dataset that is on this machine or made here. `None` for objects in S3: only the
    /// account signs their URLs.
    #[must_use]
    pub fn local(plan: &DatasetPlan) -> Option<Self> {
        match &plan.source {
            DatasetOrigin::Synthetic(spec) => Some(Self::Synthetic(spec.clone())),
            DatasetOrigin::Directory { path, objects } => {
                let file = |object: &PlannedObject| FileSource { path: object.key.clone(), bytes: object.bytes };
                Some(Self::Directory { path: path.clone(), files: objects.iter().map(file).collect() })
            }
            DatasetOrigin::S3 { .. } => None,
        }
    }
}

/// One file to copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileSource {
    /// Path in the directory.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// One object to download.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSource {
    /// Presigned GET URL.
    pub url: String,
    /// The object's key, for messages.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// A block to measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasureBlock {
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// Number of the block.
    pub block: u32,
    /// Number of the round, from 0.
    pub round: u32,
    /// The address of the SCP.
    pub server: ServerAddress,
    /// The configuration of the SCP.
    pub settings: ServerSettings,
    /// The AE title that the sender calls from.
    pub calling_ae_title: String,
    /// The scenarios, whose iterations alternate.
    pub scenarios: Vec<Scenario>,
    /// Counted iterations of each scenario.
    pub iterations: u32,
    /// Iterations of each scenario before those, which do not count.
    pub warmup: u32,
    /// The search from each scenario after its iterations, in the first round only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// Presigned PUT URL for the host's samples so far.
    pub samples_url: String,
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
        ] {
            assert_eq!(step.to_string().parse(), Ok(step));
        }
        for name in ["", "client-measure-", "client-measure-1-part-x", "server-configure", "launch"] {
            assert!(name.parse::<StepId>().is_err(), "{name:?}");
        }
    }
}
