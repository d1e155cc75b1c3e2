//! `dicomperf doctor`: makes a dry run and prints its checks.

use std::process::ExitCode;

use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf_aws::workflow::SummarizeAnswer;
use dicomperf_model::results::{Summary, Verdict};
use serde_json::{Value, json};

use crate::arguments::DoctorArguments;
use crate::execution::Execution;
use crate::follow::{NOT_PASSED_EXIT_CODE, follow, print_error, save};
use crate::request::{self, CheckedRequest};
use crate::table;

/// `dicomperf doctor [REQUEST]`
pub async fn run(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let checked = match &arguments.file {
        Some(file) => match request::read(file) {
            Ok(checked) => checked,
            Err(invalid) => return Ok(request::refuse(file, &invalid)),
        },
        None => CheckedRequest { document: json!({}), name: "doctor".to_owned(), plan: None },
    };
    let execution = Execution::begin(&arguments.stack, &checked.name, &as_dry_run(checked.document)).await?;
    let description = follow(&execution).await?;
    let report = execution.report("json").await;
    if let Some(directory) = &arguments.out {
        save(directory, &execution, report.as_deref()).await?;
    }
    // The execution has the checks even where the report could not be written.
    let answer = description.output.as_deref().and_then(|output| serde_json::from_str::<SummarizeAnswer>(output).ok());
    let in_report = || serde_json::from_slice::<Summary>(&report?).ok().map(|summary| summary.checks);
    let checks = answer.as_ref().map(|answer| answer.checks.clone()).or_else(in_report).unwrap_or_default();
    if !checks.is_empty() {
        println!("{}", table::checks(&checks));
    }
    println!("files: {}", execution.location());
    if description.status != ExecutionStatus::Succeeded {
        print_error(&description);
        return Ok(ExitCode::FAILURE);
    }
    Ok(match answer.map(|answer| answer.verdict) {
        Some(Verdict::Passed) => ExitCode::SUCCESS,
        _ => ExitCode::from(NOT_PASSED_EXIT_CODE),
    })
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
