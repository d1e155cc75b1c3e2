//! Hosts that stay for a time after the report.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::validation::FieldError;

/// Hosts that stay for a time after the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeepHosts {
    /// Minutes after the report. They count for `limits.maxCostUsd`, and not for `limits.maxMinutes`.
    #[schemars(range(min = 1, max = 240))]
    pub minutes: u32,
}

impl KeepHosts {
    /// Returns the time for which the hosts stay.
    #[must_use]
    pub const fn duration(self) -> SignedDuration {
        SignedDuration::from_mins(self.minutes as i64)
    }
}

/// Returns the errors of a request that keeps hosts it does not have. `document` may break the schema.
pub(crate) fn errors(document: &Value) -> Vec<FieldError> {
    if document.get("keepHosts").is_some_and(Value::is_object) && document["dryRun"] == true {
        return vec![FieldError::new("keepHosts", "a dry run has no host", "no value, or dryRun false")];
    }
    Vec::new()
}
