//! The search for the most that a server sustains: levels of load, one after another, until the limit is known.
//!
//! The agent asks [`SearchMeasurement::next`] what to measure, the summary what was found: both decide from the same
//! iterations by the same rules, which docs/search.md gives reasons for.

mod course;
mod judgement;
mod knee;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::course::Next;
pub(crate) use self::course::{LEAST_INSTANCES, MOST_SCENARIOS, most};
pub(crate) use self::judgement::{Judged, Judgement};
use crate::measurement::Iteration;
use crate::request::Metric;
use crate::summary::LatencySummary;

/// What is raised until the server cannot keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SearchAxis {
    /// Associations open at once.
    Associations,
    /// Instances that arrive a second.
    Rate,
}

/// What a search found from one scenario's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchSummary {
    /// The scenario whose settings all levels share, but for what is raised.
    pub scenario: u32,
    /// What was raised.
    pub axis: SearchAxis,
    /// The service level objective: what every level is held against.
    pub slo: Vec<Objective>,
    /// The levels, in ascending order.
    pub levels: Vec<SearchLevel>,
    /// The highest level that keeps the objective; null where not even the lowest does.
    pub sustainable: Option<f64>,
    /// The lowest level that breaks it; null where not even the highest does.
    pub broken: Option<f64>,
    /// Instances per second at the highest level that keeps it.
    pub sustainable_instances_per_second: Option<f64>,
    /// The level from which on raising it gains little: docs/search.md says how it is found. Null where none was seen.
    pub knee: Option<f64>,
    /// Why the search ended where it did, for a person.
    pub ended: String,
}

/// A limit that a level must keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Objective {
    /// What is limited.
    pub metric: Metric,
    /// The most that is good enough, in the metric's unit.
    pub max: f64,
}

/// What a search from one scenario has measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchMeasurement {
    /// The scenario whose settings all levels share, but for what is raised.
    pub scenario: u32,
    /// What is raised.
    pub axis: SearchAxis,
    /// What every level is held against.
    pub slo: Vec<Objective>,
    /// The first level.
    pub start: f64,
    /// No level is lower.
    pub lowest: f64,
    /// No level is higher.
    pub highest: f64,
    /// Every iteration in the order in which it was made, invalid ones too.
    pub iterations: Vec<SearchIteration>,
}

/// An iteration of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchIteration {
    /// Associations, or instances a second.
    pub level: f64,
    /// The iteration. Its index follows those of the scenario's own iterations.
    pub iteration: Iteration,
}

/// One level of load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchLevel {
    /// Associations, or instances a second.
    pub level: f64,
    /// Valid iterations at this level.
    pub iterations: u32,
    /// Instances stored per second, the median of them.
    pub instances_per_second: Option<f64>,
    /// Times of all their C-STOREs together, in ms. Whether the objective is kept is told from each iteration by itself.
    pub latency_ms: Option<LatencySummary>,
    /// Whether it keeps the objective.
    pub keeps: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl SearchAxis {
    /// The word in requests and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Associations => "associations",
            Self::Rate => "rate",
        }
    }

    /// A level in words: `8 associations`, `47.5 instances per second`.
    #[must_use]
    pub fn words(self, level: f64) -> String {
        match (self, level) {
            (Self::Associations, 1.0) => "1 association".to_owned(),
            (Self::Associations, _) => format!("{level} associations"),
            (Self::Rate, _) => format!("{level} instances per second"),
        }
    }
}
