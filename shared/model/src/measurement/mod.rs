//! The agent's measurements, iteration by iteration.

mod histogram;
mod negotiation;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::histogram::LatencyHistogram;
pub use self::negotiation::{AsynchronousOperations, Negotiated, NegotiatedContext};
use crate::network::NetworkBaseline;
use crate::request::{Objective, SearchAxis};
use crate::sending::SendFailure;
use crate::statistics::LeastSquares;

/// The measurements of one block run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockMeasurement {
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// Number of the block.
    pub block: u32,
    /// Number of the round, from 0.
    pub round: u32,
    /// The clocks that the times come from.
    pub clock: Clock,
    /// The software that the client runs.
    pub versions: HostVersions,
    /// Every iteration in the order in which it ran, including warm-ups and invalid ones.
    pub iterations: Vec<Iteration>,
    /// The searches that started after them, in the scenarios' order. Their iterations are not in `iterations`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searches: Vec<SearchMeasurement>,
    /// The network's own capacity, measured just before the block's iterations; null if the measurement failed.
    #[serde(default)]
    pub network: Option<NetworkBaseline>,
    /// The reason why the network was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_error: Option<String>,
    /// The instance that was fetched back and compared, after the first valid iteration.
    #[serde(default, rename = "sample", skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
    /// The server's answer to an association that proposes every presentation context of the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negotiated: Option<Negotiated>,
    /// The deletion of the run's studies on an existing server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<CleanupOutcome>,
}

impl BlockMeasurement {
    /// Returns every iteration: those of the scenarios, then those of the searches.
    pub fn all_iterations(&self) -> impl Iterator<Item = &Iteration> {
        let of_searches = self.searches.iter().flat_map(|search| &search.iterations).map(|one| &one.iteration);
        self.iterations.iter().chain(of_searches)
    }
}

/// The deletion of the run's studies on an existing server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CleanupOutcome {
    /// Studies that the block run sent.
    pub studies: u32,
    /// Studies that were deleted, or that the server did not have.
    pub deleted: u32,
    /// The reason why the others were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The clocks of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// The clock of `durationMs`: `CLOCK_MONOTONIC`.
    pub duration: String,
    /// Its resolution in ns, from clock_getres(2).
    pub resolution_ns: u64,
    /// The clocks of `transferMs` and the latencies, by sender.
    pub latency: String,
}

/// One timed transfer of the whole dataset under one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Iteration {
    /// The scenario's number in the plan.
    pub scenario: u32,
    /// Index in its block run and scenario, from 0, warm-ups first.
    pub index: u32,
    /// True for a warm-up, which does not count.
    pub warmup: bool,
    /// Start time in ms since 1970-01-01 UTC.
    pub started_at_ms: u64,
    /// From the start of the first sender to the exit of the last, in ms.
    pub duration_ms: f64,
    /// From the first C-STORE request to the last response, in ms; 0 if there was no response.
    pub transfer_ms: f64,
    /// C-STORE requests whose response was Success (0000H).
    pub instances_sent: u32,
    /// Instances to which the server said no: a rejected presentation context or association, or a status other than
    /// Success. A warning counts too, although the server may have stored the instance.
    #[serde(default)]
    pub instances_refused: u32,
    /// Instances that the sender tried, and for which no answer arrived.
    #[serde(default)]
    pub instances_failed: u32,
    /// Instances that the sender did not try, because it gave up before.
    #[serde(default)]
    pub instances_not_tried: u32,
    /// The causes why instances were refused or failed, the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<SendFailure>,
    /// Instances that the server had afterwards; null if it was not asked.
    pub instances_stored: Option<u32>,
    /// Bytes of the files that were sent.
    pub bytes_sent: u64,
    /// Orthanc's TotalUncompressedSize afterwards, in bytes; null if the server does not tell.
    pub stored_bytes: Option<u64>,
    /// Study Instance UIDs (0020,000D) that the iteration sent to an existing server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub study_instance_uids: Vec<String>,
    /// True if all checks of the iteration passed, so that its figures can be trusted.
    pub valid: bool,
    /// The reason why it is not valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Time of each C-STORE from request to response, in us: an HDR histogram of 3 significant digits, V2 and base64.
    /// With open arrival, the time starts when the C-STORE was due.
    pub latency_us: LatencyHistogram,
    /// The same, but only for the first C-STORE on each association.
    pub first_latency_us: LatencyHistogram,
    /// Time of each association from its request to its acceptance, in us, without opening the transport connection.
    pub association_us: LatencyHistogram,
    /// Time of each association from its release request to the response, in us. DCMTK's senders do not log the
    /// response; for them it ends at the exit of the process.
    pub release_us: LatencyHistogram,
    /// Time of each process from its start to its first request for an association, in us.
    pub startup_us: LatencyHistogram,
    /// Mean time from a response to the next request on the same association, in us; null if no association carried
    /// two.
    #[serde(default)]
    pub between_us: Option<f64>,
    /// Time of each C-STORE in us, like `latencyUs`, over the size of its file in bytes.
    pub size_fit: LeastSquares,
    /// The server's own metrics of its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerMetrics>,
    /// CPU time in ms of the sender's processes and of their ended children, in user and system mode (getrusage(2),
    /// `RUSAGE_CHILDREN`). Absent if the kernel did not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_cpu_ms: Option<f64>,
}

/// Orthanc's Prometheus metrics after an iteration. Each is the greatest value of the last ten seconds, in whole ms.
/// These ten seconds may include part of the iteration before. Null if Orthanc reports no value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerMetrics {
    /// `orthanc_store_dicom_duration_ms`: its slowest work on one instance, from receipt to response.
    pub slowest_store_ms: Option<f64>,
    /// `orthanc_storage_create_duration_ms`: the slowest write of a file.
    pub slowest_write_ms: Option<f64>,
}

/// One instance that was fetched back from the server and compared with its file, element by element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadBack {
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
    /// Elements compared. The file meta group is not compared, because Orthanc writes its own.
    pub elements: u32,
    /// Elements that differ, `(gggg,eeee) name`; empty if the instance came back unchanged.
    pub differences: Vec<String>,
}

/// The measurements of a search from one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchMeasurement {
    /// The scenario whose settings all levels share, except the raised one.
    pub scenario: u32,
    /// The setting that the search raises.
    pub axis: SearchAxis,
    /// The objectives that every level is checked against.
    pub slo: Vec<Objective>,
    /// The first level.
    pub start: f64,
    /// The lowest level that the search may try.
    pub lowest: f64,
    /// The highest level that the search may try.
    pub highest: f64,
    /// Every iteration in the order in which it ran, including invalid ones.
    pub iterations: Vec<SearchIteration>,
}

/// An iteration of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchIteration {
    /// The load: associations, or instances a second.
    pub level: f64,
    /// The iteration. Its index continues after those of the scenario's own iterations.
    pub iteration: Iteration,
}

/// The software that a host runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostVersions {
    /// `PRETTY_NAME` of /etc/os-release.
    pub os: String,
    /// Kernel release: `uname -r`.
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
