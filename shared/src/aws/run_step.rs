//! A step on a host: started once, then looked at until its report says that it is over.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::agent::Agent;
use super::artifacts::Artifacts;
use super::commands::{CommandState, Commands, Invocation, Sent};
use super::hosts::{Host, Hosts};
use super::records::{Records, RunProgress};
use super::signatures::{Scope, Signatures};
use super::step_document::{Ingredients, document};
use crate::failure::Failure;
use crate::keys::{self, RunKeys};
use crate::plan::Secrets;
use crate::step::{HostRole, STEP_SECONDS, StepDocument, StepReport, StepState};
use crate::workflow::{LaunchedHost, STEP_LOOKS, StepAction, StepAnswer, StepEvent, host_of, step_wait_seconds};

/// What a host needs at the end, to upload and to be torn down before it expires.
const LAST_SECONDS: u64 = 60;

/// Runs steps.
#[derive(Debug)]
pub struct StepRunner {
    /// Has the plan, the documents and the reports.
    pub artifacts: Artifacts,
    /// Reaches the hosts.
    pub commands: Commands,
    /// Tells whether they are still there.
    pub hosts: Hosts,
    /// Is told how far the run is.
    pub records: Records,
    /// Signs what the hosts get.
    pub signatures: Signatures,
    /// What runs on the hosts.
    pub agent: Agent,
}

/// A command that was sent for a step, so that it is not sent again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentCommand {
    command_id: String,
    sent_at: Timestamp,
}

impl StepRunner {
    /// Does what the event says.
    ///
    /// # Errors
    /// The step failed, its host is lost, or its time is up.
    pub async fn run(&self, event: &StepEvent, now: Timestamp) -> Result<StepAnswer, Failure> {
        match event.action {
            StepAction::Start => self.start(event, now).await,
            StepAction::Poll => self.poll(event, now).await,
        }
    }

    async fn start(&self, event: &StepEvent, now: Timestamp) -> Result<StepAnswer, Failure> {
        let keys = RunKeys(&event.run_id);
        let command_key = keys.step_command(&event.step);
        let command = match self.artifacts.read(&command_key).await? {
            Some(command) => command,
            None => {
                let command_id = self.send(event, now).await?;
                self.artifacts.settle(&command_key, SentCommand { command_id, sent_at: now }).await?
            }
        };
        Ok(StepAnswer {
            state: StepState::Running,
            command_id: command.command_id,
            sent_at: command.sent_at,
            look: 0,
            wait_seconds: step_wait_seconds(0, 0, None),
            doing: "starting".to_owned(),
        })
    }

    async fn send(&self, event: &StepEvent, now: Timestamp) -> Result<String, Failure> {
        let deadline_seconds = deadline_seconds(event, now)?;
        let host = host(event)?;
        let plan = self.artifacts.plan(&event.run_id).await?;
        let agent_sha256 = self.agent.publish(&self.artifacts).await?;
        let agent_key = keys::agent(agent_sha256);
        let dataset = plan.request.dataset.s3.as_ref();
        let scope = Scope {
            run_id: &event.run_id,
            agent: &agent_key,
            dataset: dataset.map(|objects| (objects.bucket.as_str(), objects.prefix.as_str())),
        };
        let signer = self.signatures.session(&scope).await?;
        let document_key = RunKeys(&event.run_id).step_document(&event.step);
        if self.artifacts.read::<StepDocument>(&document_key).await?.is_none() {
            let secrets = self.artifacts.require::<Secrets>(&RunKeys(&event.run_id).secrets()).await?;
            let ingredients =
                Ingredients { plan: &plan, secrets: &secrets, hosts: &event.hosts, signer: &signer, deadline_seconds };
            self.artifacts.settle(&document_key, document(&event.step, &ingredients).await?).await?;
        }
        let invocation = Invocation {
            run_id: &event.run_id,
            step: &event.step,
            agent_url: &signer.get(&agent_key).await?,
            agent_sha256,
            document_url: &signer.get(&document_key).await?,
        };
        match self.commands.send(&host.id, &invocation).await? {
            Sent::Command(id) => Ok(id),
            Sent::Unmanaged(reason) => {
                self.check_hosts(event).await?;
                // It is there, and SSM may be late: worth another try.
                Err(Failure::Aws { doing: format!("sending step {} to host {}", event.step, host.id), reason })
            }
        }
    }

