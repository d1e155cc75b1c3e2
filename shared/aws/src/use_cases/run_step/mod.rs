//! Starts a step on a host once, then watches its report until the step is over.

mod check;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::step_document::{Ingredients, StepTime, build_of, document};
use crate::clients::agent::Agent;
use crate::clients::artifacts::{Artifacts, Stored};
use crate::clients::clock::Clock;
use crate::clients::commands::{CommandState, Commands, Invocation, Sent};
use crate::clients::hosts::{Host, Hosts};
use crate::clients::parameters::Parameters;
use crate::clients::records::{Records, RunProgress};
use crate::clients::signatures::{Scope, Signatures};
use crate::failure::Failure;
use crate::pace::{MAX_STEP_LOOKS, Reported, RunningStep};
use crate::workflow::{LaunchedHost, StepAnswer, StepEvent, host_of};
use dicomperf_model::keys;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::{Plan, Secrets};
use dicomperf_model::step::{Credentials, Heartbeat, HostRole, Progress, StepDocument, StepError, StepId, StepState};
use dicomperf_model::time_limits::{STALL_SECONDS, STEP_BUDGET_SECONDS};
use dicomperf_model::words;

/// Pause between two reads of a report. A read costs a twentieth of the function's time in between.
const READ_INTERVAL: Duration = Duration::from_millis(250);
/// Pause between two checks of the command and the hosts. SSM and EC2 limit the rate of calls.
const CHECK_INTERVAL_SECONDS: f64 = 5.0;
/// The signal that no process can catch, and that the kernel uses when memory runs out (signal(7)).
const SIGKILL: i32 = 9;

/// Runs steps on hosts.
#[derive(Debug)]
pub struct StepRunner {
    /// The bucket with the plan, the documents and the reports.
    pub artifacts: Artifacts,
    /// SSM, which starts the agent.
    pub commands: Commands,
    /// The project's hosts, to detect a lost one.
    pub hosts: Hosts,
    /// The table, which shows a run's progress.
    pub records: Records,
    /// The signer of the hosts' URLs.
    pub signatures: Signatures,
    /// The Parameter Store, which has the credentials of an existing server.
    pub parameters: Parameters,
    /// The agent, which runs on the hosts.
    pub agent: Agent,
    /// The clock.
    pub clock: Clock,
}

/// The command of a step. It is stored, so that it is not sent again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentCommand {
    command_id: String,
    sent_at: Timestamp,
}

/// A step's report without its output, which may take megabytes and is not needed while the step runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    step: StepId,
    state: StepState,
    error: Option<StepError>,
    progress: Progress,
    elapsed_seconds: f64,
}

/// The reports that one look read.
#[derive(Debug, Default)]
struct SeenReports {
    latest: Option<Report>,
    /// Time at which S3 stored the latest report.
    reported_at: Option<Timestamp>,
    /// The last report with fewer units done.
    earlier: Option<Reported>,
    /// Seconds since the command was sent.
    elapsed_seconds: f64,
    /// Seconds since the look began.
    watched_seconds: f64,
}

impl StepRunner {
    /// Starts the step unless it was started before. Watches it while it may end within this look.
    ///
    /// # Errors
    /// The step failed, its host is lost, or its time is up.
    pub async fn look(&self, event: &StepEvent) -> Result<StepAnswer, Failure> {
        let host = host(event)?;
        let command = self.ensure_command(event).await?;
        let seen = self.watch(event, host, &command).await?;
        answer(event, host, &seen, self.clock.now())
    }

    /// Returns the step's command, and sends it if it was not sent before.
    async fn ensure_command(&self, event: &StepEvent) -> Result<SentCommand, Failure> {
        let key = RunKeys(&event.run_id).step_command(&event.step);
        if let Some(command) = self.artifacts.read(&key).await? {
            return Ok(command);
        }
        let command_id = self.send(event, self.clock.now()).await?;
        self.artifacts.settle(&key, SentCommand { command_id, sent_at: self.clock.now() }).await
    }

