//! Messages of the dead-letter queue: Scheduler could not start an execution, and gave up.

use std::collections::HashMap;

use serde::Deserialize;

use dicomperf_model::telling::UnstartedRun;

/// A message, in the form in which Lambda gets it from SQS. Its body is the input of the execution.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    /// Scheduler's reasons (EventBridge Scheduler User Guide, Configuring a schedule's dead-letter queue, Retrieve the
    /// dead-letter event).
    #[serde(default)]
    message_attributes: HashMap<String, Attribute>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attribute {
    #[serde(default)]
    string_value: Option<String>,
}

impl Message {
    /// Returns the run that could not start.
    pub(super) fn into_run(mut self, stack: &str) -> UnstartedRun {
        let mut attribute = |name| self.message_attributes.remove(name).and_then(|attribute| attribute.string_value);
        // arn:aws:scheduler:REGION:ACCOUNT:schedule/GROUP/NAME
        let schedule = attribute("SCHEDULE_ARN").and_then(|arn| Some(arn.rsplit_once('/')?.1.to_owned()));
        UnstartedRun {
            stack: stack.to_owned(),
            schedule,
            scheduled_at: attribute("SCHEDULED_TIME"),
            error: attribute("ERROR_CODE"),
            cause: attribute("ERROR_MESSAGE"),
        }
    }
}
