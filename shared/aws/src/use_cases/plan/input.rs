//! The inputs of an execution: a request, a schedule's request, or work on the hosts that a run keeps.

use serde_json::Value;

use crate::workflow::{Again, Clearing, Scheduled};
use dicomperf_model::validation::{FieldError, InvalidRequest};

/// The input of an execution.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::use_cases) enum Input {
    /// A run.
    Request {
        /// The schedule that started it.
        schedule: Option<String>,
        /// The request.
        document: Value,
    },
    /// Work on the hosts that a run keeps.
    OnHosts(OnHosts),
}

/// Work on the hosts that a run keeps.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::use_cases) enum OnHosts {
    /// Measures once more, with the run's request or with another one.
    Again {
        /// Id of the run.
        run_id: String,
        /// The other request.
        document: Option<Value>,
    },
    /// Empties the hosts.
    Clear {
        /// Id of the run.
        run_id: String,
    },
}

impl OnHosts {
    /// Returns the id of the run that keeps the hosts.
    pub fn hosts_of(&self) -> &str {
        match self {
            Self::Again { run_id, .. } | Self::Clear { run_id } => run_id,
        }
    }

    /// Returns the field of the input that names the run.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Again { .. } => "again",
            Self::Clear { .. } => "clear",
        }
    }
}

impl Input {
    /// Reads the input of an execution.
    pub fn read(input: Value) -> Result<Self, InvalidRequest> {
        if input.get("again").is_some() {
            let allowed = "{\"again\": \"RUN-ID\"}, or with \"request\" beside it";
            let Again { again, request } = parse("again", input, allowed)?;
            return Ok(Self::OnHosts(OnHosts::Again { run_id: again, document: request }));
        }
        if input.get("clear").is_some() {
            let Clearing { clear } = parse("clear", input, "{\"clear\": \"RUN-ID\"}")?;
            return Ok(Self::OnHosts(OnHosts::Clear { run_id: clear }));
        }
        let (schedule, document) = split(input)?;
        Ok(Self::Request { schedule, document })
    }
}

fn parse<T: serde::de::DeserializeOwned>(field: &str, input: Value, allowed: &str) -> Result<T, InvalidRequest> {
    serde_json::from_value(input)
        .map_err(|error| InvalidRequest { errors: vec![FieldError::new(field, error.to_string(), allowed)] })
}

/// Splits the input into the schedule, if one started the run, and the request.
fn split(input: Value) -> Result<(Option<String>, Value), InvalidRequest> {
    let is_scheduled = input
        .as_object()
        .is_some_and(|fields| fields.len() == 2 && fields.contains_key("schedule") && fields.contains_key("request"));
    if !is_scheduled {
        return Ok((None, input));
    }
    let invalid = |problem: String| InvalidRequest {
        errors: vec![FieldError::new("schedule", problem, "1 to 128 letters, digits and _ . -")],
    };
    let scheduled: Scheduled = serde_json::from_value(input).map_err(|error| invalid(error.to_string()))?;
    let name = &scheduled.schedule;
    let is_name = (1..=128).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if !is_name {
        return Err(invalid(format!("is {name:?}")));
    }
    Ok((Some(scheduled.schedule), scheduled.request))
}