    async fn poll(&self, event: &StepEvent, now: Timestamp) -> Result<StepAnswer, Failure> {
        let host = host(event)?;
        let (Some(command_id), Some(sent_at)) = (&event.command_id, event.sent_at) else {
            let reason = "neither its command nor the time of it is known".to_owned();
            return Err(Failure::Aws { doing: format!("looking at step {}", event.step), reason });
        };
        let mut report = self.report(event).await?;
        if !report.as_ref().is_some_and(is_final) {
            let command = self.commands.state(command_id, &host.id).await?;
            if let CommandState::Failed { status, output } = command {
                // The agent may have put its last report between the two looks.
                report = self.report(event).await?;
                if !report.as_ref().is_some_and(is_final) {
                    self.check_hosts(event).await?;
                    let separator = if output.is_empty() { "" } else { ": " };
                    return Err(failed(event, host, format!("SSM says {status}{separator}{output}")));
                }
            } else {
                self.check_hosts(event).await?;
            }
        }
        if let Some(report) = &report {
            self.show(event, report).await;
        }
        let state = report.as_ref().map_or(StepState::Running, |report| report.state);
        let doing = report.as_ref().map_or("starting", |report| report.progress.doing.as_str());
        let look = event.look + 1;
        let seconds = u64::try_from(now.duration_since(sent_at).as_secs()).unwrap_or(0);
        match state {
            StepState::Succeeded | StepState::Incomplete => {}
            StepState::Failed => {
                let error = report.as_ref().and_then(|report| report.error.as_ref());
                let reason = error.map_or_else(
                    || "the agent does not say why".to_owned(),
                    |error| format!("{}: {}", error.name, error.message),
                );
                return Err(failed(event, host, reason));
            }
            StepState::Running if now >= event.expires_at => return Err(expired(event)),
            StepState::Running if look >= STEP_LOOKS => {
                return Err(Failure::StepTimedOut {
                    host: event.step.host(),
                    id: host.id.clone(),
                    step: event.step.to_string(),
                    seconds,
                    doing: doing.to_owned(),
                });
            }
            StepState::Running => {}
        }
        Ok(StepAnswer {
            state,
            command_id: command_id.clone(),
            sent_at,
            look,
            wait_seconds: step_wait_seconds(look, seconds, report.as_ref().and_then(remaining_seconds)),
            doing: doing.to_owned(),
        })
    }

    /// The step's own report. The parts of a block share a place, where an earlier part's may still be.
    async fn report(&self, event: &StepEvent) -> Result<Option<StepReport>, Failure> {
        let report = self.artifacts.read::<StepReport>(&RunKeys(&event.run_id).step_report(&event.step)).await?;
        Ok(report.filter(|report| report.step == event.step))
    }

    /// Says so if one of the run's hosts is gone: without its peer, a step waits for nothing.
    async fn check_hosts(&self, event: &StepEvent) -> Result<(), Failure> {
        let found = self.hosts.of_run(&event.run_id).await?;
        // The step's own host first.
        let mut roles = [HostRole::Server, HostRole::Client];
        roles.sort_by_key(|role| *role != event.step.host());
        for role in roles {
            let Some(host) = host_of(&event.hosts, role) else { continue };
            let seen = found.iter().find(|seen| seen.id == host.id);
            if !seen.is_some_and(Host::is_alive) {
                return Err(Failure::HostLost {
                    host: role,
                    id: host.id.clone(),
                    step: event.step.to_string(),
                    reason: seen.map_or_else(|| "EC2 does not know it any more".to_owned(), Host::ending),
                });
            }
        }
        Ok(())
    }

    /// Lets whoever follows the run see how far it is. Nothing depends on it.
    async fn show(&self, event: &StepEvent, report: &StepReport) {
        let progress = RunProgress {
            state: report.state,
            step: event.step.to_string(),
            doing: report.progress.doing.clone(),
            done: report.progress.done,
            total: report.progress.total,
        };
        if let Err(failure) = self.records.progress(&event.run_id, &progress).await {
            tracing::warn!(%failure, run_id = event.run_id, "the progress is not recorded");
        }
    }
}

const fn is_final(report: &StepReport) -> bool {
    !matches!(report.state, StepState::Running)
}

fn host(event: &StepEvent) -> Result<&LaunchedHost, Failure> {
    host_of(&event.hosts, event.step.host()).ok_or_else(|| Failure::Aws {
        doing: format!("running step {}", event.step),
        reason: format!("no {} host is named", event.step.host()),
    })
}

/// What the agent has: a step's time, or what the hosts have left.
fn deadline_seconds(event: &StepEvent, now: Timestamp) -> Result<u64, Failure> {
    let left = u64::try_from(event.expires_at.duration_since(now).as_secs()).unwrap_or(0);
    match left.saturating_sub(LAST_SECONDS) {
        0 => Err(expired(event)),
        seconds => Ok(seconds.min(STEP_SECONDS)),
    }
}

/// How long the rest takes if it goes on as before.
fn remaining_seconds(report: &StepReport) -> Option<f64> {
    let (done, total) = (report.progress.done, report.progress.total);
    (done > 0).then(|| report.elapsed_seconds / f64::from(done) * f64::from(total.saturating_sub(done)))
}

fn expired(event: &StepEvent) -> Failure {
    Failure::RunExpired { expired_at: event.expires_at.to_string(), step: event.step.to_string() }
}

fn failed(event: &StepEvent, host: &LaunchedHost, reason: String) -> Failure {
    Failure::StepFailed { host: event.step.host(), id: host.id.clone(), step: event.step.to_string(), reason }
}

#[cfg(test)]
mod tests;
