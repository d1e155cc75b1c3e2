//! Problems: the answers of the API to what it cannot do (RFC 9457).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use dicomperf_model::validation::FieldError;

/// A problem, in the form of RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// URI of the kind. It leads nowhere; docs/api.md lists every kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// This occurrence in words.
    pub detail: String,
    /// Every field that is not allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// Kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// A field of the body or the query is not allowed.
    InvalidRequest,
    /// There is no such thing, or no such path.
    NotFound,
    /// The path has other methods.
    MethodNotAllowed,
    /// The caller accepts no JSON.
    NotAcceptable,
    /// The state of the thing does not allow this.
    Conflict,
    /// The body is too long.
    TooLarge,
    /// The body is not JSON by its Content-Type.
    UnsupportedMediaType,
    /// The Idempotency-Key was used with another request (draft-ietf-httpapi-idempotency-key-header, 2.7).
    TokenReused,
    /// AWS limits the rate of calls.
    Throttled,
    /// A call to AWS failed.
    AwsFailed,
}

impl ProblemKind {
    /// Returns the HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::TokenReused => 422,
            Self::Throttled => 429,
            Self::AwsFailed => 502,
        }
    }

    /// Returns the last part of the kind's URI.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid-request",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::NotAcceptable => "not-acceptable",
            Self::Conflict => "conflict",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::TokenReused => "token-reused",
            Self::Throttled => "throttled",
            Self::AwsFailed => "aws-failed",
        }
    }

    /// Returns the kind in words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is not allowed",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "The path has other methods",
            Self::NotAcceptable => "The answer is JSON, which the caller does not accept",
            Self::Conflict => "The present state does not allow this",
            Self::TooLarge => "The body is too long",
            Self::UnsupportedMediaType => "The body is not application/json",
            Self::TokenReused => "The Idempotency-Key was used with another request",
            Self::Throttled => "Too many calls",
            Self::AwsFailed => "A call to AWS failed",
        }
    }

    /// Returns a problem of this kind.
    pub fn problem(self, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("urn:dicomperf:problem:{}", self.name()),
            title: self.title().to_owned(),
            status: self.status(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        let kind = match refusal {
            Refusal::Invalid(invalid) => {
                let errors = invalid.errors;
                return Self { errors, ..ProblemKind::InvalidRequest.problem(detail) };
            }
            Refusal::NotFound { .. } => ProblemKind::NotFound,
            Refusal::Conflict(_) => ProblemKind::Conflict,
            Refusal::TokenReused { .. } => ProblemKind::TokenReused,
            Refusal::Throttled(_) => ProblemKind::Throttled,
            Refusal::Failed(_) => ProblemKind::AwsFailed,
        };
        kind.problem(detail)
    }
}
