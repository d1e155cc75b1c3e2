//! Bodies and answers that only the HTTP API has.

use dicomperf_model::history::NamedBaseline;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The run that gets the name of a baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaselineRun {
    /// Id of a run that succeeded and has figures.
    pub run_id: String,
}

/// The named baselines of a stack, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineList {
    /// The baselines.
    pub baselines: Vec<NamedBaseline>,
}
