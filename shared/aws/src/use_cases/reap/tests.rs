use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
use aws_sdk_ec2::operation::terminate_instances::TerminateInstancesOutput;
use aws_sdk_ec2::types::{Instance, InstanceState, InstanceStateName, Reservation, Tag};
use aws_sdk_lambda::Client as Lambda;
use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_sfn::Client as Sfn;
use aws_sdk_sfn::operation::describe_execution::{DescribeExecutionError, DescribeExecutionOutput};
use aws_sdk_sfn::types::ExecutionStatus;
use aws_smithy_mocks::{MockResponse, mock};
use serde_json::json;

use super::*;
use crate::clients::hosts::{EXPIRES_TAG, Hosts, RUN_TAG};
use crate::clients::records::Records;
use crate::mocked::{client, error, noon};
use crate::use_cases::teardown::Polling;

/// An account in memory: hosts by run, executions, records, and the runs that were summarized.
#[derive(Clone, Default)]
struct Account {
    /// Run, expiry.
    hosts: Arc<Mutex<Vec<(&'static str, &'static str)>>>,
    /// Run, status.
    executions: Vec<(&'static str, ExecutionStatus)>,
    /// Run, status, hosts left.
    records: Vec<(&'static str, &'static str, u32)>,
    summarized: Arc<Mutex<Vec<Value>>>,
    published: Arc<Mutex<Vec<Value>>>,
}

const FUTURE: &str = "2026-01-01T13:00:00Z";
const PAST: &str = "2026-01-01T11:00:00Z";

fn record((run_id, status, hosts_left): &(&str, &str, u32)) -> std::collections::HashMap<String, AttributeValue> {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let kept_until = match *run_id {
        "kept" => Some(FUTURE),
        "kept-too-long" => Some(PAST),
        _ => None,
    };
    let kept_until = kept_until.map(|until| ("keptUntil".to_owned(), text(until)));
    let fields = [
        ("runId", text(run_id)),
        ("status", text(status)),
        ("createdAt", text("2026-01-01T12:00:00.000Z")),
        ("executionArn", text(&format!("arn:aws:states:eu-central-1:1:execution:{}:{run_id}", machine_of(run_id)))),
        ("hostsLeft", AttributeValue::N(hosts_left.to_string())),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    fields.into_iter().chain(kept_until).collect()
}

/// ARN of the state machine that started a run. It may have been replaced since.
fn machine_of(run_id: &str) -> &'static str {
    if run_id == "running" { "runs-before" } else { "runs" }
}

impl Account {
    fn reaper(&self) -> Reaper {
        let account = self.clone();
        let describe = mock!(Ec2::describe_instances).then_compute_output(move |request| {
            let asked = request.filters().iter().find(|filter| filter.name() == Some("tag:dicomperf:run"));
            let run = asked.map(|filter| filter.values()[0].clone());
            let hosts = account.hosts.lock().expect("not poisoned");
            let hosts = hosts.iter().filter(|(id, _)| run.as_ref().is_none_or(|run| run == id)).map(|(id, expires)| {
                let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
                let state = InstanceState::builder().name(InstanceStateName::Running).build();
                let tags = vec![tag(RUN_TAG, id), tag(EXPIRES_TAG, expires)];
                Instance::builder().instance_id(*id).state(state).set_tags(Some(tags)).build()
            });
            let reservation = Reservation::builder().set_instances(Some(hosts.collect())).build();
            DescribeInstancesOutput::builder().reservations(reservation).build()
        });
        let account = self.clone();
        let terminate = mock!(Ec2::terminate_instances).then_compute_output(move |request| {
            account
                .hosts
                .lock()
                .expect("not poisoned")
                .retain(|(id, _)| !request.instance_ids().iter().any(|gone| gone == id));
            TerminateInstancesOutput::builder().build()
        });
        let executions = self.executions.clone();
        let execution = mock!(Sfn::describe_execution).then_compute_response(move |request| {
            let arn = request.execution_arn().unwrap_or_default();
            let arn_of = |id| format!("arn:aws:states:eu-central-1:1:execution:{}:{id}", machine_of(id));
            match executions.iter().find(|(id, _)| arn == arn_of(id)) {
                Some((_, status)) => MockResponse::Output(
                    DescribeExecutionOutput::builder()
                        .execution_arn(arn)
                        .state_machine_arn("arn")
                        .status(status.clone())
                        .start_date(aws_sdk_sfn::primitives::DateTime::from_secs(0))
                        .build()
                        .expect("an execution"),
                ),
                None => MockResponse::Error(DescribeExecutionError::generic(error("ExecutionDoesNotExist"))),
            }
        });
        let records = self.records.clone();
        let latest = mock!(DynamoDb::query)
            .then_output(move || QueryOutput::builder().set_items(Some(records.iter().map(record).collect())).build());
        let records = self.records.clone();
        let get = mock!(DynamoDb::get_item).then_compute_output(move |request| {
            let key = request.key().expect("a key")["PK"].as_s().expect("text").clone();
            let found = records.iter().find(|(id, ..)| key == format!("RUN#{id}"));
            GetItemOutput::builder().set_item(found.map(record)).build()
        });
        let update = mock!(DynamoDb::update_item).then_output(|| UpdateItemOutput::builder().build());
        let (summarized, published) = (Arc::clone(&self.summarized), Arc::clone(&self.published));
        let invoke = mock!(Lambda::invoke).then_compute_output(move |request| {
            let payload = request.payload().expect("a payload").as_ref();
            let payload = serde_json::from_slice(payload).expect("JSON");
            let name = request.function_name().expect("a function");
            let asked = if name == "summarize" { &summarized } else { &published };
            asked.lock().expect("not poisoned").push(payload);
            InvokeOutput::builder().build()
        });
        Reaper {
            teardown: Teardown {
                hosts: Hosts::new(client!(aws_sdk_ec2, [describe, terminate]), "stack".to_owned()),
                records: Records::new(client!(aws_sdk_dynamodb, [latest, get, update]), "table".to_owned()),
                polling: Polling { interval: Duration::ZERO, max_polls: 4 },
            },
            executions: Executions::new(
                client!(aws_sdk_sfn, [execution]),
                "arn:aws:states:eu-central-1:1:stateMachine:runs".to_owned(),
            ),
            lambda: client!(aws_sdk_lambda, [invoke]),
            summarize_function: "summarize".to_owned(),
            publish_function: "publish".to_owned(),
        }
    }

