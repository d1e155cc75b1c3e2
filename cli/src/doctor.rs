//! `dicomperf doctor`: makes a dry run and prints its checks.

use std::process::ExitCode;

use dicomperf_aws::workflow::SummarizeAnswer;
use dicomperf_model::results::Summary;
use jiff::Timestamp;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::answers::{RunAnswer, print_json};
use crate::arguments::DoctorArguments;
use crate::follow::{self, Outcome, follow};
use crate::interrupt::Interrupts;
use crate::run::{unfinished, unfollowed};
use crate::service::Service;
use crate::{exit, request, table};

/// `dicomperf doctor [REQUEST]`
pub async fn run(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let document = match &arguments.file {
        Some(file) => match request::read(file) {
            Ok(checked) => checked.document,
            Err(invalid) => return Ok(request::refuse(file, &invalid)),
        },
        None => json!({ "name": "doctor" }),
    };
    let service = Service::find(&arguments.stack).await?;
    let mut random = rand::make_rng::<StdRng>();
    let started = service.runs().start(&as_dry_run(document), None, Timestamp::now(), &mut random).await?;
    eprintln!("run {}", started.run_id);
    let execution = service.execution(&started.run_id);
    let interrupts = Interrupts::watch()?;
    let description = match follow(&execution, &interrupts).await? {
        Outcome::Over(description) => description,
        outcome => return unfollowed(&service, &execution, &interrupts, &outcome, arguments.follow.json).await,
    };
    let files = match &arguments.follow.out {
        Some(directory) => follow::save(directory, &execution).await?,
        None => Vec::new(),
    };
    // The execution has the checks even where the report could not be written.
    let answer = description.output.as_deref().and_then(|output| serde_json::from_str::<SummarizeAnswer>(output).ok());
    let checks = match &answer {
        Some(answer) => answer.checks.clone(),
        None => {
            let report = follow::report(&execution, "json").await?;
            let summary = report.and_then(|report| serde_json::from_slice::<Summary>(&report).ok());
            summary.map(|summary| summary.checks).unwrap_or_default()
        }
    };
    let (status, error) = follow::ending(&description);
    let verdict = answer.map(|answer| answer.verdict);
    let answer = RunAnswer { status, error, verdict, checks, files, ..unfinished(&execution) };
    print(&answer, arguments.follow.json)?;
    Ok(exit::of_run(answer.status, answer.verdict))
}

fn print(answer: &RunAnswer, json: bool) -> anyhow::Result<()> {
    if let Some(error) = &answer.error {
        eprintln!("{}: {}", error.error, error.cause);
    }
    if json {
        return print_json(answer);
    }
    for file in &answer.files {
        println!("{file}");
    }
    if !answer.checks.is_empty() {
        println!("{}", table::checks(&answer.checks));
    }
    println!("files: {}", answer.location);
    Ok(())
}

fn as_dry_run(mut request: Value) -> Value {
    request["dryRun"] = true.into();
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_becomes_a_dry_run() {
        assert_eq!(as_dry_run(json!({ "name": "x" })), json!({ "name": "x", "dryRun": true }));
    }
}
