//! A failure of the server, seen on its own host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::{Confidence, Evidence, Rule};

/// A failure of the server, seen on its own host: one event of one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerFault {
    /// The rule that found it.
    pub rule: Rule,
    /// Confidence in it.
    pub confidence: Confidence,
    /// The iteration that it spoils; absent if no iteration ran at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<FaultyIteration>,
    /// Time of the failure, in ms since 1970-01-01 UTC.
    pub at_ms: u64,
    /// The failure in a sentence, without a full stop.
    pub says: String,
    /// The figures that support it.
    pub evidence: Vec<Evidence>,
}

/// An iteration that a failure of the server spoils.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FaultyIteration {
    /// The scenario's number.
    pub scenario: u32,
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// Index in its block run and scenario, from 0, warm-ups first.
    pub index: u32,
    /// Start of the iteration, in ms since 1970-01-01 UTC.
    pub started_at_ms: u64,
}
