//! C-STORE times over the course of an iteration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The growth of a C-STORE's time with the number of instances that were sent before it in its iteration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Growth {
    /// Growth of the time for each thousand instances, in ms: the least squares line through all of them.
    pub ms_per_thousand: f64,
    /// Median time in the first quarter of each iteration, in ms.
    pub first_quarter_p50_ms: f64,
    /// Median time in the last quarter of each iteration, in ms.
    pub last_quarter_p50_ms: f64,
    /// Instances of the longest iteration.
    pub instances: u32,
}

/// C-STOREs that were requested in the same part of an iteration, over all iterations together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatencyBucket {
    /// The middle of that part, in seconds since the iteration's first request.
    pub at_seconds: f64,
    /// Number of C-STOREs.
    pub c_stores: u32,
    /// Half of them took no longer, in ms.
    pub p50_ms: f64,
    /// 99% took no longer, in ms.
    pub p99_ms: f64,
    /// The slowest C-STORE, in ms.
    pub max_ms: f64,
}
