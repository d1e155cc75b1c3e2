//! Errors of the use cases for people: command line and HTTP API.

use dicomperf_model::validation::{FieldError, InvalidRequest};

use crate::failure::Failure;

/// An error of a use case for people. The command line and the HTTP API answer each kind in their own way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The input is not allowed. Nothing was changed.
    #[error("{0}")]
    Invalid(#[from] InvalidRequest),
    /// There is no such thing.
    #[error("there is no {thing} {name:?}")]
    NotFound {
        /// Kind of the thing: `run`, `schedule`, `report`, `baseline`.
        thing: &'static str,
        /// Its name.
        name: String,
    },
    /// The state of the thing does not allow this.
    #[error("{0}")]
    Conflict(String),
    /// A client token was used before, with another request.
    #[error("the client token was used for run {run_id} with another request; use a new token for a new request")]
    TokenReused {
        /// Id of the run that the token started.
        run_id: String,
    },
    /// AWS limits the rate of calls. The same call may succeed later.
    #[error("too many calls: {0}")]
    Throttled(String),
    /// A call to AWS failed.
    #[error("{0}")]
    Failed(Failure),
}

impl Refusal {
    /// Returns a refusal with one error.
    pub fn field(path: impl Into<String>, problem: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self::Invalid(InvalidRequest { errors: vec![FieldError::new(path, problem, allowed)] })
    }

    /// Returns the refusal for a thing that does not exist.
    pub fn not_found(thing: &'static str, name: impl Into<String>) -> Self {
        Self::NotFound { thing, name: name.into() }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::InvalidRequest(invalid) => Self::Invalid(invalid),
            // The codes of throttled calls, as the SDK's retries know them (aws-runtime, retries/classifiers.rs).
            Failure::Aws { doing, reason } if reason.contains("Throttl") || reason.contains("TooManyRequests") => {
                Self::Throttled(format!("{doing}: {reason}"))
            }
            other => Self::Failed(other),
        }
    }
}
