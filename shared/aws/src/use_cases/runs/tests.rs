use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sfn::Client as Sfn;
use aws_sdk_sfn::operation::describe_execution::{DescribeExecutionError, DescribeExecutionOutput};
use aws_sdk_sfn::operation::start_execution::{StartExecutionError, StartExecutionOutput};
use aws_sdk_sfn::operation::stop_execution::StopExecutionOutput;
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::ExecutionStatus;
use aws_smithy_mocks::{Rule, mock};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::*;
use crate::mocked::{client, error, noon};

const MACHINE: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:runs";
const EXECUTION: &str = "arn:aws:states:eu-central-1:123456789012:execution:runs:run-1";

fn runs(sfn: Vec<Rule>, dynamodb: Vec<Rule>) -> Runs {
    Runs {
        executions: Executions::new(client!(aws_sdk_sfn, rules: sfn), MACHINE.to_owned()),
        records: Records::new(client!(aws_sdk_dynamodb, rules: dynamodb), "table".to_owned()),
        artifacts: Artifacts::new(client!(aws_sdk_s3, rules: Vec::<Rule>::new()), "bucket".to_owned()),
    }
}

async fn start(runs: &Runs, document: Value, token: Option<&str>) -> Result<StartedRun, Refusal> {
    runs.start(&document, token, noon(), &mut ChaCha8Rng::seed_from_u64(1)).await
}

fn begun() -> Rule {
    mock!(Sfn::start_execution).then_output(|| {
        let started = StartExecutionOutput::builder().execution_arn("arn:started");
        started.start_date(DateTime::from_secs(0)).build().expect("an execution")
    })
}

