//! The figures of a scenario that a threshold or an objective may limit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

/// A limit on a metric, for every scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 2))]
pub struct Threshold {
    /// The limited metric.
    pub metric: Metric,
    /// The smallest allowed value, in the metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64", range(min = 0))]
    pub min: Option<f64>,
    /// The greatest allowed value, in the metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64", range(min = 0))]
    pub max: Option<f64>,
}

/// A figure of a scenario that a threshold may limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, VariantArray, Serialize, Deserialize, JsonSchema)]
pub enum Metric {
    /// Median over iterations of instances stored per second.
    #[serde(rename = "instancesPerSecond")]
    InstancesPerSecond,
    /// Median over iterations of bytes sent per second.
    #[serde(rename = "bytesPerSecond")]
    BytesPerSecond,
    /// Median time of a C-STORE in ms.
    #[serde(rename = "latencyMs.p50")]
    LatencyP50,
    /// 90th percentile of the time of a C-STORE in ms.
    #[serde(rename = "latencyMs.p90")]
    LatencyP90,
    /// 95th percentile of the time of a C-STORE in ms.
    #[serde(rename = "latencyMs.p95")]
    LatencyP95,
    /// 99th percentile of the time of a C-STORE in ms.
    #[serde(rename = "latencyMs.p99")]
    LatencyP99,
    /// The slowest C-STORE in ms.
    #[serde(rename = "latencyMs.max")]
    LatencyMax,
}

// The name in requests and reports: `latencyMs.p99`.
serde_plain::derive_display_from_serialize!(Metric);
serde_plain::derive_fromstr_from_deserialize!(Metric);

/// A figure of C-STORE times: a percentile, or the slowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, VariantArray)]
pub enum LatencyFigure {
    /// Median.
    P50,
    /// 90th percentile.
    P90,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// The slowest C-STORE.
    Max,
}

impl LatencyFigure {
    /// Returns the percentile in percent; 100 for the slowest.
    #[must_use]
    pub const fn percent(self) -> f64 {
        match self {
            Self::P50 => 50.0,
            Self::P90 => 90.0,
            Self::P95 => 95.0,
            Self::P99 => 99.0,
            Self::Max => 100.0,
        }
    }

    /// Returns the name in reports: `p95`, `max`.
    #[must_use]
    pub fn label(self) -> String {
        if self == Self::Max { "max".to_owned() } else { format!("p{}", self.percent()) }
    }
}

impl Metric {
    /// Returns the figure of C-STORE times that the metric is, or `None` for a throughput.
    #[must_use]
    pub const fn latency(self) -> Option<LatencyFigure> {
        match self {
            Self::InstancesPerSecond | Self::BytesPerSecond => None,
            Self::LatencyP50 => Some(LatencyFigure::P50),
            Self::LatencyP90 => Some(LatencyFigure::P90),
            Self::LatencyP95 => Some(LatencyFigure::P95),
            Self::LatencyP99 => Some(LatencyFigure::P99),
            Self::LatencyMax => Some(LatencyFigure::Max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_of_a_c_store_is_a_metric_of_that_name() {
        let of_latency: Vec<_> =
            Metric::VARIANTS.iter().filter_map(|metric| Some((*metric, metric.latency()?))).collect();
        assert_eq!(of_latency.iter().map(|(_, figure)| *figure).collect::<Vec<_>>(), LatencyFigure::VARIANTS);
        for (metric, figure) in of_latency {
            assert_eq!(metric.to_string(), format!("latencyMs.{}", figure.label()));
            assert_eq!(metric.to_string().parse::<Metric>().expect("its own name"), metric);
        }
    }
}
