//! `dicomperf run`: start, follow, print.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf::failure::RunError;
use dicomperf::run_id;
use dicomperf::step::StepId;
use dicomperf::summary::Summary;
use dicomperf::verdict::Verdict;
use jiff::Timestamp;
use rand::rngs::StdRng;

use crate::arguments::RunArguments;
use crate::execution::{Execution, Standing};
use crate::progress::Progress;
use crate::stack::Stack;
use crate::{request, table};

/// The exit code of a run that was carried out and did not pass.
const NOT_PASSED: u8 = 3;
/// Often enough for a person, rarely enough for the API's limits.
const INTERVAL: Duration = Duration::from_secs(1);

/// The states that come when the steps are done.
const AFTERWARDS: [&str; 5] = ["Teardown", "Summarize", "Verdict", "Run succeeded", "Run failed"];

/// `dicomperf run FILE`
pub async fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let checked = match request::read(&arguments.file) {
        Ok(checked) => checked,
        Err(invalid) => return Ok(request::refuse(&arguments.file, &invalid)),
    };
    let config = dicomperf::aws::configuration().await;
    let stack = Stack::find(&config, &arguments.stack).await?;
    let run_id = run_id::new(Timestamp::now(), &checked.name, &mut rand::make_rng::<StdRng>());
    let execution = Execution::start(&config, &stack, run_id, &checked.document).await?;
    eprintln!("run {}", execution.run_id);
    let standing = follow(&execution).await?;
    finish(arguments, &execution, &standing).await
}

async fn follow(execution: &Execution) -> anyhow::Result<Standing> {
    let mut progress = Progress::new();
    let mut plan = None;
    loop {
        let standing = execution.standing().await?;
        if standing.status != ExecutionStatus::Running {
            progress.finish();
            return Ok(standing);
        }
        let state = execution.state().await?;
        if plan.is_none() && state != "Plan" {
            plan = execution.plan().await;
        }
        // After the measurement no step is at work.
        let step = if AFTERWARDS.contains(&state.as_str()) { None } else { execution.step().await };
        let report = match &step {
            Some(step) => execution.report_of(step).await,
            None => None,
        };
        let state = step.as_ref().map_or(state, |step| state_of(step).to_owned());
        progress.show(&state, plan.as_ref(), report.as_ref());
        tokio::time::sleep(INTERVAL).await;
    }
}

/// The state that starts a step, and looks at it until it is done.
const fn state_of(step: &StepId) -> &'static str {
    match step {
        StepId::ConfigureClient => "Configure client",
        StepId::ConfigureServer { .. } => "Configure server",
        StepId::Measure { .. } => "Measure block",
        StepId::Collect => "Collect",
    }
}

async fn finish(arguments: &RunArguments, execution: &Execution, standing: &Standing) -> anyhow::Result<ExitCode> {
    let json = execution.report("json").await;
    if let Some(directory) = &arguments.out {
        save(directory, execution, json.as_deref()).await?;
    }
    let summary: Option<Summary> = json
        .map(|json| serde_json::from_slice(&json))
        .transpose()
        .context("report.json is not what summarize writes")?;
    if let Some(summary) = &summary {
        println!("{}", table::results(summary));
    }
    println!("files: {}", execution.location());
    if standing.status != ExecutionStatus::Succeeded {
        let error = standing.error.as_deref().unwrap_or(standing.status.as_str());
        let error = RunError::from_states(error, standing.cause.as_deref().unwrap_or("no cause was given"));
        eprintln!("{}: {}", error.error, error.cause);
        return Ok(ExitCode::FAILURE);
    }
    match summary.map(|summary| summary.verdict) {
        Some(Verdict::Passed) => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::from(NOT_PASSED)),
    }
}

async fn save(directory: &std::path::Path, execution: &Execution, json: Option<&[u8]>) -> anyhow::Result<()> {
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
