//! Commands on the hosts, through SSM Run Command.

use std::collections::BTreeSet;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::ProvideErrorMetadata as _;
use aws_sdk_ssm::types::{CommandInvocationStatus, InstanceInformationStringFilter, PingStatus};

use super::{beginning, failed};
use crate::failure::Failure;
use crate::step::{STEP_SECONDS, StepId};

/// What runs on a host, after the assignments of its three variables. Nothing is interpolated into it.
const SCRIPT: &str = include_str!("agent.sh");
/// How long SSM tries to deliver a command, in seconds.
const DELIVERY_SECONDS: i32 = 120;
/// How long a command may run, in seconds: the agent stops by itself before, and a poll gives up after.
const EXECUTION_SECONDS: u64 = STEP_SECONDS + 120;
/// SSM's own limit for a comment.
const COMMENT_CHARACTERS: usize = 100;

/// SSM Run Command.
#[derive(Debug, Clone)]
pub struct Commands {
    client: Client,
}

/// The variables of the script.
#[derive(Debug, Clone)]
pub struct Invocation<'a> {
    /// The run, for whoever looks at the commands.
    pub run_id: &'a str,
    /// The step, for whoever looks at the commands.
    pub step: &'a StepId,
    /// Presigned GET of the agent's binary.
    pub agent_url: &'a str,
    /// SHA-256 of the agent's binary, in hexadecimal.
    pub agent_sha256: &'a str,
    /// Presigned GET of the step's document.
    pub document_url: &'a str,
}

/// A command was sent, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Its id.
    Command(String),
    /// SSM does not manage the host (any more); in SSM's words.
    Unmanaged(String),
}

/// Where a command stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandState {
    /// It has not ended, as far as is known.
    Pending,
    /// The script ended with 0.
    Succeeded,
    /// It ended otherwise, or could not be delivered.
    Failed {
        /// SSM's word for it.
        status: String,
        /// The beginning of what it wrote to its standard error.
        output: String,
    },
}

impl Commands {
    /// By a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Starts the agent on a host.
    ///
    /// # Errors
    /// SSM does not take it.
    pub async fn send(&self, host_id: &str, invocation: &Invocation<'_>) -> Result<Sent, Failure> {
        let comment = format!("dicomperf {} {}", invocation.step, invocation.run_id);
        let doing = format!("sending step {} to host {host_id}", invocation.step);
        let sent = self
            .client
            .send_command()
            .document_name("AWS-RunShellScript")
            .instance_ids(host_id)
            .comment(comment.chars().take(COMMENT_CHARACTERS).collect::<String>())
            .timeout_seconds(DELIVERY_SECONDS)
            .parameters("commands", vec![script(invocation)?])
            // SSM must expire first, so that we read TimedOut instead of losing it.
            .parameters("executionTimeout", vec![EXECUTION_SECONDS.to_string()])
            .send()
            .await;
        match sent {
            Ok(answer) => {
                let id = answer.command().and_then(|command| command.command_id());
                id.map(|id| Sent::Command(id.to_owned()))
                    .ok_or_else(|| Failure::Aws { doing, reason: "the answer has no command".to_owned() })
            }
            Err(error) if error.code() == Some("InvalidInstanceId") => Ok(Sent::Unmanaged(super::reason(&error))),
            Err(error) => Err(failed(doing)(error)),
        }
    }

    /// Where a command stands.
    ///
    /// # Errors
    /// SSM does not answer.
    pub async fn state(&self, command_id: &str, host_id: &str) -> Result<CommandState, Failure> {
        let request = self.client.get_command_invocation().command_id(command_id).instance_id(host_id);
        let invocation = match request.send().await {
            Ok(invocation) => invocation,
            // Just after SendCommand, the command may not be known everywhere.
            Err(error) if error.code() == Some("InvocationDoesNotExist") => return Ok(CommandState::Pending),
            Err(error) => return Err(failed(format!("looking at command {command_id}"))(error)),
        };
        Ok(match invocation.status() {
            Some(CommandInvocationStatus::Success) => CommandState::Succeeded,
            Some(
                status @ (CommandInvocationStatus::Failed
                | CommandInvocationStatus::Cancelled
                | CommandInvocationStatus::TimedOut),
            ) => CommandState::Failed {
                // The details tell Undeliverable and Terminated from Failed.
                status: invocation.status_details().unwrap_or(status.as_str()).to_owned(),
                output: beginning(invocation.standard_error_content().unwrap_or_default().trim(), 1500),
            },
            _ => CommandState::Pending,
        })
    }

    /// Which of the hosts are managed by SSM and answer.
    ///
    /// # Errors
    /// SSM does not answer.
    pub async fn online(&self, host_ids: &[String]) -> Result<BTreeSet<String>, Failure> {
        if host_ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        let filter = InstanceInformationStringFilter::builder()
            .key("InstanceIds")
            .set_values(Some(host_ids.to_vec()))
            .build()
            .map_err(|error| Failure::Aws { doing: "asking SSM".to_owned(), reason: error.to_string() })?;
        let answer = self
            .client
            .describe_instance_information()
            .filters(filter)
            .send()
            .await
            .map_err(failed("asking SSM for its hosts"))?;
        Ok(answer
            .instance_information_list()
            .iter()
            .filter(|host| host.ping_status() == Some(&PingStatus::Online))
            .filter_map(|host| host.instance_id().map(str::to_owned))
            .filter(|id| host_ids.contains(id))
            .collect())
    }
}

/// The script with its variables, which cannot end the quotes they stand in.
fn script(invocation: &Invocation<'_>) -> Result<String, Failure> {
    let mut script = String::new();
    for (name, value) in [
        ("agent_url", invocation.agent_url),
        ("agent_sha256", invocation.agent_sha256),
        ("document_url", invocation.document_url),
    ] {
        if !value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\'') {
            let reason = format!("{name} has a character that does not belong into a URL");
            return Err(Failure::Aws { doing: "writing the command".to_owned(), reason });
        }
        script.push_str(&format!("{name}='{value}'\n"));
    }
    script.push_str(SCRIPT);
    Ok(script)
}

#[cfg(test)]
mod tests;
