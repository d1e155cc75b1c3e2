//! The load that a server sustains, as a search found it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scenario::LatencySummary;
use crate::request::{Objective, SearchAxis};

/// The result of a search from one scenario's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchSummary {
    /// The scenario whose settings all levels share, except the raised one.
    pub scenario: u32,
    /// The setting that was raised.
    pub axis: SearchAxis,
    /// The service level objective that every level was checked against.
    pub slo: Vec<Objective>,
    /// The levels, in ascending order.
    pub levels: Vec<SearchLevel>,
    /// The highest level that meets the objective; null if even the lowest fails it.
    pub sustainable: Option<f64>,
    /// The lowest level that fails the objective; null if even the highest meets it.
    pub broken: Option<f64>,
    /// Instances per second at the highest level that meets the objective.
    pub sustainable_instances_per_second: Option<f64>,
    /// The level above which more load gains little, by the method in docs/search.md. Null if no such level was seen.
    pub knee: Option<f64>,
    /// The reason why the search ended, for a person.
    pub ended: String,
}

/// One level of load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchLevel {
    /// The load: associations, or instances a second.
    pub level: f64,
    /// Valid iterations at this level.
    pub iterations: u32,
    /// Instances stored per second, the median of these iterations.
    pub instances_per_second: Option<f64>,
    /// Times of all their C-STOREs together, in ms. The objective is checked in each iteration by itself.
    pub latency_ms: Option<LatencySummary>,
    /// True if the level meets the objective.
    pub keeps: bool,
    /// The reason why it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
