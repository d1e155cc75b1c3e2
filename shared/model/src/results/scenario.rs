//! A scenario's figures, and the iterations that they are computed from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decomposition::Decomposition;
use super::growth::{Growth, LatencyBucket};
use super::resources::ScenarioResources;
use crate::measurement::LatencyHistogram;
use crate::request::{LatencyFigure, Metric};
use crate::sending::SendFailure;
use crate::settings::Settings;
use crate::statistics::Interval;

/// The measurements of one combination of settings. Its figures are computed from the valid counted iterations of all
/// rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioSummary {
    /// Number of the block.
    pub block: u32,
    /// The scenario's number in the plan.
    #[serde(rename = "scenario")]
    pub number: u32,
    /// True for a probe, which the request did not ask for. A probe shows the effect of TCP_NODELAY if the matrix does
    /// not. It counts for no verdict.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// The settings.
    pub settings: Settings,
    /// Key of the settings in the history: the same text for the same settings.
    pub settings_key: String,
    /// Instances per second: the median over iterations of instancesSent / transferMs.
    pub instances_per_second: Option<Interval>,
    /// Median absolute deviation of the iterations' instances per second, unscaled.
    pub instances_per_second_mad: Option<f64>,
    /// Bytes of files per second: the median over iterations of bytesSent / transferMs.
    pub bytes_per_second: Option<Interval>,
    /// Times of all C-STOREs of these iterations together, from request to response, in ms.
    pub latency_ms: Option<LatencySummary>,
    /// The same times as an HDR histogram in us, V2 and base64. Every percentile can be computed from it.
    pub latency_us: LatencyHistogram,
    /// Number of these C-STOREs.
    pub c_stores: u64,
    /// The same times by the time of the request, counted from the start of its iteration: a stall or a warm-up is
    /// visible here. Empty without the client's samples.
    pub latency_over_time: Vec<LatencyBucket>,
    /// The same times by the number of instances sent before: they show if the server gets slower as it fills.
    pub growth: Option<Growth>,
    /// The parts of the time; null without a valid iteration.
    pub decomposition: Option<Decomposition>,
    /// The resources that the hosts used during these iterations.
    pub resources: ScenarioResources,
    /// Reasons why these figures may not be those of the server.
    pub warnings: Vec<String>,
    /// From the start of the first sender to the exit of the last, in ms: the median of the iterations.
    pub duration_ms: Option<Interval>,
    /// From the first C-STORE request to the last response, in ms: the median of the iterations.
    pub transfer_ms: Option<Interval>,
    /// Counted iterations that are valid.
    pub valid_iterations: u32,
    /// Counted iterations that ran.
    pub counted_iterations: u32,
    /// Counted iterations in the plan.
    pub planned_iterations: u32,
    /// Every iteration in the order in which they ran, including warm-ups and invalid ones.
    pub iterations: Vec<IterationSummary>,
}

/// Percentiles in ms, exact to 3 significant digits, from one histogram of all C-STOREs. They are never means of
/// percentiles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencySummary {
    /// Half of the C-STOREs took no longer.
    pub p50: f64,
    /// 90% took no longer.
    pub p90: f64,
    /// 95% took no longer.
    pub p95: f64,
    /// 99% took no longer.
    pub p99: f64,
    /// The slowest C-STORE.
    pub max: f64,
}

/// One timed transfer of the whole dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IterationSummary {
    /// True if all checks of the iteration passed, so that its figures can be trusted.
    pub valid: bool,
    /// The reason why it is not valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// True for a warm-up, which does not count.
    pub warmup: bool,
    /// Number of the round, from 0.
    pub round: u32,
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// Index in its block run and scenario, from 0, warm-ups first.
    pub index: u32,
    /// Start time in ms since 1970-01-01 UTC.
    pub started_at_ms: u64,
    /// From the start of the first sender to the exit of the last, in ms.
    pub duration_ms: f64,
    /// From the first C-STORE request to the last response, in ms.
    pub transfer_ms: f64,
    /// C-STORE requests whose response was Success (0000H).
    pub instances_sent: u32,
    /// Instances to which the server said no: a rejected presentation context or association, or a status other than
    /// Success.
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
    /// Instances that the server had afterwards.
    pub instances_stored: Option<u32>,
    /// Bytes of the files that were sent.
    pub bytes_sent: u64,
    /// Orthanc's TotalUncompressedSize afterwards, in bytes.
    pub stored_bytes: Option<u64>,
    /// Instances per second; null if nothing was transferred.
    pub instances_per_second: Option<f64>,
    /// Times of its C-STOREs, in ms; null if there were none.
    pub latency_ms: Option<LatencySummary>,
    /// CPU time of the sender's processes, in ms; absent if the kernel did not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_cpu_ms: Option<f64>,
    /// True if its instances per second lie far from those of the scenario's other valid counted iterations.
    pub outlier: bool,
}

/// Counted iterations of the plan that did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotMeasured {
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// Number of the block.
    pub block: u32,
    /// Number of the round, from 0.
    pub round: u32,
    /// The scenario's number.
    pub scenario: u32,
    /// Number of these iterations.
    pub iterations: u32,
}

impl ScenarioSummary {
    /// Returns the figure that a threshold limits, in the metric's unit.
    #[must_use]
    pub fn figure(&self, metric: Metric) -> Option<f64> {
        match metric.latency() {
            Some(figure) => self.latency_ms.map(|latency| latency.figure(figure)),
            None if metric == Metric::BytesPerSecond => self.bytes_per_second.map(|rate| rate.median),
            None => self.instances_per_second.map(|rate| rate.median),
        }
    }
}

impl LatencySummary {
    /// Returns the figures of a histogram; `None` if it is empty.
    #[must_use]
    pub fn from_histogram(histogram: &LatencyHistogram) -> Option<Self> {
        let figure = |figure| histogram.figure_ms(figure);
        (!histogram.is_empty()).then(|| Self {
            p50: figure(LatencyFigure::P50),
            p90: figure(LatencyFigure::P90),
            p95: figure(LatencyFigure::P95),
            p99: figure(LatencyFigure::P99),
            max: figure(LatencyFigure::Max),
        })
    }

    /// Returns one figure in ms.
    #[must_use]
    pub const fn figure(&self, figure: LatencyFigure) -> f64 {
        match figure {
            LatencyFigure::P50 => self.p50,
            LatencyFigure::P90 => self.p90,
            LatencyFigure::P95 => self.p95,
            LatencyFigure::P99 => self.p99,
            LatencyFigure::Max => self.max,
        }
    }
}

impl IterationSummary {
    /// True if the scenario's figures include it.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.valid && !self.warmup
    }
}
