//! What the agent measured, iteration by iteration.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::network::NetworkBaseline;
use crate::search::SearchMeasurement;
use crate::statistics::LeastSquares;
use crate::step::HostVersions;

/// What was measured in one run of one block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockMeasurement {
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// The block.
    pub block: u32,
    /// The round.
    pub round: u32,
    /// Where the times come from.
    pub clock: Clock,
    /// What the client runs.
    pub versions: HostVersions,
    /// Every iteration in the order in which it was made, warm-ups and invalid ones too.
    pub iterations: Vec<Iteration>,
    /// The searches that were begun after them, in the scenarios' order; their iterations are not among the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searches: Vec<SearchMeasurement>,
    /// What the network could do by itself, just before the block's iterations; null where it could not be measured.
    #[serde(default)]
    pub network: Option<NetworkBaseline>,
    /// Why it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_error: Option<String>,
    /// The instance that was fetched back and compared, once the first valid iteration is made.
    #[serde(default, rename = "sample", skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
}

/// The clocks of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// The clock of `durationMs`: `CLOCK_MONOTONIC`.
    pub duration: String,
    /// Its resolution in ns, as clock_getres(2) has it.
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
    /// Counted from 0 in its block run and scenario, warm-ups first.
    pub index: u32,
    /// Whether it does not count.
    pub warmup: bool,
    /// When it began, in ms since 1970-01-01 UTC.
    pub started_at_ms: u64,
    /// From the start of the first sender to the exit of the last, in ms.
    pub duration_ms: f64,
    /// From the first C-STORE request to the last response, in ms; 0 where there was none.
    pub transfer_ms: f64,
    /// C-STORE requests whose response was Success (0000H).
    pub instances_sent: u32,
    /// Instances that the server held afterwards.
    pub instances_stored: u32,
    /// Bytes of the files that were sent.
    pub bytes_sent: u64,
    /// Orthanc's TotalUncompressedSize afterwards, in bytes.
    pub stored_bytes: u64,
    /// Whether it proves what it claims.
    pub valid: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Time of each C-STORE from request to response, in us: an HDR histogram of 3 significant digits, V2 and base64.
    /// Where the arrival is open, from the time at which it should have been requested.
    pub latency_us: LatencyHistogram,
    /// The same of the first C-STORE on each association alone.
    pub first_latency_us: LatencyHistogram,
    /// Of each association from its request to its acceptance, in us, without opening the transport connection.
    pub association_us: LatencyHistogram,
    /// Of each association from the request of its release on, in us: to the response; of DCMTK's senders, which do not
    /// log that, to the exit of the process.
    pub release_us: LatencyHistogram,
    /// Of each process from its start to its first request for an association, in us.
    pub startup_us: LatencyHistogram,
    /// Mean time from a response to the next request on the same association, in us; null where none carried two.
    #[serde(default)]
    pub between_us: Option<f64>,
    /// Time of each C-STORE in us, as `latencyUs`, over the size of its file in bytes.
    pub size_fit: LeastSquares,
    /// What the server says of its own work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerMetrics>,
    /// CPU time in ms of the sender's processes, in user and system mode, those that have ended with it (getrusage(2),
    /// `RUSAGE_CHILDREN`). Absent where the kernel did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_cpu_ms: Option<f64>,
}

/// What Orthanc's Prometheus metrics say after an iteration: the greatest value of the last ten seconds, in whole ms, which
/// may reach back into the iteration before. Null where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerMetrics {
    /// `orthanc_store_dicom_duration_ms`: its slowest work on one instance, from receipt to response.
    pub slowest_store_ms: Option<f64>,
    /// `orthanc_storage_create_duration_ms`: the slowest write of a file.
    pub slowest_write_ms: Option<f64>,
}

/// One instance, fetched back from the server and compared with its file, element by element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadBack {
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
    /// Elements compared; the file meta group is not, for Orthanc writes its own.
    pub elements: u32,
    /// Elements that differ, `(gggg,eeee) name`; empty where the instance came back as it was sent.
    pub differences: Vec<String>,
}

/// Latencies in us, with 3 significant digits, from 1 us to an hour.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyHistogram(pub Histogram<u64>);

/// An hour: longer than any step.
const HIGHEST_US: u64 = 3_600_000_000;

impl LatencyHistogram {
    /// An empty histogram.
    #[must_use]
    pub fn new() -> Self {
        // The bounds are constant and allowed: 1 < HIGHEST_US / 2, and at most 5 digits.
        Self(Histogram::new_with_bounds(1, HIGHEST_US, 3).expect("constant bounds"))
    }

    /// Adds a latency; what is longer than an hour counts as an hour, what is shorter than 1 us as 1 us.
    pub fn record(&mut self, microseconds: u64) {
        self.0.saturating_record(microseconds.max(1));
    }

    /// Adds all of another's latencies.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// The latency in ms that `percentile` percent of the C-STOREs did not exceed.
    #[must_use]
    pub fn percentile_ms(&self, percentile: f64) -> f64 {
        milliseconds(self.0.value_at_percentile(percentile))
    }

    /// The slowest in ms.
    #[must_use]
    pub fn max_ms(&self) -> f64 {
        milliseconds(self.0.max())
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Three significant digits of microseconds lose nothing in an f64.
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

    #[test]
    fn text_that_is_no_histogram_is_an_error() {
        assert!(serde_json::from_str::<LatencyHistogram>("\"AAAA\"").is_err());
        assert!(serde_json::from_str::<LatencyHistogram>("\"%\"").is_err());
    }
}