fn no_record() -> Rule {
    mock!(DynamoDb::get_item).then_output(|| GetItemOutput::builder().build())
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
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

/// The run `run-1` of a token, and the request that it was started with.
fn used_token(request: &Value) -> Vec<Rule> {
    let hash = sha256_hex(request.to_string().as_bytes());
    vec![
        mock!(DynamoDb::put_item).then_error(|| PutItemError::generic(error("ConditionalCheckFailedException"))),
        mock!(DynamoDb::get_item).then_output(move || {
            GetItemOutput::builder().item("runId", text("run-1")).item("requestHash", text(&hash)).build()
        }),
    ]
}

fn record(status: &'static str) -> Rule {
    mock!(DynamoDb::get_item).then_output(move || {
        GetItemOutput::builder()
            .item("runId", text("run-1"))
            .item("status", text(status))
            .item("createdAt", text("2026-01-01T12:00:00.000Z"))
            .build()
    })
}

fn no_scenarios() -> Rule {
    mock!(DynamoDb::query).then_output(|| QueryOutput::builder().build())
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
    let started = start(&runs(vec![begun], Vec::new()), json!({ "name": "nightly" }), None).await.expect("started");
    assert_eq!(started.execution_arn, "arn:started");
    assert!(run_id::is_valid(&started.run_id), "{}", started.run_id);
}

#[tokio::test]
async fn a_request_that_no_plan_can_be_made_of_starts_nothing() {
    for document in [json!({ "iterations": 0 }), json!({ "limits": { "maxCostUsd": 0.01 }, "iterations": 100 })] {
        let refusal = start(&runs(Vec::new(), Vec::new()), document, Some("token")).await.expect_err("refused");
        assert!(matches!(refusal, Refusal::Invalid(_)), "{refusal}");
    }
}

#[tokio::test]
async fn the_limits_of_a_users_own_objects_are_left_to_the_run() {
    let document =
        json!({ "dataset": { "s3": { "bucket": "own", "prefix": "ct/" } }, "limits": { "maxCostUsd": 0.01 } });
    start(&runs(vec![begun()], Vec::new()), document, None).await.expect("started");
}

#[tokio::test]
async fn a_new_token_starts_a_run_and_is_forgotten_after_a_day() {
    let put = mock!(DynamoDb::put_item)
        .match_requests(|request| {
            let item = request.item().expect("an item");
            let until = (noon() + SignedDuration::from_hours(24)).as_second().to_string();
            item["timeToLive"] == AttributeValue::N(until)
                && request.condition_expression() == Some("attribute_not_exists(PK) OR timeToLive < :now")
        })
        .then_output(|| PutItemOutput::builder().build());
    start(&runs(vec![begun()], vec![put]), json!({}), Some("token")).await.expect("started");
}

#[tokio::test]
async fn the_same_token_and_request_return_the_run_that_was_started() {
    let request = json!({ "name": "nightly" });
    let over = execution(ExecutionStatus::Succeeded, None);
    let started = start(&runs(vec![over], used_token(&request)), request, Some("token")).await.expect("the run");
    let expected =
        StartedRun { run_id: "run-1".to_owned(), execution_arn: EXECUTION.to_owned(), status: RunStatus::Succeeded };
    assert_eq!(started, expected);
}

#[tokio::test]
async fn a_token_whose_run_was_not_started_starts_it_once() {
    let request = json!({ "name": "nightly" });
    let unknown =
        mock!(Sfn::describe_execution).then_error(|| DescribeExecutionError::generic(error("ExecutionDoesNotExist")));
    let taken =
        mock!(Sfn::start_execution).then_error(|| StartExecutionError::generic(error("ExecutionAlreadyExists")));
    let both_at_once = runs(vec![unknown, taken], used_token(&request));
    assert_eq!(start(&both_at_once, request, Some("token")).await.expect("the run").execution_arn, EXECUTION);
}

#[tokio::test]
async fn the_same_token_with_another_request_is_refused() {
    let used = runs(Vec::new(), used_token(&json!({ "name": "nightly" })));
    let refusal = start(&used, json!({ "name": "other" }), Some("token")).await.expect_err("refused");
    assert_eq!(refusal, Refusal::TokenReused { run_id: "run-1".to_owned() });
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_refused() {
    for token in ["", "ä", "a\n", &"x".repeat(256)] {
        let refusal = start(&runs(Vec::new(), Vec::new()), json!({}), Some(token)).await.expect_err("refused");
        assert!(matches!(refusal, Refusal::Invalid(_)), "{token:?}");
    }
}

#[tokio::test]
async fn a_run_that_is_not_planned_yet_runs() {
    let run = runs(vec![execution(ExecutionStatus::Running, None)], vec![no_record()]).find("run-1").await;
    let run = json!(run.expect("a run"));
    assert_eq!((&run["runId"], &run["status"], &run["scenarios"]), (&json!("run-1"), &json!("RUNNING"), &json!([])));
}

#[tokio::test]
async fn a_run_that_was_refused_says_why() {
    let refused = execution(ExecutionStatus::Failed, Some(("InvalidRequest", r#"{"errorMessage":"too much"}"#)));
    let run = json!(runs(vec![refused], vec![no_record()]).find("run-1").await.expect("a run"));
    assert_eq!(run["status"], "FAILED");
    assert_eq!(run["error"], json!({ "error": "InvalidRequest", "cause": "too much" }));
}

#[tokio::test]
async fn a_run_that_nobody_started_is_not_found() {
    let unknown =
        mock!(Sfn::describe_execution).then_error(|| DescribeExecutionError::generic(error("ExecutionDoesNotExist")));
    let refusal = runs(vec![unknown], vec![no_record()]).find("run-1").await.expect_err("none");
    assert_eq!(refusal, Refusal::not_found("run", "run-1"));
}

#[tokio::test]
async fn a_name_that_no_run_can_have_is_asked_of_nobody() {
    assert!(runs(Vec::new(), Vec::new()).find("../secrets").await.is_err());
    assert!(runs(Vec::new(), Vec::new()).report("../secrets").await.is_err());
}

#[tokio::test]
async fn a_run_is_stopped_once() {
    let stop = mock!(Sfn::stop_execution)
        .match_requests(|request| request.execution_arn() == Some(EXECUTION))
        .then_output(|| StopExecutionOutput::builder().stop_date(DateTime::from_secs(0)).build().expect("stopped"));
    let running = runs(vec![execution(ExecutionStatus::Running, None), stop], vec![record("RUNNING"), no_scenarios()]);
    assert!(!running.abort("run-1").await.expect("stopped").was_over);
    let over = runs(vec![execution(ExecutionStatus::Aborted, None)], vec![record("FAILED"), no_scenarios()]);
    assert!(over.abort("run-1").await.expect("over").was_over);
}

#[tokio::test]
async fn a_run_that_is_not_over_has_no_report_yet() {
    let running = runs(Vec::new(), vec![record("RUNNING"), no_scenarios()]);
    let refusal = running.report_link("run-1", ReportFormat::Html, noon()).await.expect_err("none");
    assert!(matches!(refusal, Refusal::Conflict(_)), "{refusal}");
}

/// Name of an execution in [`table`] that only empties kept hosts.
const CLEARING: &str = "clear";

/// Runs of a table, one a minute, as pages of DynamoDB: each call returns at most `of_call` of them.
fn table(names: &'static [&'static str], of_call: usize, asked: &Arc<Mutex<Vec<QueryInput>>>) -> Rule {
    let asked = Arc::clone(asked);
    mock!(DynamoDb::query).then_compute_output(move |request| {
        asked.lock().expect("not poisoned").push(request.clone());
        let start = request.exclusive_start_key().map_or(0, |key| {
            let id = key["PK"].as_s().expect("text").trim_start_matches("RUN#run-").to_owned();
            id.parse::<usize>().expect("a number") + 1
        });
        let end = (start + of_call).min(names.len());
        let at = |index: usize| format!("2026-01-01T11:{:02}:00.000Z", 59 - index);
        let items: Vec<_> = (start..end)
            .map(|index| {
                std::collections::HashMap::from([
                    ("runId".to_owned(), text(&format!("run-{index}"))),
                    ("status".to_owned(), text("SUCCEEDED")),
                    ("createdAt".to_owned(), text(&at(index))),
                    ("name".to_owned(), text(names[index])),
                    ("fingerprint".to_owned(), text(&format!("{}0ff", names[index]))),
                    ("clears".to_owned(), AttributeValue::Bool(names[index] == CLEARING)),
                ])
            })
            .collect();
        let mut output = QueryOutput::builder().set_items(Some(items));
        if end < names.len() {
            let last = end - 1;
            output = output
                .last_evaluated_key("PK", text(&format!("RUN#run-{last}")))
                .last_evaluated_key("SK", text("META"))
                .last_evaluated_key("type", text("RUN"))
                .last_evaluated_key("createdAt", text(&at(last)));
        }
        output.build()
    })
}

/// Reads a list page by page to its end. Returns the ids of its runs and the number of pages.
async fn read_to_end(runs: &Runs, mut query: RunQuery) -> (Vec<String>, usize) {
    let mut ids = Vec::new();
    for pages in 1..=10 {
        let page = runs.list(&query).await.expect("a page");
        assert!(page.runs.len() <= query.limit.expect("a limit") as usize);
        ids.extend(page.runs.into_iter().map(|run| run.run_id));
        query.page = page.next;
        if query.page.is_none() {
            return (ids, pages);
        }
    }
    panic!("the pages do not end: {ids:?}");
}

#[tokio::test]
async fn pages_show_each_run_of_a_name_once_and_end() {
    for of_call in 1..=7 {
        let asked = Arc::default();
        let runs = runs(Vec::new(), vec![table(&["a", "b", "a", "b", "a", "a", "b"], of_call, &asked)]);
        let query = RunQuery { name: Some("a".to_owned()), limit: Some(2), ..RunQuery::default() };
        let (ids, _) = read_to_end(&runs, query).await;
        assert_eq!(ids, ["run-0", "run-2", "run-4", "run-5"], "{of_call} items of a call");
    }
}

#[tokio::test]
async fn executions_that_only_empty_hosts_are_left_out_and_the_pages_after_them_are_shown() {
    // More of them in a row than one page has runs, and one at the end.
    let names = &["a", CLEARING, CLEARING, CLEARING, "b", "c", CLEARING];
    for of_call in 1..=7 {
        let asked = Arc::default();
        let runs = runs(Vec::new(), vec![table(names, of_call, &asked)]);
        let (ids, _) = read_to_end(&runs, RunQuery { limit: Some(2), ..RunQuery::default() }).await;
        assert_eq!(ids, ["run-0", "run-4", "run-5"], "{of_call} items of a call");
        let named = RunQuery { name: Some(CLEARING.to_owned()), limit: Some(2), ..RunQuery::default() };
        assert_eq!(read_to_end(&runs, named).await.0, Vec::<String>::new(), "by the name that a clearing gets");
    }
}

#[tokio::test]
async fn the_beginning_of_a_fingerprint_finds_its_runs() {
    for (beginning, expected) in [("b0", &["run-1", "run-2"][..]), ("b0ff", &["run-1", "run-2"]), ("0ff", &[])] {
        let asked = Arc::default();
        let runs = runs(Vec::new(), vec![table(&["a", "b", "b"], 3, &asked)]);
        let query = RunQuery { fingerprint: Some(beginning.to_owned()), limit: Some(2), ..RunQuery::default() };
        assert_eq!(read_to_end(&runs, query).await.0, expected, "{beginning}");
    }
}

#[tokio::test]
async fn a_full_page_is_the_last_one_if_only_hosts_were_emptied_before() {
    let asked = Arc::default();
    let runs = runs(Vec::new(), vec![table(&["a", "b", CLEARING], 3, &asked)]);
    let (ids, pages) = read_to_end(&runs, RunQuery { limit: Some(2), ..RunQuery::default() }).await;
    assert_eq!((ids.len(), pages), (2, 1));
}

#[tokio::test]
async fn a_page_of_another_list_is_refused() {
    let asked = Arc::default();
    let runs = runs(Vec::new(), vec![table(&["a", "a", "a"], 3, &asked)]);
    let first = runs.list(&RunQuery { limit: Some(1), ..RunQuery::default() }).await.expect("a page");
    let other = RunQuery { page: first.next, name: Some("a".to_owned()), ..RunQuery::default() };
    assert!(matches!(runs.list(&other).await, Err(Refusal::Invalid(_))));
    assert_eq!(asked.lock().expect("not poisoned").len(), 1, "a refused page is not looked up");
}

#[test]
fn a_valid_request_has_a_plan_with_its_price() {
    let valid = validate(&json!({ "name": "nightly" }), noon()).expect("valid");
    let plan = valid.plan.expect("a plan");
    assert_eq!(valid.name, "nightly");
    assert!(plan.minutes > 0.0 && plan.cost_usd > 0.0 && plan.block_runs >= plan.blocks && plan.scenarios > 0);
    let own = json!({ "dataset": { "s3": { "bucket": "own", "prefix": "ct/" } } });
    let own = validate(&own, noon()).expect("valid");
    assert!(own.plan.is_none() && own.warnings.len() == 1);
}
