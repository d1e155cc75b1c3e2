//! Errors in a request: the field, the problem, and the allowed values.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An error in one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// Path of the field: `matrix.associations[0]`; empty for the document itself.
    pub path: String,
    /// The problem.
    pub problem: String,
    /// The allowed values.
    pub allowed: String,
}

/// All errors of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}", self.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct InvalidRequest {
    /// The errors, at least one.
    pub errors: Vec<FieldError>,
}

impl InvalidRequest {
    /// Returns the errors of a document that is the value of a field.
    #[must_use]
    pub fn below(mut self, field: &str) -> Self {
        for error in &mut self.errors {
            let is_field = !error.path.is_empty() && !error.path.starts_with('[');
            error.path = format!("{field}{}{}", if is_field { "." } else { "" }, error.path);
        }
        self
    }
}

impl FieldError {
    /// Returns an error at `path`.
    pub fn new(path: impl Into<String>, problem: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into(), allowed: allowed.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the request" } else { &self.path };
        write!(f, "{path}: {}; allowed: {}", self.problem, self.allowed)
    }
}
