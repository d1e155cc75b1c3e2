//! `dicomperf run`: starts a run, follows it and prints its results.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf_model::results::RunError;
use dicomperf_model::results::Summary;
use dicomperf_model::results::Verdict;
use dicomperf_model::step::StepId;

use crate::arguments::RunArguments;
use crate::execution::{Description, Execution};
use crate::progress::Progress;
use crate::{request, table};

/// Exit code for a run that succeeded with a verdict other than `passed`.
pub const NOT_PASSED_EXIT_CODE: u8 = 3;
/// Pause between two polls: short enough for a person, and long enough for the API's limits.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// States after the last step.
const FINAL_STATES: [&str; 5] = ["Teardown", "Summarize", "Verdict", "Run succeeded", "Run failed"];

/// `dicomperf run FILE`
pub async fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let checked = match request::read(&arguments.file) {
        Ok(checked) => checked,
        Err(invalid) => return Ok(request::refuse(&arguments.file, &invalid)),
    };
    let execution = Execution::begin(&arguments.stack, &checked.name, &checked.document).await?;
    let description = follow(&execution).await?;
    finish(arguments, &execution, &description).await
}

/// Follows an execution to its end.
pub async fn follow(execution: &Execution) -> anyhow::Result<Description> {
    let mut progress = Progress::new();
    let mut plan = None;
    loop {
        let description = execution.describe().await?;
        if description.status != ExecutionStatus::Running {
            progress.finish();
            return Ok(description);
        }
        let state = execution.current_state().await?;
        if plan.is_none() && state != "Plan" {
            plan = execution.plan().await;
        }
        // No step runs after the measurement.
        let step = if FINAL_STATES.contains(&state.as_str()) { None } else { execution.latest_step().await };
        let report = match &step {
            Some(step) => execution.report_of(step).await,
            None => None,
        };
        let state = step.as_ref().map_or(state, |step| state_of(step).to_owned());
        progress.show(&state, plan.as_ref(), report.as_ref());
        tokio::time::sleep(POLL_INTERVAL).await;
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

async fn finish(
    arguments: &RunArguments,
    execution: &Execution,
    description: &Description,
) -> anyhow::Result<ExitCode> {
    let json = execution.report("json").await;
    if let Some(directory) = &arguments.out {
        save(directory, execution, json.as_deref()).await?;
    }
    let summary: Option<Summary> = json
        .map(|json| serde_json::from_slice(&json))
        .transpose()
        .context("report.json has not the form that summarize writes")?;
    if let Some(summary) = &summary {
        // `dicomperf run` may get the request of a dry run, too.
        println!("{}", if summary.request.dry_run { table::checks(&summary.checks) } else { table::results(summary) });
    }
    println!("files: {}", execution.location());
    if description.status != ExecutionStatus::Succeeded {
        print_error(description);
        return Ok(ExitCode::FAILURE);
    }
    match summary.map(|summary| summary.verdict) {
        Some(Verdict::Passed) => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::from(NOT_PASSED_EXIT_CODE)),
    }
}

/// Prints the error that ended an execution.
pub fn print_error(description: &Description) {
    let error = description.error.as_deref().unwrap_or(description.status.as_str());
    let error = RunError::from_states(error, description.cause.as_deref().unwrap_or("no cause was given"));
    eprintln!("{}: {}", error.error, error.cause);
}

/// Writes the reports of a run to a directory.
pub async fn save(directory: &std::path::Path, execution: &Execution, json: Option<&[u8]>) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    let (html, markdown) = (execution.report("html").await, execution.report("md").await);
    for (name, bytes) in [("report.html", html.as_deref()), ("report.md", markdown.as_deref()), ("report.json", json)] {
        if let Some(bytes) = bytes {
            let path = directory.join(name);
            fs::write(&path, bytes).with_context(|| format!("{} cannot be written", path.display()))?;
            println!("{}", path.display());
        }
    }
    Ok(())
}
