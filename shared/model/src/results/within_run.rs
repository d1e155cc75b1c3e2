//! Comparisons between scenarios of one run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verdict::Change;
use crate::settings::Difference;
use crate::statistics::Interval;

/// Two scenarios that differ in one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioComparison {
    /// Number of the reference scenario.
    pub a: u32,
    /// Number of the scenario that is judged.
    pub b: u32,
    /// The setting in which they differ.
    pub difference: Difference,
    /// Median instances per second of b divided by those of a, with its 95% interval; null if one has no valid
    /// iteration.
    pub ratio: Option<Interval>,
    /// The verdict; improved means that b is faster than a.
    pub verdict: Change,
    /// The reason why there is no verdict, if there are too few iterations for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
