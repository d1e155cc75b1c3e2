//! The measurement of a block.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ServerAddress;
use crate::plan::{Plan, Scenario};
use crate::request::Search;
use crate::settings::ServerSettings;

/// A block to measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasureBlock {
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// Number of the block.
    pub block: u32,
    /// Number of the round, from 0.
    pub round: u32,
    /// The address of the SCP.
    pub server: ServerAddress,
    /// The configuration of the SCP.
    pub settings: ServerSettings,
    /// The AE title that the sender calls from.
    pub calling_ae_title: String,
    /// The scenarios, whose iterations alternate.
    pub scenarios: Vec<Scenario>,
    /// Counted iterations of each scenario.
    pub iterations: u32,
    /// Iterations of each scenario before those, which do not count.
    pub warmup: u32,
    /// The search from each scenario after its iterations, in the first round only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// Presigned PUT URL for the host's samples so far.
    pub samples_url: String,
}

impl MeasureBlock {
    /// Returns the measurement of the block run with this ordinal; `None` if the plan has no such block run.
    #[must_use]
    pub fn of_plan(plan: &Plan, ordinal: u32, server: ServerAddress, samples_url: String) -> Option<Self> {
        let (run, block) = plan.block_of(ordinal)?;
        Some(Self {
            ordinal: run.ordinal,
            block: run.block,
            round: run.round,
            server,
            settings: block.server.clone(),
            calling_ae_title: plan.request.client.ae_title.clone(),
            scenarios: block.scenarios.clone(),
            iterations: block.iterations(&plan.request),
            warmup: plan.request.warmup,
            // In the first round only: a search takes long, and its levels are compared only with each other.
            search: plan.request.search.clone().filter(|_| run.round == 0),
            samples_url,
        })
    }
}