    fn hosts(self, hosts: &[(&'static str, &'static str)]) -> Self {
        *self.hosts.lock().expect("not poisoned") = hosts.to_vec();
        self
    }

    fn hosts_of(&self) -> Vec<&'static str> {
        self.hosts.lock().expect("not poisoned").iter().map(|(id, _)| *id).collect()
    }

    fn summarized(&self) -> Vec<Value> {
        self.summarized.lock().expect("not poisoned").clone()
    }
}

fn ended(status: &str) -> Value {
    json!({
        "detail-type": "Step Functions Execution Status Change",
        "detail": { "name": "run-1", "status": status, "executionArn": "arn:aws:states:eu-central-1:1:execution:runs:run-1", "error": null, "cause": null },
    })
}

fn scheduled() -> Value {
    json!({ "detail-type": "Scheduled Event" })
}

#[tokio::test]
async fn the_hosts_of_a_stopped_execution_go_and_what_was_measured_is_summarized() {
    let account = Account {
        executions: vec![("run-1", ExecutionStatus::Aborted)],
        records: vec![("run-1", "RUNNING", 0)],
        ..Account::default()
    };
    let account = account.hosts(&[("run-1", FUTURE), ("run-2", FUTURE)]);
    account.reaper().reap(&ended("ABORTED"), noon()).await.expect("reaped");
    assert_eq!(account.hosts_of(), ["run-2"]);
    let error = json!({ "Error": "Aborted", "Cause": "the execution was stopped" });
    assert_eq!(account.summarized(), [json!({ "runId": "run-1", "error": error, "hostsLeft": 0 })]);
    assert_eq!(*account.published.lock().expect("not poisoned"), [json!({ "runId": "run-1" })]);
}

#[tokio::test]
async fn a_failure_that_is_summarized_already_is_left_alone() {
    let account = Account { records: vec![("run-1", "FAILED", 0)], ..Account::default() };
    account.reaper().reap(&ended("FAILED"), noon()).await.expect("nothing to do");
    assert!(account.summarized().is_empty());
}

#[tokio::test]
async fn a_run_whose_request_was_refused_gets_a_record_of_it() {
    let account = Account::default();
    let mut event = ended("FAILED");
    event["detail"]["error"] = json!("InvalidRequest");
    event["detail"]["cause"] = json!("{\"errorMessage\":\"iterations: is -1\"}");
    account.reaper().reap(&event, noon()).await.expect("reaped");
    assert_eq!(account.summarized()[0]["error"]["Error"], "InvalidRequest");
}

