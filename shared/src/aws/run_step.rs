//! A step on a host: started once, then looked at until its report says that it is over.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::agent::Agent;
use super::artifacts::Artifacts;
use super::clock::Clock;
use super::commands::{CommandState, Commands, Invocation, Sent};
use super::hosts::{Host, Hosts};
use super::records::{Records, RunProgress};
use super::signatures::{Scope, Signatures};
use super::step_document::{Ingredients, document};
use crate::failure::Failure;
use crate::keys::{self, RunKeys};
use crate::pace::{MAX_STEP_LOOKS, Reported, RunningStep};
use crate::plan::Secrets;
use crate::step::{HostRole, Progress, STEP_SECONDS, StepDocument, StepError, StepId, StepState};
use crate::workflow::{LaunchedHost, StepAnswer, StepEvent, host_of};

/// The time that a host needs at the end, to upload and to be torn down before it expires.
const LAST_SECONDS: u64 = 60;
/// The pause between two readings of a report. A reading costs a twentieth of the function's time in between.
const READING_PAUSE: Duration = Duration::from_millis(250);
/// The pause between two checks that the command and the hosts are well, which SSM and EC2 limit.
const CHECK_SECONDS: f64 = 5.0;

/// Runs steps.
#[derive(Debug)]
pub struct StepRunner {
    /// The plan, the documents and the reports.
    pub artifacts: Artifacts,
    /// The way to the hosts.
    pub commands: Commands,
    /// The run's hosts, which may be lost.
    pub hosts: Hosts,
    /// The run's record, which shows its progress.
    pub records: Records,
    /// The signer of the hosts' URLs.
    pub signatures: Signatures,
    /// The program that runs on the hosts.
    pub agent: Agent,
    /// The time.
    pub clock: Clock,
}

/// A command that was sent for a step, so that it is not sent again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentCommand {
    command_id: String,
    sent_at: Timestamp,
}

/// A step's report without its output, which may be megabytes and is not needed while the step runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    step: StepId,
    state: StepState,
    error: Option<StepError>,
    progress: Progress,
    elapsed_seconds: f64,
}

/// The reports that one look saw.
#[derive(Debug, Default)]
struct Seen {
    latest: Option<Report>,
    /// The last one of fewer units.
    earlier: Option<Reported>,
    /// Seconds since the command was sent.
    elapsed_seconds: f64,
    /// Seconds since the look began.
    watched_seconds: f64,
}

impl StepRunner {
    /// Starts the step unless it was started before, and watches it as long as its end may come within this look.
    ///
    /// # Errors
    /// The step failed, its host is lost, or its time is up.
    pub async fn look(&self, event: &StepEvent) -> Result<StepAnswer, Failure> {
        let host = host(event)?;
        let command = self.command(event).await?;
        let seen = self.watch(event, host, &command).await?;
        answer(event, host, &seen, self.clock.now())
    }

