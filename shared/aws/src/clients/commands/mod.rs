//! Commands on the hosts, through SSM Run Command.

use std::collections::BTreeSet;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::ProvideErrorMetadata as _;
use aws_sdk_ssm::types::{CommandInvocationStatus, InstanceInformationStringFilter, PingStatus};

use super::{aws_failure, beginning};
use crate::check_list::WithoutHost;
use crate::failure::Failure;
use dicomperf_model::step::StepId;
use dicomperf_model::time_limits::{DELIVERY_SECONDS, EXECUTION_SECONDS};

/// Script that runs on a host after the assignments of its three variables. No text is interpolated into it.
const SCRIPT: &str = include_str!("agent.sh");
/// Id of a command that does not exist.
const NO_COMMAND: &str = "00000000-0000-0000-0000-000000000000";
/// SSM's limit for a comment.
const MAX_COMMENT_CHARACTERS: usize = 100;

/// Client of SSM Run Command.
#[derive(Debug, Clone)]
pub struct Commands {
    client: Client,
}

/// Variables of the script, and the names for its comment.
#[derive(Debug, Clone)]
pub struct Invocation<'a> {
    /// Id of the run, for the command's comment.
    pub run_id: &'a str,
    /// The step, for the command's comment.
    pub step: &'a StepId,
    /// Presigned GET URL of the agent's binary.
    pub agent_url: &'a str,
    /// SHA-256 of the agent's binary, in hexadecimal.
    pub agent_sha256: &'a str,
    /// Presigned GET URL of the step's document.
    pub document_url: &'a str,
}

/// Result of sending a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The command was sent and has this id.
    Command(String),
    /// SSM does not manage the host, or no longer does. The text is SSM's message.
    Unmanaged(String),
}

/// State of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandState {
    /// The command has not ended, as far as SSM reports.
    Pending,
    /// The script ended with exit code 0.
    Succeeded,
    /// The script failed, or the command could not be delivered.
    Failed {
        /// SSM's name for the status.
        status: String,
        /// The script's exit code; `None` if it did not run.
        exit_code: Option<i32>,
        /// The beginning of its standard error.
        output: String,
    },
}

impl Commands {
    /// Wraps a client of SSM.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Starts the agent on a host.
    ///
    /// # Errors
    /// SSM refuses the command.
    pub async fn send(&self, host_id: &str, invocation: &Invocation<'_>) -> Result<Sent, Failure> {
        let comment = format!("dicomperf {} {}", invocation.step, invocation.run_id);
        let doing = format!("sending step {} to host {host_id}", invocation.step);
        let sent = self
            .client
            .send_command()
            .document_name("AWS-RunShellScript")
            .instance_ids(host_id)
            .comment(comment.chars().take(MAX_COMMENT_CHARACTERS).collect::<String>())
            .timeout_seconds(i32::try_from(DELIVERY_SECONDS).unwrap_or(i32::MAX))
            .parameters("commands", vec![script(invocation)?])
            // SSM must time out before polling ends, so that the status TimedOut is read and not lost.
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
            Err(error) => Err(aws_failure(doing)(error)),
        }
    }

    /// Returns the state of a command.
    ///
    /// # Errors
    /// SSM does not answer.
    pub async fn state(&self, command_id: &str, host_id: &str) -> Result<CommandState, Failure> {
        let request = self.client.get_command_invocation().command_id(command_id).instance_id(host_id);
        let invocation = match request.send().await {
            Ok(invocation) => invocation,
            // Just after SendCommand, not every part of SSM knows the command.
            Err(error) if error.code() == Some("InvocationDoesNotExist") => return Ok(CommandState::Pending),
            Err(error) => return Err(aws_failure(format!("looking at command {command_id}"))(error)),
        };
        Ok(match invocation.status() {
            Some(CommandInvocationStatus::Success) => CommandState::Succeeded,
            Some(
                status @ (CommandInvocationStatus::Failed
                | CommandInvocationStatus::Cancelled
                | CommandInvocationStatus::TimedOut),
            ) => CommandState::Failed {
                // The details distinguish Undeliverable and Terminated from Failed.
                status: invocation.status_details().unwrap_or(status.as_str()).to_owned(),
                // SSM's value for a script that did not run is -1.
                exit_code: Some(invocation.response_code()).filter(|&code| code >= 0),
                output: beginning(invocation.standard_error_content().unwrap_or_default().trim(), 1500),
            },
            _ => CommandState::Pending,
        })
    }

    /// Attempts to send a command that does nothing to a host that does not exist.
    pub(crate) async fn try_send(&self, host_id: &str) -> WithoutHost {
        let request = self.client.send_command().document_name("AWS-RunShellScript").instance_ids(host_id);
        match request.parameters("commands", vec!["true".to_owned()]).send().await {
            Ok(_) => WithoutHost::Permitted,
            Err(error) => WithoutHost::from_error(error.code(), super::reason(&error)),
        }
    }

    /// Asks for the state of a command that does not exist.
    ///
    /// # Errors
    /// SSM does not answer.
    pub(crate) async fn try_state(&self, host_id: &str) -> Result<(), Failure> {
        let request = self.client.get_command_invocation().command_id(NO_COMMAND).instance_id(host_id);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(
                    error.code(),
                    Some("InvocationDoesNotExist" | "InvalidCommandId" | "InvalidInstanceId")
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(aws_failure("asking SSM for a command")(error)),
        }
    }

    /// Returns those of the hosts that SSM manages and that answer.
    ///
    /// # Errors
    /// SSM does not answer.
    pub async fn online_hosts(&self, host_ids: &[String]) -> Result<BTreeSet<String>, Failure> {
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
            .map_err(aws_failure("asking SSM for its hosts"))?;
        Ok(answer
            .instance_information_list()
            .iter()
            .filter(|host| host.ping_status() == Some(&PingStatus::Online))
            .filter_map(|host| host.instance_id().map(str::to_owned))
            .filter(|id| host_ids.contains(id))
            .collect())
    }
}

/// Returns the script with its variables. No value can contain a quote and end its own quotes.
fn script(invocation: &Invocation<'_>) -> Result<String, Failure> {
    let mut script = String::new();
    for (name, value) in [
        ("agent_url", invocation.agent_url),
        ("agent_sha256", invocation.agent_sha256),
        ("document_url", invocation.document_url),
    ] {
        if !value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\'') {
            let reason = format!("{name} has a character that is not allowed in a URL");
            return Err(Failure::Aws { doing: "writing the command".to_owned(), reason });
        }
        script.push_str(&format!("{name}='{value}'\n"));
    }
    script.push_str(SCRIPT);
    Ok(script)
}

#[cfg(test)]
mod tests;