    async fn send(&self, event: &StepEvent, now: Timestamp) -> Result<String, Failure> {
        let time = StepTime::until(event.expires_at, now).ok_or_else(|| expiry_failure(event))?;
        let host = host(event)?;
        let plan = self.artifacts.plan(&event.run_id).await?;
        let agent_sha256 = self.agent.publish(&self.artifacts).await?;
        let agent_key = keys::agent(agent_sha256);
        // Only the client downloads the dataset, and only the server downloads a build.
        let dataset = plan.request.dataset.s3.as_ref().filter(|_| event.step == StepId::ConfigureClient);
        let scope = Scope {
            run_id: &event.run_id,
            agent: &agent_key,
            dataset: dataset.map(|objects| (objects.bucket.as_str(), objects.prefix.as_str())),
            build: build_of(&event.step, &plan),
        };
        let signer = self.signatures.session(&scope).await?;
        let document_key = RunKeys(&event.run_id).step_document(&event.step);
        if self.artifacts.read::<StepDocument>(&document_key).await?.is_none() {
            let secrets = self.artifacts.require::<Secrets>(&RunKeys(&event.run_id).secrets()).await?;
            // For every step. So a parameter that cannot be read ends the run before the dataset is made.
            let credentials = self.credentials(&plan).await?;
            let ingredients = Ingredients {
                plan: &plan,
                secrets: &secrets,
                credentials: credentials.as_ref(),
                hosts: &event.hosts,
                signer: &signer,
                time,
            };
            self.artifacts.settle(&document_key, document(&event.step, &ingredients).await?).await?;
        }
        let invocation = Invocation {
            run_id: &event.run_id,
            step: &event.step,
            agent_url: &signer.get_soon(&agent_key).await?,
            agent_sha256,
            document_url: &signer.get_soon(&document_key).await?,
        };
        match self.commands.send(&host.id, &invocation).await? {
            Sent::Command(id) => Ok(id),
            Sent::Unmanaged(reason) => {
                self.check_hosts(event).await?;
                // The host exists, and SSM may know it only later. A retry may succeed.
                Err(Failure::Aws { doing: format!("sending step {} to host {}", event.step, host.id), reason })
            }
        }
    }

