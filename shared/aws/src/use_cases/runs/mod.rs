//! Starts, lists, shows, stops, compares and validates runs, for the command line and the HTTP API.

mod page;
mod types;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use serde_json::Value;

use crate::clients::artifacts::Artifacts;
use crate::clients::executions::{Execution, Executions};
use crate::clients::records::{Records, RunRecord, Token};
use crate::refusal::Refusal;
use dicomperf_analysis::two_runs;
use dicomperf_model::hash::sha256_hex;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::{Circumstances, Plan, try_plan};
use dicomperf_model::request::Request;
use dicomperf_model::results::{RunComparison, RunError, RunStatus, Summary};
use dicomperf_model::run_id;

pub use self::types::{
    AbortedRun, PlanOutline, ReportFormat, ReportLink, RunPage, RunQuery, ShownRun, StartedRun, Validation,
};

/// Characters of a client token at most.
pub const MAX_TOKEN_CHARACTERS: usize = 255;
/// Time for which the link to a report is valid: long enough to follow it, short enough to be of no use in a log.
const LINK_LIFETIME: Duration = Duration::from_secs(300);

/// The runs of a stack.
#[derive(Debug, Clone)]
pub struct Runs {
    /// Executions of the state machine, one for each run.
    pub executions: Executions,
    /// The table with the runs' records.
    pub records: Records,
    /// The bucket with the runs' files.
    pub artifacts: Artifacts,
}

impl Runs {
    /// Makes all checks of a request that need no AWS, and starts a run.
    ///
    /// With a client token, the same request starts one run only, for a day. Later calls return that run.
    ///
    /// # Errors
    /// The request or the token is not allowed, the token was used for another request, or AWS refuses the execution.
    pub async fn start(
        &self,
        document: &Value,
        client_token: Option<&str>,
        now: Timestamp,
        random: &mut impl Rng,
    ) -> Result<StartedRun, Refusal> {
        let request = Request::from_json(document)?;
        let run_id = run_id::new(now, &request.name, random);
        try_plan(&request, Circumstances::offline(&run_id, now))?;
        let Some(client_token) = client_token else {
            let execution_arn = self.executions.start(&run_id, document).await?;
            return Ok(StartedRun { run_id, execution_arn, status: RunStatus::Running });
        };
        check_token(client_token)?;
        let request_hash = sha256_hex(document.to_string().as_bytes());
        let claimed = Token { run_id, request_hash };
        let token = self.records.claim_token(&sha256_hex(client_token.as_bytes()), claimed.clone(), now).await?;
        if token.request_hash != claimed.request_hash {
            return Err(Refusal::TokenReused { run_id: token.run_id });
        }
        let execution_arn = self.executions.arn(&token.run_id);
        if token.run_id != claimed.run_id
            && let Some(execution) = self.executions.find(&execution_arn).await?
        {
            let status = status_of(&execution);
            return Ok(StartedRun { run_id: token.run_id, execution_arn, status });
        }
        // An earlier call may have recorded the token and then failed.
        let execution_arn = self.executions.start_once(&token.run_id, document).await?;
        Ok(StartedRun { run_id: token.run_id, execution_arn, status: RunStatus::Running })
    }

    /// Returns a page of runs, the newest first.
    ///
    /// # Errors
    /// The query is not allowed, its page is of another query, or DynamoDB does not answer.
    pub async fn list(&self, query: &RunQuery) -> Result<RunPage, Refusal> {
        let (filter, limit, after) = page::read(query)?;
        let (runs, position) = self.records.page_of_runs(&filter, limit, after).await?;
        Ok(RunPage { runs, next: position.map(|position| page::token(&filter, &position)) })
    }

    /// Returns a run's record with its scenarios.
    ///
    /// A run without a plan has no record. Its status comes from its execution.
    ///
    /// # Errors
    /// There is no such run, or DynamoDB or Step Functions does not answer.
    pub async fn find(&self, run_id: &str) -> Result<ShownRun, Refusal> {
        let not_found = || Refusal::not_found("run", run_id);
        if !run_id::is_valid(run_id) {
            return Err(not_found());
        }
        if let Some(record) = self.records.run(run_id).await? {
            let scenarios = self.records.scenarios(run_id).await?.into_iter().map(|scenario| scenario.summary);
            return Ok(ShownRun { record, scenarios: scenarios.collect() });
        }
        let arn = self.executions.arn(run_id);
        let execution = self.executions.find(&arn).await?.ok_or_else(not_found)?;
        let mut record = RunRecord::new(run_id, status_of(&execution), execution.started_at);
        record.error = execution.ending().map(|error| RunError::from_states(&error.error, &error.cause));
        record.execution_arn = Some(arn);
        Ok(ShownRun { record, scenarios: Vec::new() })
    }

