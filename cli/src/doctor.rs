//! `dicomperf doctor`: makes a dry run and prints its checks.

use std::process::ExitCode;

use aws_sdk_sfn::types::ExecutionStatus;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use dicomperf_aws::workflow::SummarizeAnswer;
use dicomperf_model::results::{Check, Summary, Verdict};
use serde_json::{Value, json};

use crate::arguments::DoctorArguments;
use crate::execution::Execution;
use crate::follow::{NOT_PASSED_EXIT_CODE, follow, print_error, save};
use crate::request::{self, CheckedRequest};

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
        println!("{}", table(&checks));
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

/// Returns the table of checks, with the failed ones last: a terminal shows the end.
pub fn table(checks: &[Check]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["check", "result", "in words"]);
    let (passed, failed): (Vec<_>, Vec<_>) = checks.iter().partition(|check| check.ok);
    let failures = failed.len();
    for check in passed.into_iter().chain(failed) {
        table.add_row([check.name.as_str(), if check.ok { "passed" } else { "FAILED" }, check.says.as_str()]);
    }
    let made = checks.len();
    let last = match failures {
        0 => format!("none of {made} checks failed: a run may start"),
        _ => format!("{failures} of {made} checks failed; nothing was launched"),
    };
    format!("{table}\n{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_checks_come_last_and_are_counted() {
        let checks = [Check::failed("plan: table", "may not"), Check::passed("plan: bucket", "is written")];
        let text = table(&checks);
        assert!(text.find("plan: bucket") < text.find("plan: table"), "{text}");
        assert!(text.ends_with("1 of 2 checks failed; nothing was launched"), "{text}");
        assert!(table(&checks[1..]).ends_with("none of 1 checks failed: a run may start"));
    }

    #[test]
    fn a_request_becomes_a_dry_run() {
        assert_eq!(as_dry_run(json!({ "name": "x" })), json!({ "name": "x", "dryRun": true }));
    }
}
