use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sfn::Client as Sfn;
use aws_sdk_sfn::operation::describe_execution::{DescribeExecutionError, DescribeExecutionOutput};
use aws_sdk_sfn::operation::start_execution::StartExecutionOutput;
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::ExecutionStatus;
use aws_smithy_mocks::{Rule, mock};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::mocked::{client, error, noon};

const MACHINE: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:runs";
const EXECUTION: &str = "arn:aws:states:eu-central-1:123456789012:execution:runs:run-1";

fn runs(sfn: Vec<Rule>, dynamodb: Vec<Rule>) -> Runs {
    Runs {
        executions: Executions::new(client!(aws_sdk_sfn, rules: sfn), MACHINE.to_owned()),
        records: Records::new(client!(aws_sdk_dynamodb, rules: dynamodb), "table".to_owned()),
    }
}

async fn start(runs: &Runs, document: Value) -> Result<StartedRun, Failure> {
    runs.start(&document, noon(), &mut ChaCha8Rng::seed_from_u64(1)).await
}

fn no_record() -> Rule {
    mock!(DynamoDb::get_item).then_output(|| GetItemOutput::builder().build())
}

fn execution(status: ExecutionStatus, error: Option<(&'static str, &'static str)>) -> Rule {
    mock!(Sfn::describe_execution).match_requests(|request| request.execution_arn() == Some(EXECUTION)).then_output(
        move || {
            DescribeExecutionOutput::builder()
                .execution_arn(EXECUTION)
                .state_machine_arn(MACHINE)
                .status(status.clone())
                .set_error(error.map(|(name, _)| name.to_owned()))
                .set_cause(error.map(|(_, cause)| cause.to_owned()))
                .start_date(DateTime::from_secs(0))
                .build()
                .expect("an execution")
        },
    )
}

#[tokio::test]
async fn a_request_that_is_in_order_starts_an_execution_of_the_runs_name() {
    let begun = mock!(Sfn::start_execution)
        .match_requests(|request| {
            request.name().is_some_and(|name| name.starts_with("20260101T120000Z-nightly-"))
                && request.input() == Some(r#"{"name":"nightly"}"#)
        })
        .then_output(|| {
            let started = StartExecutionOutput::builder().execution_arn("arn:started");
            started.start_date(DateTime::from_secs(0)).build().expect("an execution")
        });
    let started = start(&runs(vec![begun], Vec::new()), json!({ "name": "nightly" })).await.expect("started");
    assert_eq!(started.execution_arn, "arn:started");
    assert!(run_id::is_valid(&started.run_id), "{}", started.run_id);
}

#[tokio::test]
async fn a_request_that_no_plan_can_be_made_of_starts_nothing() {
    for document in [json!({ "iterations": 0 }), json!({ "limits": { "maxCostUsd": 0.01 }, "iterations": 100 })] {
        let failure = start(&runs(Vec::new(), Vec::new()), document).await.expect_err("refused");
        assert_eq!(failure.name(), "InvalidRequest");
    }
}

#[tokio::test]
async fn the_limits_of_a_users_own_objects_are_left_to_the_run() {
    let begun = mock!(Sfn::start_execution).then_output(|| {
        let started = StartExecutionOutput::builder().execution_arn("arn:started");
        started.start_date(DateTime::from_secs(0)).build().expect("an execution")
    });
    let document =
        json!({ "dataset": { "s3": { "bucket": "own", "prefix": "ct/" } }, "limits": { "maxCostUsd": 0.01 } });
    start(&runs(vec![begun], Vec::new()), document).await.expect("started");
}

#[tokio::test]
async fn a_run_that_is_not_planned_yet_runs() {
    let run = runs(vec![execution(ExecutionStatus::Running, None)], vec![no_record()]).find("run-1").await;
    let run = run.expect("an answer").expect("a run");
    assert_eq!(run, json!({ "runId": "run-1", "status": "RUNNING", "error": null, "scenarios": [] }));
}

#[tokio::test]
async fn a_run_that_was_refused_says_why() {
    let refused = execution(ExecutionStatus::Failed, Some(("InvalidRequest", r#"{"errorMessage":"too much"}"#)));
    let run = runs(vec![refused], vec![no_record()]).find("run-1").await.expect("an answer").expect("a run");
    assert_eq!(run["status"], "FAILED");
    assert_eq!(run["error"], json!({ "error": "InvalidRequest", "cause": "too much" }));
}

#[tokio::test]
async fn a_run_that_nobody_started_is_not_found() {
    let unknown =
        mock!(Sfn::describe_execution).then_error(|| DescribeExecutionError::generic(error("ExecutionDoesNotExist")));
    assert_eq!(runs(vec![unknown], vec![no_record()]).find("run-1").await.expect("an answer"), None);
}

#[tokio::test]
async fn a_name_that_no_run_can_have_is_asked_of_nobody() {
    assert_eq!(runs(Vec::new(), Vec::new()).find("../secrets").await.expect("an answer"), None);
}

#[tokio::test]
async fn a_planned_run_is_its_record_with_its_scenarios() {
    let record = mock!(DynamoDb::get_item).then_output(|| {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        GetItemOutput::builder()
            .item("runId", text("run-1"))
            .item("status", text("SUCCEEDED"))
            .item("createdAt", text("2026-01-01T12:00:00.000Z"))
            .build()
    });
    let scenarios = mock!(DynamoDb::query).then_output(|| QueryOutput::builder().build());
    let run = runs(Vec::new(), vec![record, scenarios]).find("run-1").await.expect("an answer").expect("a run");
    assert_eq!((&run["runId"], &run["status"], &run["scenarios"]), (&json!("run-1"), &json!("SUCCEEDED"), &json!([])));
}
