//! The agent's measurements, iteration by iteration.

use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::network::NetworkBaseline;
use crate::request::{LatencyFigure, Objective, SearchAxis};
use crate::sending::{SendFailure, class_name, syntax_name};
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

/// A server's answer to an association request (PS3.8 9.3.3, PS3.7 D.3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Negotiated {
    /// Implementation Class UID; null if the server announces none.
    pub implementation_class_uid: Option<String>,
    /// Implementation Version Name; null if the server announces none.
    pub implementation_version_name: Option<String>,
    /// Maximum length in bytes of a P-DATA-TF that the server receives; 0 for no limit, null if it announces none.
    pub max_pdu: Option<u32>,
    /// Asynchronous operations that the server accepts; null without an answer, which means one at a time (PS3.7
    /// D.3.3.3).
    pub asynchronous_operations: Option<AsynchronousOperations>,
    /// The proposed presentation contexts and their results.
    pub contexts: Vec<NegotiatedContext>,
}

/// The asynchronous operations window (PS3.7 D.3.3.3). 0 means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AsynchronousOperations {
    /// Operations that the client may have outstanding.
    pub invoked: u16,
    /// Operations that the server may have outstanding.
    pub performed: u16,
}

/// A presentation context and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NegotiatedContext {
    /// SOP Class UID.
    pub sop_class_uid: String,
    /// PS3.6 name of the SOP class, and its UID.
    pub sop_class: String,
    /// Transfer Syntax UID.
    pub transfer_syntax_uid: String,
    /// PS3.6 name of the transfer syntax, and its UID.
    pub transfer_syntax: String,
    /// Result (PS3.8 table 9-18): 0 is acceptance.
    pub result: u8,
}

impl NegotiatedContext {
    /// Returns a presentation context with its names. The agent names it: the tables of names would make the binary of
    /// `summarize` 129 kB larger.
    #[must_use]
    pub fn new(sop_class_uid: &str, transfer_syntax_uid: &str, result: u8) -> Self {
        Self {
            sop_class_uid: sop_class_uid.to_owned(),
            sop_class: class_name(sop_class_uid),
            transfer_syntax_uid: transfer_syntax_uid.to_owned(),
            transfer_syntax: syntax_name(transfer_syntax_uid),
            result,
        }
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

/// Latencies in us, with 3 significant digits, from 1 us to an hour.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyHistogram(pub Histogram<u64>);

/// An hour, which is longer than any step.
const MAX_LATENCY_US: u64 = 3_600_000_000;
/// Place of the digits and of the bounds in a serialized histogram (HdrHistogram, V2 encoding: three fields of 4 bytes
/// before them).
const BOUNDS: Range<usize> = 12..32;

/// A serialized histogram without latencies.
static EMPTY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(&LatencyHistogram::new().0, &mut bytes).expect("a vector takes all bytes");
    bytes
});

impl LatencyHistogram {
    /// Returns an empty histogram.
    #[must_use]
    pub fn new() -> Self {
        // The bounds are constant and valid: 1 < MAX_LATENCY_US / 2, and at most 5 digits.
        Self(Histogram::new_with_bounds(1, MAX_LATENCY_US, 3).expect("constant bounds"))
    }

    /// Adds a latency. More than an hour counts as an hour, less than 1 us as 1 us.
    pub fn record(&mut self, microseconds: u64) {
        self.0.saturating_record(microseconds.max(1));
    }

    /// Adds all latencies of another histogram.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// Returns the latency in ms that `percentile` percent of the C-STOREs did not exceed.
    #[must_use]
    pub fn percentile_ms(&self, percentile: f64) -> f64 {
        milliseconds(self.0.value_at_percentile(percentile))
    }

    /// Returns a figure of the latencies, in ms.
    #[must_use]
    pub fn figure_ms(&self, figure: LatencyFigure) -> f64 {
        match figure {
            LatencyFigure::Max => self.max_ms(),
            percentile => self.percentile_ms(percentile.percent()),
        }
    }

    /// Returns the slowest latency in ms.
    #[must_use]
    pub fn max_ms(&self) -> f64 {
        milliseconds(self.0.max())
    }

    /// Returns the number of latencies.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// True if there are no latencies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Converts us to ms. Three significant digits of microseconds lose nothing in an f64.
#[expect(clippy::cast_precision_loss, reason = "an hour in us has 32 bits")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Serialize for LatencyHistogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&self.0, &mut bytes).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for LatencyHistogram {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)?;
        // The bounds decide how much memory the histogram takes.
        if bytes.get(BOUNDS) != EMPTY.get(BOUNDS) {
            return Err(serde::de::Error::custom("a histogram of latencies has 3 digits from 1 us to an hour"));
        }
        let read: Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(serde::de::Error::custom)?;
        let mut histogram = Self::new();
        histogram.0.add(read).map_err(serde::de::Error::custom)?;
        Ok(histogram)
    }
}

impl JsonSchema for LatencyHistogram {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LatencyHistogram".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "contentEncoding": "base64" })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_survives_its_json() {
        let mut histogram = LatencyHistogram::new();
        for microseconds in [0, 250, 2_000, 40_000, 4_000_000_000] {
            histogram.record(microseconds);
        }
        let json = serde_json::to_string(&histogram).expect("JSON");
        let read: LatencyHistogram = serde_json::from_str(&json).expect("a histogram");
        assert_eq!(read, histogram);
        assert_eq!(read.len(), 5);
        assert!((read.percentile_ms(50.0) - 2.0).abs() < 0.002);
    }

    /// With five digits and no limit, a histogram of a few bytes takes gigabytes of memory.
    #[test]
    fn a_histogram_with_other_bounds_is_an_error_before_it_takes_memory() {
        for at in BOUNDS {
            let mut changed = EMPTY.clone();
            changed[at] ^= 1;
            let json = format!("\"{}\"", BASE64_STANDARD.encode(changed));
            let error = serde_json::from_str::<LatencyHistogram>(&json).expect_err("refused").to_string();
            assert!(error.starts_with("a histogram of latencies has 3 digits from 1 us to an hour"), "{error}");
        }
        let cut = format!("\"{}\"", BASE64_STANDARD.encode(&EMPTY[..BOUNDS.end - 1]));
        assert!(serde_json::from_str::<LatencyHistogram>(&cut).is_err());
    }

    #[test]
    fn text_that_is_no_histogram_is_an_error() {
        assert!(serde_json::from_str::<LatencyHistogram>("\"AAAA\"").is_err());
        assert!(serde_json::from_str::<LatencyHistogram>("\"%\"").is_err());
    }
}
