//! What is done on a host: the document that tells the agent, and the report that it writes.
//!
//! A step is one SSM command. The agent fetches its [`StepDocument`], does the work, and puts a [`StepReport`] to the
//! document's URL whenever there is something new to say; progress and results are read from there, never from the
//! command's output.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::measurement::BlockMeasurement;
use crate::plan::{Scenario, ServerSettings};
use crate::request::{Search, Synthetic, TransferSyntax};

/// The longest a step may take, in seconds: the agent stops after the iteration in which this passes.
pub const STEP_SECONDS: u64 = 1800;

/// Which of the two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HostRole {
    /// Runs Orthanc.
    Server,
    /// Runs the sender.
    Client,
}

/// A step of a run. Its `Display` is its name, which the lock on the host, the log and the documents carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum StepId {
    /// Install the sender, make or download the dataset. Once.
    ConfigureClient,
    /// Install Orthanc and run it with a block's configuration. Once a block run.
    ConfigureServer {
        /// The block run's place in [`crate::plan::Plan::sequence`].
        ordinal: u32,
    },
    /// Measure a block's scenarios.
    Measure {
        /// The block run's place in [`crate::plan::Plan::sequence`].
        ordinal: u32,
        /// 0, and one more each time that a step's time did not suffice.
        part: u32,
    },
    /// Gather the server's versions, configuration and log. Once.
    Collect,
}

impl StepId {
    /// The host that the step runs on.
    #[must_use]
    pub const fn host(&self) -> HostRole {
        match self {
            Self::ConfigureServer { .. } | Self::Collect => HostRole::Server,
            Self::ConfigureClient | Self::Measure { .. } => HostRole::Client,
        }
    }
}

/// What a host is told to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepDocument {
    /// The run.
    pub run_id: String,
    /// The step.
    pub step: StepId,
    /// Seconds after which the agent stops, counted from its start.
    pub deadline_seconds: u64,
    /// Presigned PUT for the [`StepReport`].
    pub report_url: String,
    /// Presigned PUT for the step's log, text.
    pub log_url: String,
    /// The work.
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

/// What is to receive, and how it is to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerConfiguration {
    /// Where it listens and how it is asked.
    pub server: ServerAddress,
    /// The settings of the block.
    pub settings: ServerSettings,
    /// Presigned PUT for the host's samples so far.
    pub samples_url: String,
}

/// How Orthanc is reached, over the private network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerAddress {
    /// Private IPv4 address.
    pub address: String,
    /// DICOM port.
    pub dicom_port: u16,
    /// REST port.
    pub rest_port: u16,
    /// AE title.
    pub ae_title: String,
    /// User of the REST interface, which exists for this run only.
    pub rest_user: String,
    /// Password of the REST interface.
    pub rest_password: String,
}

/// Orthanc's usual DICOM port.
pub const DICOM_PORT: u16 = 4242;
/// Orthanc's usual REST port; the sink's port for questions.
pub const REST_PORT: u16 = 8042;
/// iperf3's usual port.
pub const IPERF3_PORT: u16 = 5201;

/// How the client is to be prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientConfiguration {
    /// What will be sent.
    pub dataset: DatasetSource,
    /// The transfer syntaxes that it will be sent in.
    pub transfer_syntaxes: Vec<TransferSyntax>,
}

/// Where the client gets the dataset from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DatasetSource {
    /// Made on the host.
    Synthetic(Synthetic),
    /// Downloaded.
    Objects(Vec<ObjectSource>),
}

/// One object to download.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSource {
    /// Presigned GET.
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
    /// The block.
    pub block: u32,
    /// The round.
    pub round: u32,
    /// How the SCP is reached.
    pub server: ServerAddress,
    /// How the SCP is configured.
    pub settings: ServerSettings,
    /// The AE title that the sender calls from.
    pub calling_ae_title: String,
    /// The scenarios, which are interleaved.
    pub scenarios: Vec<Scenario>,
    /// Counted iterations of each.
    pub iterations: u32,
    /// Iterations of each, before those, that do not count.
    pub warmup: u32,
    /// What is searched for after them, from each scenario; in the first round only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// Presigned PUT for the host's samples so far.
    pub samples_url: String,
}

/// What to gather from the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collect {
    /// How Orthanc is reached.
    pub server: ServerAddress,
    /// Presigned PUT for Orthanc's own log.
    pub orthanc_log_url: String,
    /// Presigned PUT for the host's samples.
    pub samples_url: String,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepState {
    /// At work.
    Running,
    /// Done.
    Succeeded,
    /// The deadline came first: the next part goes on from here.
    Incomplete,
    /// Cannot be done; see the error.
    Failed,
}

/// What the agent says of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// The run.
    pub run_id: String,
    /// The step.
    pub step: StepId,
    /// Where it stands.
    pub state: StepState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<StepError>,
    /// How far it is.
    pub progress: Progress,
    /// Seconds since the agent started on this step, on its monotonic clock.
    pub elapsed_seconds: f64,
    /// What came of it, as far as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<StepOutput>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepError {
    /// A name that does not change: `InstallFailed`, `AssociationFailed`, ...
    pub name: String,
    /// What happened, for a person.
    pub message: String,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Units done.
    pub done: u32,
    /// Units in all.
    pub total: u32,
    /// What it does now, for a person: `iteration 2 of 3, 4 associations`.
    pub doing: String,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StepOutput {
    /// Orthanc runs.
    ServerConfigured(HostVersions),
    /// The dataset is there.
    ClientConfigured(PreparedDataset),
    /// Measurements.
    Measured(Box<BlockMeasurement>),
    /// The server's side of the story.
    Collected(Collected),
}

/// What a host runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostVersions {
    /// `PRETTY_NAME` of /etc/os-release.
    pub os: String,
    /// `uname -r`
    pub kernel: String,
    /// Version of the agent.
    pub agent: String,
    /// Version of Orthanc, on the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orthanc: Option<String>,
    /// Version of DCMTK, on the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dcmtk: Option<String>,
}

/// The dataset on the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreparedDataset {
    /// What the client runs.
    pub versions: HostVersions,
    /// Instances, all of which were read and found to be DICOM.
    pub instances: u32,
    /// Bytes of the files.
    pub bytes: u64,
    /// SHA-256 over the files' own SHA-256, in the order of their names.
    pub sha256: String,
}

/// What the server tells when all is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collected {
    /// What the server runs.
    pub versions: HostVersions,
    /// Orthanc's live configuration, without secrets.
    pub orthanc: BTreeMap<String, Value>,
    /// The environment of the Orthanc process, as far as it bears on DICOM: TCP_NODELAY and the like.
    pub environment: BTreeMap<String, Value>,
}

impl fmt::Display for HostRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Client => "client",
        })
    }
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

/// A name that no step has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a step")]
pub struct UnknownStep(pub String);

impl StepReport {
    /// A report of a step that has just begun.
    #[must_use]
    pub fn begun(document: &StepDocument) -> Self {
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