    /// Returns the step's command, and sends it if none was sent.
    async fn command(&self, event: &StepEvent) -> Result<SentCommand, Failure> {
        let key = RunKeys(&event.run_id).step_command(&event.step);
        if let Some(command) = self.artifacts.read(&key).await? {
            return Ok(command);
        }
        let command_id = self.send(event, self.clock.now()).await?;
        self.artifacts.settle(&key, SentCommand { command_id, sent_at: self.clock.now() }).await
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

    /// Reads the step's report until the step is over, its end is not near, or this look has taken its time.
    async fn watch(&self, event: &StepEvent, host: &LaunchedHost, command: &SentCommand) -> Result<Seen, Failure> {
        let begun = self.clock.now();
        let mut checked_at = command.sent_at;
        let mut seen = Seen::default();
        loop {
            seen.add(self.report(event).await?);
            if !seen.is_final() && self.clock.seconds_since(checked_at) >= CHECK_SECONDS {
                self.check(event, host, command, &mut seen).await?;
                checked_at = self.clock.now();
            }
            seen.elapsed_seconds = self.clock.seconds_since(command.sent_at);
            seen.watched_seconds = self.clock.seconds_since(begun);
            let is_expired = self.clock.now() >= event.expires_at;
            if seen.is_final() || is_expired || !seen.step().is_worth_watching() {
                break;
            }
            self.clock.sleep(READING_PAUSE).await;
        }
        self.show(event, &seen).await;
        Ok(seen)
    }

    /// Checks that the command has not failed and that both hosts are there, and records how far the step is.
    async fn check(
        &self,
        event: &StepEvent,
        host: &LaunchedHost,
        command: &SentCommand,
        seen: &mut Seen,
    ) -> Result<(), Failure> {
        if let CommandState::Failed { status, output } = self.commands.state(&command.command_id, &host.id).await? {
            // The agent may have put its last report between the two looks.
            seen.add(self.report(event).await?);
            if seen.is_final() {
                return Ok(());
            }
            self.check_hosts(event).await?;
            let separator = if output.is_empty() { "" } else { ": " };
            return Err(failed(event, host, format!("SSM says {status}{separator}{output}")));
        }
        self.check_hosts(event).await?;
        self.show(event, seen).await;
        Ok(())
    }

    /// Reads the step's own report. The parts of a block share a place, where an earlier part's may still be.
    async fn report(&self, event: &StepEvent) -> Result<Option<Report>, Failure> {
        let report = self.artifacts.read::<Report>(&RunKeys(&event.run_id).step_report(&event.step)).await?;
        Ok(report.filter(|report| report.step == event.step))
    }

    /// Fails if one of the run's hosts is gone: without its peer, a step waits for nothing.
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

    /// Records how far the step is, for a person who follows the run. Nothing depends on it.
    async fn show(&self, event: &StepEvent, seen: &Seen) {
        let Some(report) = &seen.latest else { return };
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

impl Report {
    const fn reported(&self) -> Reported {
        Reported::new(&self.progress, self.elapsed_seconds)
    }
}

impl Seen {
    fn add(&mut self, report: Option<Report>) {
        let Some(report) = report else { return };
        let before = self.latest.as_ref().map(Report::reported);
        self.earlier = before.filter(|before| before.done < report.progress.done).or(self.earlier);
        self.latest = Some(report);
    }

    fn is_final(&self) -> bool {
        self.latest.as_ref().is_some_and(|report| report.state != StepState::Running)
    }

    fn step(&self) -> RunningStep {
        RunningStep {
            elapsed_seconds: self.elapsed_seconds,
            watched_seconds: self.watched_seconds,
            latest: self.latest.as_ref().map(Report::reported),
            earlier: self.earlier,
        }
    }
}

/// Says how the step stands after a look.
fn answer(event: &StepEvent, host: &LaunchedHost, seen: &Seen, now: Timestamp) -> Result<StepAnswer, Failure> {
    let report = seen.latest.as_ref();
    let doing = report.map_or("starting", |report| report.progress.doing.as_str()).to_owned();
    let look = event.look + 1;
    match report.map_or(StepState::Running, |report| report.state) {
        state @ (StepState::Succeeded | StepState::Incomplete) => {
            Ok(StepAnswer { state, look: 0, wait_seconds: 0, doing })
        }
        StepState::Failed => {
            let reason = report.and_then(|report| report.error.as_ref()).map_or_else(
                || "the agent does not say why".to_owned(),
                |error| format!("{}: {}", error.name, error.message),
            );
            Err(failed(event, host, reason))
        }
        StepState::Running if now >= event.expires_at => Err(expired(event)),
        StepState::Running if look >= MAX_STEP_LOOKS => Err(Failure::StepTimedOut {
            host: event.step.host(),
            id: host.id.clone(),
            step: event.step.to_string(),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time since then")]
            seconds: seen.elapsed_seconds as u64,
            doing,
        }),
        state @ StepState::Running => {
            let wait_seconds = seen.step().wait_seconds(look);
            Ok(StepAnswer { state, look, wait_seconds, doing })
        }
    }
}

fn host(event: &StepEvent) -> Result<&LaunchedHost, Failure> {
    host_of(&event.hosts, event.step.host()).ok_or_else(|| Failure::Aws {
        doing: format!("running step {}", event.step),
        reason: format!("no {} host is named", event.step.host()),
    })
}

/// Returns the seconds that the agent has: a step's time, or the rest of the hosts' time.
fn deadline_seconds(event: &StepEvent, now: Timestamp) -> Result<u64, Failure> {
    let left = u64::try_from(event.expires_at.duration_since(now).as_secs()).unwrap_or(0);
    match left.saturating_sub(LAST_SECONDS) {
        0 => Err(expired(event)),
        seconds => Ok(seconds.min(STEP_SECONDS)),
    }
}

fn expired(event: &StepEvent) -> Failure {
    Failure::RunExpired { expired_at: event.expires_at.to_string(), step: event.step.to_string() }
}

fn failed(event: &StepEvent, host: &LaunchedHost, reason: String) -> Failure {
    Failure::StepFailed { host: event.step.host(), id: host.id.clone(), step: event.step.to_string(), reason }
}

#[cfg(test)]
mod tests;
