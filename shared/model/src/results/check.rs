//! The checks of a dry run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Beginning of the words of a check that could not be made.
const NOT_CHECKED: &str = "Not checked";

/// A check of a dry run: one permission, limit or resource that a run needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// The function and the subject: `launch: subnets`.
    pub name: String,
    /// False if a run of this request would fail.
    pub ok: bool,
    /// The result in words. It begins with `Not checked` if only a real host could show it.
    pub says: String,
}

impl Check {
    /// Returns a check that found no fault.
    pub fn passed(name: impl Into<String>, says: impl Into<String>) -> Self {
        Self { name: name.into(), ok: true, says: says.into() }
    }

    /// Returns a check that found a fault.
    pub fn failed(name: impl Into<String>, says: impl Into<String>) -> Self {
        Self { name: name.into(), ok: false, says: says.into() }
    }

    /// Returns a check that could not be made. It does not fail the dry run.
    pub fn not_made(name: impl Into<String>, reason: &str) -> Self {
        Self { name: name.into(), ok: true, says: format!("{NOT_CHECKED}: {reason}") }
    }

    /// Returns `passed`, `failed` or `not checked`.
    #[must_use]
    pub fn result(&self) -> &'static str {
        match self.ok {
            true if self.says.starts_with(NOT_CHECKED) => "not checked",
            true => "passed",
            false => "failed",
        }
    }
}
