//! The names of a stack's resources, in the form of the template's StackParameter.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::ProvideErrorMetadata as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clients::aws_failure;
use crate::failure::Failure;

/// Names of a stack's resources that people's use cases need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StackResources {
    /// ARN of the state machine. Each run is one execution of it.
    pub state_machine_arn: String,
    /// Bucket with the files of runs.
    pub bucket: String,
    /// Table with the records of runs.
    pub table: String,
    /// Name of the stack's group of schedules.
    pub schedule_group: String,
    /// ARN of the role with which a schedule starts a run.
    pub schedule_role_arn: String,
    /// ARN of the queue that gets the events of a schedule that could not start a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_dead_letter_arn: Option<String>,
    /// URL of the HTTP API. Absent without an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
}

impl StackResources {
    /// Returns the name of the SSM parameter that has these names.
    #[must_use]
    pub fn parameter(stack: &str) -> String {
        format!("/dicomperf/{stack}")
    }

    /// Reads the names of the stack's resources.
    ///
    /// # Errors
    /// The stack is not deployed in this region, its parameter cannot be read, or an earlier version wrote it.
    pub async fn find(client: &Client, stack: &str) -> Result<Self, Failure> {
        let parameter = Self::parameter(stack);
        let doing = format!("stack {stack}: reading parameter {parameter}");
        let answer = match client.get_parameter().name(&parameter).send().await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("ParameterNotFound") => {
                let reason = "it does not exist; is the stack deployed in this region?".to_owned();
                return Err(Failure::Aws { doing, reason });
            }
            Err(error) => return Err(aws_failure(doing)(error)),
        };
        let value = answer.parameter.and_then(|parameter| parameter.value).unwrap_or_default();
        serde_json::from_str(&value).map_err(|error| Failure::Aws {
            doing,
            reason: format!("it has not the form that the template writes ({error}); update the stack"),
        })
    }
}