    /// Stops a run's execution. Then `reap` terminates the hosts and has the run summarized. Not an error if the run is
    /// over.
    ///
    /// # Errors
    /// There is no such run, or AWS refuses it.
    pub async fn abort(&self, run_id: &str) -> Result<AbortedRun, Refusal> {
        let run = self.find(run_id).await?.record;
        let arn = run.execution_arn.unwrap_or_else(|| self.executions.arn(run_id));
        // The execution decides: a run that left its hosts has a result while its execution waits for their expiry.
        let is_running = self.executions.find(&arn).await?.is_some_and(|execution| !execution.is_over());
        if !is_running {
            let says = format!("run {run_id} is over: {}; nothing to stop", run.status);
            return Ok(AbortedRun { run_id: run_id.to_owned(), was_over: true, says });
        }
        self.executions.stop(&arn, "a person stopped the run").await?;
        let says = format!("run {run_id} is stopped; its hosts are terminated and its report is written next");
        Ok(AbortedRun { run_id: run_id.to_owned(), was_over: false, says })
    }

    /// Returns a presigned URL of a run's report.
    ///
    /// # Errors
    /// There is no such run, it has no report yet, or no URL can be signed.
    pub async fn report_link(&self, run_id: &str, format: ReportFormat, now: Timestamp) -> Result<ReportLink, Refusal> {
        let run = self.find(run_id).await?.record;
        if run.report.is_none() {
            return Err(match run.status {
                RunStatus::Running => Refusal::Conflict(format!("run {run_id} is not over, and has no report yet")),
                _ => Refusal::not_found("report of run", run_id),
            });
        }
        let key = RunKeys(run_id).report(format.extension());
        let url = self.artifacts.presign(&key, LINK_LIFETIME).await?;
        let expires_at = now + SignedDuration::try_from(LINK_LIFETIME).unwrap_or_default();
        Ok(ReportLink { url, expires_at })
    }

    /// Returns a run's report.
    ///
    /// # Errors
    /// There is no such report, or S3 does not answer.
    pub async fn report(&self, run_id: &str) -> Result<Summary, Refusal> {
        let not_found = || Refusal::not_found("report of run", run_id);
        if !run_id::is_valid(run_id) {
            return Err(not_found());
        }
        self.artifacts.read(&RunKeys(run_id).report("json")).await?.ok_or_else(not_found)
    }

    /// Compares a run with an earlier one.
    ///
    /// # Errors
    /// One of the runs has no report, or S3 does not answer.
    pub async fn compare(&self, base: &str, head: &str) -> Result<RunComparison, Refusal> {
        let (base, head) = tokio::try_join!(self.report(base), self.report(head))?;
        Ok(two_runs::compare(&base, &head))
    }
}

/// Makes all checks of a request that need no AWS, and returns its plan. Nothing is started.
///
/// # Errors
/// The request is not allowed.
pub fn validate(document: &Value, now: Timestamp) -> Result<Validation, Refusal> {
    let request = Request::from_json(document)?;
    let plan = try_plan(&request, Circumstances::offline("not-started", now))?;
    let mut warnings = plan.as_ref().map(|plan| plan.notes.clone()).unwrap_or_default();
    if plan.is_none() {
        warnings.push("The objects are checked when the run starts, before anything is launched.".to_owned());
    }
    Ok(Validation { name: request.name, plan: plan.as_ref().map(PlanOutline::of_plan), warnings })
}

impl PlanOutline {
    fn of_plan(plan: &Plan) -> Self {
        Self {
            scenarios: plan.blocks.iter().map(|block| block.scenarios.len() as u64).sum(),
            blocks: plan.blocks.len() as u64,
            block_runs: plan.sequence.len() as u64,
            instances: plan.dataset.instances,
            bytes: plan.dataset.bytes,
            minutes: plan.estimate.minutes,
            cost_usd: plan.estimate.cost_usd,
            fingerprint: plan.fingerprint.clone(),
        }
    }
}

impl ReportFormat {
    /// Returns the extension of the report's file.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Json => "json",
            Self::Md => "md",
        }
    }
}

/// Returns the status of a run without a record. It was not planned, so it cannot have succeeded.
fn status_of(execution: &Execution) -> RunStatus {
    match execution.status {
        aws_sdk_sfn::types::ExecutionStatus::Succeeded => RunStatus::Succeeded,
        _ if execution.is_over() => RunStatus::Failed,
        _ => RunStatus::Running,
    }
}

fn check_token(token: &str) -> Result<(), Refusal> {
    let length = token.chars().count();
    if (1..=MAX_TOKEN_CHARACTERS).contains(&length) && token.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Ok(());
    }
    let allowed = format!("1 to {MAX_TOKEN_CHARACTERS} printable ASCII characters");
    Err(Refusal::field("client token", format!("has {length} characters"), allowed))
}

#[cfg(test)]
mod tests;
