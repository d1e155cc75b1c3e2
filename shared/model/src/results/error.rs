//! The error that ended a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An error as Step Functions passes it on, and as a report names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunError {
    /// The error's name.
    pub error: String,
    /// Description for a person.
    pub cause: String,
}

impl RunError {
    /// Reads `$states.errorOutput`. A Lambda's cause in it is a JSON document that contains the message.
    #[must_use]
    pub fn from_states(error: &str, cause: &str) -> Self {
        let message = serde_json::from_str::<serde_json::Value>(cause)
            .ok()
            .and_then(|document| document["errorMessage"].as_str().map(str::to_owned));
        Self { error: error.to_owned(), cause: message.unwrap_or_else(|| cause.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_taken_out_of_a_lambdas_cause() {
        let cause = r#"{"errorType":"NoCapacity","errorMessage":"server host: no capacity"}"#;
        assert_eq!(RunError::from_states("NoCapacity", cause).cause, "server host: no capacity");
    }

    #[test]
    fn a_cause_that_is_no_json_stays_as_it_is() {
        assert_eq!(RunError::from_states("States.Timeout", "too slow").cause, "too slow");
    }
}