    /// Reads the credentials of an existing server, if the request names any.
    async fn credentials(&self, plan: &Plan) -> Result<Option<Credentials>, Failure> {
        let name = plan.request.server.existing.as_ref().and_then(|existing| existing.credentials.as_deref());
        match name {
            Some(name) => self.parameters.credentials(name).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads the step's report until the step is over, or its end is not near, or this look has used its time.
    async fn watch(
        &self,
        event: &StepEvent,
        host: &LaunchedHost,
        command: &SentCommand,
    ) -> Result<SeenReports, Failure> {
        let started_at = self.clock.now();
        let mut checked_at = command.sent_at;
        let mut seen = SeenReports::default();
        loop {
            seen.add(self.report(event).await?);
            if !seen.is_final() && self.clock.seconds_since(checked_at) >= CHECK_INTERVAL_SECONDS {
                self.check(event, host, command, &mut seen).await?;
                checked_at = self.clock.now();
            }
            seen.elapsed_seconds = self.clock.seconds_since(command.sent_at);
            seen.watched_seconds = self.clock.seconds_since(started_at);
            let is_expired = self.clock.now() >= event.expires_at;
            if seen.is_final() || is_expired || !seen.step().is_worth_watching() {
                break;
            }
            self.clock.sleep(READ_INTERVAL).await;
        }
        self.show(event, &seen).await;
        Ok(seen)
    }

    /// Checks that the command has not failed, that the hosts run and that the agent lives, and records the progress.
    async fn check(
        &self,
        event: &StepEvent,
        host: &LaunchedHost,
        command: &SentCommand,
        seen: &mut SeenReports,
    ) -> Result<(), Failure> {
        if let CommandState::Failed { status, exit_code, output } =
            self.commands.state(&command.command_id, &host.id).await?
        {
            // The agent may have uploaded its last report since it was last read.
            seen.add(self.report(event).await?);
            if seen.is_final() {
                return Ok(());
            }
            self.check_hosts(event).await?;
            let latest = seen.latest.as_ref().map(|report| report.progress.doing.as_str());
            return Err(step_failure(event, host, describe_end(&status, exit_code, &output, latest)));
        }
        self.check_hosts(event).await?;
        self.check_agent(event, host, seen).await?;
        self.show(event, seen).await;
        Ok(())
    }

    /// Fails if the agent has begun the step and shows no sign of life any more.
    async fn check_agent(&self, event: &StepEvent, host: &LaunchedHost, seen: &SeenReports) -> Result<(), Failure> {
        // The times are S3's, so that the hosts' clocks do not matter.
        let key = RunKeys(&event.run_id).step_heartbeat(&event.step);
        let heartbeat = self.artifacts.read_stored::<Heartbeat>(&key).await?;
        let Some(last) = heartbeat.and_then(|heartbeat| heartbeat.at).max(seen.reported_at) else { return Ok(()) };
        let silent_seconds = u64::try_from(self.clock.now().duration_since(last).as_secs()).unwrap_or(0);
        if silent_seconds < STALL_SECONDS {
            return Ok(());
        }
        Err(Failure::StepStalled {
            host: event.step.host(),
            id: host.id.clone(),
            step: event.step.to_string(),
            seconds: silent_seconds,
            doing: seen.doing(),
        })
    }

    /// Reads the step's report. All parts of a block share one key, and an earlier part's report is ignored.
    async fn report(&self, event: &StepEvent) -> Result<Option<Stored<Report>>, Failure> {
        let report = self.artifacts.read_stored::<Report>(&RunKeys(&event.run_id).step_report(&event.step)).await?;
        Ok(report.filter(|report| report.document.step == event.step))
    }

    /// Fails if one of the run's hosts is lost. Without its peer, a step would wait in vain.
    async fn check_hosts(&self, event: &StepEvent) -> Result<(), Failure> {
        let ids: Vec<_> =
            [&event.hosts.server, &event.hosts.client].into_iter().flatten().map(|one| &*one.id).collect();
        let found = self.hosts.find_by_ids(&ids).await?;
        // The step's own host first.
        let mut roles = HostRole::BOTH;
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

    /// Records the progress for a person who follows the run. A failure is only logged.
    async fn show(&self, event: &StepEvent, seen: &SeenReports) {
        let Some(report) = &seen.latest else { return };
        let progress = RunProgress {
            state: report.state,
            step: event.step.to_string(),
            doing: report.progress.doing.clone(),
            done: report.progress.done,
            total: report.progress.total,
        };
        if let Err(failure) = self.records.record_progress(&event.run_id, &progress).await {
            tracing::warn!(%failure, run_id = event.run_id, "the progress is not recorded");
        }
    }
}

impl Report {
    const fn to_reported(&self) -> Reported {
        Reported::new(&self.progress, self.elapsed_seconds)
    }
}

impl SeenReports {
    fn add(&mut self, report: Option<Stored<Report>>) {
        let Some(Stored { document: report, at }) = report else { return };
        self.reported_at = at;
        let before = self.latest.as_ref().map(Report::to_reported);
        self.earlier = before.filter(|before| before.done < report.progress.done).or(self.earlier);
        self.latest = Some(report);
    }

    /// Returns the agent's last reported work.
    fn doing(&self) -> String {
        self.latest.as_ref().map_or("starting", |report| report.progress.doing.as_str()).to_owned()
    }

    fn is_final(&self) -> bool {
        self.latest.as_ref().is_some_and(|report| report.state != StepState::Running)
    }

    fn step(&self) -> RunningStep {
        RunningStep {
            elapsed_seconds: self.elapsed_seconds,
            watched_seconds: self.watched_seconds,
            latest: self.latest.as_ref().map(Report::to_reported),
            earlier: self.earlier,
        }
    }
}

/// Returns the step's state after a look, or its failure.
fn answer(event: &StepEvent, host: &LaunchedHost, seen: &SeenReports, now: Timestamp) -> Result<StepAnswer, Failure> {
    let report = seen.latest.as_ref();
    let doing = seen.doing();
    let look = event.look + 1;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since the command was sent")]
    let elapsed_seconds = seen.elapsed_seconds.max(0.0) as u64;
    match report.map_or(StepState::Running, |report| report.state) {
        state @ (StepState::Succeeded | StepState::Incomplete) => {
            Ok(StepAnswer { state, look: 0, wait_seconds: 0, doing })
        }
        StepState::Failed => {
            let reason = report.and_then(|report| report.error.as_ref()).map_or_else(
                || "the agent gives no reason".to_owned(),
                |error| format!("{}: {}", error.name, error.message),
            );
            Err(step_failure(event, host, reason))
        }
        StepState::Running if now >= event.expires_at => Err(expiry_failure(event)),
        StepState::Running if look >= MAX_STEP_LOOKS || elapsed_seconds >= STEP_BUDGET_SECONDS => {
            Err(Failure::StepTimedOut {
                host: event.step.host(),
                id: host.id.clone(),
                step: event.step.to_string(),
                seconds: elapsed_seconds,
                doing,
            })
        }
        state @ StepState::Running => {
            // The next look comes at the expiry at the latest, and ends the run then.
            let left = u64::try_from(event.expires_at.duration_since(now).as_secs()).unwrap_or(0) + 1;
            let wait_seconds = seen.step().wait_seconds(look).min(left);
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

/// Describes the end of a command whose agent has not reported one. `doing` is the agent's last progress.
fn describe_end(status: &str, exit_code: Option<i32>, output: &str, doing: Option<&str>) -> String {
    // A shell's exit code for a process that a signal ended is 128 and the signal's number.
    let signal = exit_code.filter(|code| (129..=192).contains(code)).map(|code| (code, code - 128));
    let mut text = match (signal, exit_code) {
        (Some((code, signal)), _) => {
            let cause = if signal == SIGKILL { ", as the kernel does when memory runs out" } else { "" };
            format!("the agent was ended by {} (exit code {code}){cause}", words::signal(signal))
        }
        (None, Some(code)) if output.is_empty() => format!("SSM reports {status} with exit code {code} and no output"),
        (None, _) => format!("SSM reports {status}"),
    };
    if let Some(doing) = doing {
        text.push_str(&format!(", while {doing}"));
    }
    if !output.is_empty() {
        text.push_str(&format!(": {output}"));
    }
    text
}

fn expiry_failure(event: &StepEvent) -> Failure {
    Failure::RunExpired { expired_at: event.expires_at.to_string(), step: event.step.to_string() }
}

fn step_failure(event: &StepEvent, host: &LaunchedHost, reason: String) -> Failure {
    Failure::StepFailed { host: event.step.host(), id: host.id.clone(), step: event.step.to_string(), reason }
}

#[cfg(test)]
mod tests;