#[tokio::test]
async fn the_sweep_takes_what_is_expired_or_over_and_nothing_else() {
    let account = Account {
        executions: vec![
            ("running", ExecutionStatus::Running),
            ("expired", ExecutionStatus::Running),
            ("over", ExecutionStatus::TimedOut),
            ("gone", ExecutionStatus::Aborted),
        ],
        records: vec![("gone", "RUNNING", 0), ("done", "SUCCEEDED", 0), ("running", "RUNNING", 0)],
        ..Account::default()
    };
    let account = account.hosts(&[("running", FUTURE), ("expired", PAST), ("over", FUTURE), ("unknown", "not a time")]);
    account.reaper().reap(&scheduled(), noon()).await.expect("reaped");
    assert_eq!(account.hosts_of(), ["running"]);
    let summarized = account.summarized();
    let names: Vec<_> = summarized.iter().map(|event| event["runId"].as_str().expect("a run")).collect();
    // The execution of the expired run still runs, so that it summarizes.
    assert_eq!(names, ["gone", "over", "unknown"]);
    let errors: Vec<_> = summarized.iter().map(|event| event["error"]["Error"].as_str().expect("an error")).collect();
    assert_eq!(errors, ["Aborted", "TimedOut", "Lost"]);
}

#[tokio::test]
async fn one_run_that_cannot_be_reaped_does_not_stop_the_others() {
    let account = Account {
        executions: vec![("a", ExecutionStatus::Failed), ("b", ExecutionStatus::Failed)],
        ..Account::default()
    };
    let account = account.hosts(&[("a", FUTURE), ("b", FUTURE)]);
    let mut reaper = account.reaper();
    let refused = mock!(Lambda::invoke)
        .then_error(|| aws_sdk_lambda::operation::invoke::InvokeError::generic(error("ResourceNotFoundException")));
    reaper.lambda = client!(aws_sdk_lambda, [refused]);
    let failure = reaper.reap(&scheduled(), noon()).await.expect_err("refused");
    assert!(account.hosts_of().is_empty());
    let text = failure.to_string();
    assert!(
        text.contains("a: requesting the summary of run a") && text.contains("b: requesting the summary of run b"),
        "{text}"
    );
}

#[tokio::test]
async fn hosts_that_a_run_keeps_stay_until_their_time_and_not_longer() {
    let account = Account {
        executions: vec![("kept", ExecutionStatus::Running), ("kept-too-long", ExecutionStatus::Running)],
        records: vec![("kept", "SUCCEEDED", 2), ("kept-too-long", "SUCCEEDED", 2)],
        ..Account::default()
    };
    // Their tags have the latest time at which they expire.
    let account = account.hosts(&[("kept", FUTURE), ("kept-too-long", FUTURE)]);
    account.reaper().reap(&scheduled(), noon()).await.expect("reaped");
    assert_eq!(account.hosts_of(), ["kept"]);
    assert!(account.summarized().is_empty(), "both have a report");
}

#[tokio::test]
async fn hosts_that_a_run_keeps_go_when_its_execution_is_stopped() {
    let account = Account {
        executions: vec![("kept", ExecutionStatus::Aborted)],
        records: vec![("kept", "SUCCEEDED", 2)],
        ..Account::default()
    };
    let account = account.hosts(&[("kept", FUTURE)]);
    let mut event = ended("ABORTED");
    event["detail"]["name"] = json!("kept");
    account.reaper().reap(&event, noon()).await.expect("reaped");
    assert!(account.hosts_of().is_empty());
}

#[tokio::test]
async fn a_run_that_could_not_be_summarized_is_not_published() {
    let account = Account { executions: vec![("run-1", ExecutionStatus::Aborted)], ..Account::default() };
    let mut reaper = account.reaper();
    let failed = mock!(Lambda::invoke).then_output(|| {
        let payload = aws_sdk_lambda::primitives::Blob::new(r#"{"errorType":"AwsError"}"#);
        InvokeOutput::builder().function_error("Unhandled").payload(payload).build()
    });
    reaper.lambda = client!(aws_sdk_lambda, [failed]);
    let failure = reaper.reap(&ended("ABORTED"), noon()).await.expect_err("not summarized");
    assert!(failure.to_string().contains("AwsError"), "{failure}");
}
