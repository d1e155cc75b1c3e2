//! The deployed stack.

use anyhow::Context as _;
use aws_config::SdkConfig;
use serde::Deserialize;

/// The parts of a stack that the command line uses, in the form of the template's StackParameter.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stack {
    pub state_machine_arn: String,
    pub bucket: String,
}

impl Stack {
    /// Finds the stack of this name.
    pub async fn find(config: &SdkConfig, name: &str) -> anyhow::Result<Self> {
        let parameter = format!("/dicomperf/{name}");
        let answer = aws_sdk_ssm::Client::new(config)
            .get_parameter()
            .name(&parameter)
            .send()
            .await
            .map_err(aws_sdk_ssm::Error::from)
            .with_context(|| {
                format!("stack {name}: parameter {parameter} cannot be read; is it deployed in this region?")
            })?;
        let value = answer.parameter.and_then(|parameter| parameter.value).unwrap_or_default();
        serde_json::from_str(&value)
            .with_context(|| format!("parameter {parameter} has not the form that the template writes"))
    }
}
