//! Follows a run to its end: through lost connections, and with Ctrl-C as a question.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf_model::plan::Plan;
use dicomperf_model::results::{RunError, RunStatus};
use dicomperf_model::step::StepId;
use jiff::Timestamp;

use crate::connection::{CallFailed, Patience};
use crate::execution::{Description, Execution};
use crate::interrupt::{Choice, Interrupts};
use crate::progress::Progress;

/// Pause between two polls: short enough for a person, and long enough for the API's limits.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Time that a run may take after its hosts expired: teardown and summary, with their retries.
const AFTER_EXPIRY: Duration = Duration::from_secs(1800);

/// States after the last step.
const FINAL_STATES: [&str; 8] = [
    "Keep hosts?",
    "Summarize and keep",
    "Hosts kept?",
    "Teardown",
    "Summarize",
    "Verdict",
    "Run succeeded",
    "Run failed",
];
/// The state in which the results are there and the hosts stay.
const KEPT_STATE: &str = "Wait for expiry";

/// The reason why a run is no longer followed.
pub enum Outcome {
    /// The execution is over.
    Over(Box<Description>),
    /// The results are there. The execution waits for the time at which the hosts are torn down.
    Kept,
    /// The person leaves it running.
    Left,
    /// The person wants it aborted.
    Abort,
}

/// Follows an execution to its end, or to the person's decision.
pub async fn follow(execution: &Execution, interrupts: &Interrupts) -> anyhow::Result<Outcome> {
    let mut course = Course::new(execution);
    loop {
        tokio::select! {
            outcome = course.until_end() => {
                course.progress.finish();
                return outcome;
            }
            () = interrupts.next() => {}
        }
        course.progress.pause();
        match interrupts.choose().await {
            Choice::Leave => return Ok(Outcome::Left),
            Choice::Abort => return Ok(Outcome::Abort),
            Choice::GoOn => course.progress.resume(),
        }
    }
}

/// Reads the report of a run that is over, through lost connections.
pub async fn report(execution: &Execution, extension: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let mut patience = Patience::new();
    loop {
        match execution.report(extension).await {
            Ok(report) => return Ok(report),
            Err(error) => {
                let (pause, words) = patience.failed(error).context("the report cannot be read")?;
                eprintln!("{words}");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Writes the reports of a run to a directory, and returns their paths.
pub async fn save(directory: &Path, execution: &Execution) -> anyhow::Result<Vec<String>> {
    fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    let mut paths = Vec::new();
    for extension in ["html", "md", "json"] {
        let Some(bytes) = report(execution, extension).await? else { continue };
        let path = directory.join("report").with_extension(extension);
        fs::write(&path, bytes).with_context(|| format!("{} cannot be written", path.display()))?;
        paths.push(path.display().to_string());
    }
    Ok(paths)
}

/// Returns the status and the error of an execution.
pub fn ending(description: &Description) -> (RunStatus, Option<RunError>) {
    match description.status {
        ExecutionStatus::Running | ExecutionStatus::PendingRedrive => (RunStatus::Running, None),
        ExecutionStatus::Succeeded => (RunStatus::Succeeded, None),
        _ => {
            let error = description.error.as_deref().unwrap_or(description.status.as_str());
            let cause = description.cause.as_deref().unwrap_or("no cause was given");
            (RunStatus::Failed, Some(RunError::from_states(error, cause)))
        }
    }
}

/// A run that is followed.
struct Course<'a> {
    execution: &'a Execution,
    progress: Progress,
    patience: Patience,
    plan: Option<Plan>,
}

impl<'a> Course<'a> {
    fn new(execution: &'a Execution) -> Self {
        Self { execution, progress: Progress::new(), patience: Patience::new(), plan: None }
    }

    /// Looks at the run until it is over. It may be stopped between two looks and called again.
    async fn until_end(&mut self) -> anyhow::Result<Outcome> {
        loop {
            let pause = match self.look().await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {
                    self.patience.answered();
                    POLL_INTERVAL
                }
                Err(error) => {
                    let (pause, words) = self.patience.failed(error).with_context(|| {
                        format!("run {} may go on: dicomperf attach follows it again", self.execution.run_id)
                    })?;
                    self.progress.warn(&words);
                    pause
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn look(&mut self) -> Result<Option<Outcome>, CallFailed> {
        let execution = self.execution;
        let description = execution.describe().await?;
        if description.status != ExecutionStatus::Running {
            return Ok(Some(Outcome::Over(Box::new(description))));
        }
        let state = execution.current_state().await?;
        if state == KEPT_STATE {
            return Ok(Some(Outcome::Kept));
        }
        if self.plan.is_none() && state != "Plan" {
            self.plan = execution.plan().await;
        }
        let now = Timestamp::now();
        if let Some(plan) = &self.plan {
            let life = plan.expires_at.duration_since(now);
            self.patience.limit_to(Duration::try_from(life).unwrap_or_default() + AFTER_EXPIRY);
        }
        // No step runs after the measurement.
        let step = if FINAL_STATES.contains(&state.as_str()) { None } else { execution.latest_step().await };
        let report = match &step {
            Some(step) => execution.report_of(step).await,
            None => None,
        };
        let state = step.as_ref().map_or(state, |step| state_of(step).to_owned());
        let elapsed = now.as_second().saturating_sub(description.started_at);
        self.progress.show(&state, self.plan.as_ref(), report.as_ref(), elapsed);
        Ok(None)
    }
}

/// Returns the state that starts and watches a step.
const fn state_of(step: &StepId) -> &'static str {
    match step {
        StepId::ConfigureClient => "Configure client",
        StepId::ConfigureServer { .. } => "Configure server",
        StepId::Measure { .. } => "Measure block",
        StepId::Collect => "Collect",
        StepId::Clear { .. } => "Clear host",
    }
}
