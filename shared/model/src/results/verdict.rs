//! Verdicts: on a run, on a threshold, on one throughput compared with another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::request::Metric;
use crate::statistics::Range;

/// Status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    /// The run has not ended.
    Running,
    /// The whole run was carried out.
    Succeeded,
    /// A part of the run is missing. The measurements before the failure remain.
    Failed,
}

/// Meaning of a run's result. If several apply, it is the first of: invalid, threshold broken, regressed, passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every counted iteration is valid and every threshold is met.
    Passed,
    /// A threshold is broken.
    ThresholdBroken,
    /// Slower than the baseline, beyond its noise.
    Regressed,
    /// A counted iteration is not valid, or something was not measured.
    Invalid,
    /// A dry run found a missing permission, a limit or a missing resource.
    CheckFailed,
}

/// Comparison of one throughput with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Slower: the whole interval lies below the noise.
    Regressed,
    /// Faster: the whole interval lies above the noise.
    Improved,
    /// The whole interval lies within the noise.
    Equivalent,
    /// The interval crosses a bound of the noise, or the data are too few for a verdict.
    Inconclusive,
}

/// State of a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdState {
    /// The value is within the limits. A value that equals a limit is within.
    Kept,
    /// The value is outside the limits.
    Broken,
    /// There is no valid iteration to take a value from.
    NotMeasured,
}

/// A threshold, checked in one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdOutcome {
    /// The limited metric.
    pub metric: Metric,
    /// The smallest allowed value, in the metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest allowed value, in the metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The scenario's number.
    pub scenario: u32,
    /// The scenario's figure, in the metric's unit: the median, or the percentile of all C-STOREs.
    pub value: Option<f64>,
    /// State of the threshold.
    pub state: ThresholdState,
}

/// A scenario's throughput, compared with the earlier runs of the same fingerprint and settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaselineComparison {
    /// The scenario's number.
    pub scenario: u32,
    /// The verdict.
    pub verdict: Change,
    /// Earlier runs. Each counts as one value, whatever its number of iterations.
    pub runs: usize,
    /// Earlier runs that are still needed for a verdict.
    pub runs_missing: usize,
    /// Median of the earlier runs' medians, in instances per second.
    pub history_median: Option<f64>,
    /// The range of an unchanged run's median in 95% of cases, in instances per second.
    pub noise: Option<Range>,
    /// This run's median divided by the median of the earlier runs.
    pub ratio: Option<f64>,
}

// Reports use the same words as report.json.
serde_plain::derive_display_from_serialize!(Change);
serde_plain::derive_display_from_serialize!(RunStatus);
serde_plain::derive_display_from_serialize!(Verdict);
