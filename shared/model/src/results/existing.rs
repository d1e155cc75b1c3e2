//! The existing server of a run: its identity, its answer to an association, and the studies that the run sent to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measurement::{CleanupOutcome, Negotiated, NegotiatedContext};
use crate::plan::ExistingIdentity;
use crate::request::{Cleanup, Receipt};

/// The existing server that a run measured, and the data that the run sent to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExistingSummary {
    /// Address, port, AE title, and the implementation that the server announced.
    #[serde(flatten)]
    pub server: ExistingIdentity,
    /// The interface that proved storage; `none` if storage was not proven.
    pub receipt: Receipt,
    /// Patient IDs (0010,0020) of the instances that were sent.
    pub patient_ids: Vec<String>,
    /// Every Study Instance UID (0020,000D) that the run sent, in the order of sending; those of searches too.
    pub study_instance_uids: Vec<String>,
    /// The interface that deletes the studies after the measurement.
    pub cleanup: Cleanup,
    /// The outcome of the deletion over all block runs; null if nothing was deleted.
    pub cleanup_outcome: Option<CleanupOutcome>,
}

/// A server's answer to an association request, the block runs that received this answer, and the advice that follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NegotiationSummary {
    /// The block runs' places in the sequence.
    pub ordinals: Vec<u32>,
    /// The answer.
    #[serde(flatten)]
    pub answer: Negotiated,
    /// Advice for a person, each in a sentence or two.
    pub advice: Vec<String>,
}

impl ExistingSummary {
    /// Returns the number of studies that are still on the server, as far as the run knows.
    #[must_use]
    pub fn studies_left(&self) -> usize {
        let deleted = self.cleanup_outcome.as_ref().map_or(0, |outcome| outcome.deleted as usize);
        self.study_instance_uids.len().saturating_sub(deleted)
    }
}

impl NegotiatedContext {
    /// True if the server accepted the presentation context.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        self.result == 0
    }

    /// Returns the result in the words of PS3.8 table 9-18.
    #[must_use]
    pub fn result_words(&self) -> String {
        match self.result {
            0 => "acceptance".to_owned(),
            1 => "user-rejection".to_owned(),
            2 => "no-reason (provider rejection)".to_owned(),
            3 => "abstract-syntax-not-supported (provider rejection)".to_owned(),
            4 => "transfer-syntaxes-not-supported (provider rejection)".to_owned(),
            other => format!("{other}, which PS3.8 does not define"),
        }
    }
}
