use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemInput, UpdateItemOutput};
use aws_smithy_mocks::{Rule, mock};
use serde_json::{Map, Value, json};

use super::*;
use crate::mocked::{client, error, noon};

fn records(rules: Vec<Rule>) -> Records {
    Records::new(client!(aws_sdk_dynamodb, rules: rules), "table".to_owned())
}

/// Returns rules that store the last item and return it to each read.
fn put_and_get() -> Vec<Rule> {
    let kept: Arc<Mutex<Item>> = Arc::default();
    let keep = Arc::clone(&kept);
    vec![
        mock!(Client::put_item).then_compute_output(move |request| {
            *keep.lock().expect("not poisoned") = request.item().expect("an item").clone();
            PutItemOutput::builder().build()
        }),
        mock!(Client::get_item).then_output({
            let kept = Arc::clone(&kept);
            move || GetItemOutput::builder().set_item(Some(kept.lock().expect("not poisoned").clone())).build()
        }),
        mock!(Client::query)
            .then_output(move || QueryOutput::builder().items(kept.lock().expect("not poisoned").clone()).build()),
    ]
}

fn run() -> RunRecord {
    RunRecord {
        run_id: "run-1".to_owned(),
        status: RunStatus::Running,
        created_at: noon(),
        name: Some("classic".to_owned()),
        execution_arn: Some("arn".to_owned()),
        expires_at: Some(noon()),
        fingerprint: Some("f".to_owned()),
        schedule: Some("nightly".to_owned()),
        progress: Some(RunProgress {
            state: StepState::Running,
            step: "client-measure-0".to_owned(),
            doing: "iteration 1 of 2".to_owned(),
            done: 0,
            total: 2,
        }),
        verdict: Some(Verdict::ThresholdBroken),
        error: Some(RunError { error: "HostLost".to_owned(), cause: "why".to_owned() }),
        hosts_left: Some(0),
        finished_at: Some(noon()),
        report: Some("s3://bucket/key".to_owned()),
        published_at: Some(noon()),
        kept_until: Some(noon()),
        hosts_of: Some("run-0".to_owned()),
        clears: true,
    }
}

fn scenario(summary: Value) -> ScenarioRecord {
    let Value::Object(summary) = summary else { panic!("no object") };
    ScenarioRecord {
        run_id: "run-1".to_owned(),
        block: 1,
        scenario: 12,
        created_at: noon(),
        fingerprint: "f".to_owned(),
        settings_key: "s".to_owned(),
        instances_per_second: Some(123.456_789_012_345_67),
        summary,
    }
}

#[tokio::test]
async fn a_run_is_read_as_it_was_written() {
    let records = records(put_and_get());
    records.create(&run()).await.expect("written");
    assert_eq!(records.run("run-1").await.expect("read"), Some(run()));
    assert_eq!(records.latest_runs(1).await.expect("read"), [run()]);
}

#[tokio::test]
async fn times_sort_as_text() {
    let written: Arc<Mutex<Item>> = Arc::default();
    let keep = Arc::clone(&written);
    let put = mock!(Client::put_item).then_compute_output(move |request| {
        assert_eq!(request.condition_expression(), Some("attribute_not_exists(PK)"));
        *keep.lock().expect("not poisoned") = request.item().expect("an item").clone();
        PutItemOutput::builder().build()
    });
    records(vec![put]).create(&run()).await.expect("written");
    let item = written.lock().expect("not poisoned");
    assert_eq!(item["createdAt"], text("2026-01-01T12:00:00.000Z"));
    assert_eq!((&item["PK"], &item["SK"], &item["type"]), (&text("RUN#run-1"), &text("META"), &text("RUN")));
}

#[tokio::test]
async fn a_run_that_has_a_record_keeps_it() {
    let taken = mock!(Client::put_item).then_error(|| PutItemError::generic(error("ConditionalCheckFailedException")));
    records(vec![taken]).create(&run()).await.expect("no error");
}

#[tokio::test]
async fn a_scenario_loses_no_digit_and_its_iterations_only() {
    let records = records(put_and_get());
    let figures = json!({ "instancesPerSecond": { "median": 123.456_789_012_345_67, "low": 1e-9, "high": null } });
    let mut summary = figures.clone();
    summary["iterations"] = json!([1, 2, 3]);
    let written = scenario(summary).within_limits();
    records.write_scenario(&written).await.expect("written");
    let read = records.scenarios("run-1").await.expect("read");
    assert_eq!(read, [scenario(figures)]);
    let history = records.history("f", "s", noon(), 25).await.expect("read");
    assert_eq!(history[0].instances_per_second.to_bits(), 123.456_789_012_345_67_f64.to_bits());
}

#[test]
fn a_scenario_too_large_for_an_item_keeps_what_matters() {
    let small = scenario(json!({ "settings": {}, "instancesPerSecond": null, "other": "x".repeat(200_000) }));
    let mut names: Vec<_> = small.within_limits().summary.into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["instancesPerSecond", "settings"]);
}

#[tokio::test]
async fn only_what_may_be_compared_with_is_history() {
    let put = mock!(Client::put_item)
        .match_requests(|request| {
            let item = request.item().expect("an item");
            item["SK"] == text("BLOCK#0001#SCENARIO#0012") && !item.contains_key("historyKey")
        })
        .then_output(|| PutItemOutput::builder().build());
    let mut record = scenario(Value::Object(Map::new()));
    record.instances_per_second = None;
    records(vec![put]).write_scenario(&record).await.expect("written");
}

#[tokio::test]
async fn a_run_is_not_its_own_history() {
    let asked: Arc<Mutex<Option<QueryInput>>> = Arc::default();
    let keep = Arc::clone(&asked);
    let query = mock!(Client::query).then_compute_output(move |request| {
        *keep.lock().expect("not poisoned") = Some(request.clone());
        QueryOutput::builder().build()
    });
    records(vec![query]).history("f", "s", noon(), 25).await.expect("read");
    let asked = asked.lock().expect("not poisoned").clone().expect("asked");
    let values = asked.expression_attribute_values().expect("values");
    assert_eq!(values[":first"], text("s#"));
    assert_eq!(values[":last"], text("s#2026-01-01T11:59:59.999Z"));
    assert_eq!((asked.scan_index_forward(), asked.limit()), (Some(false), Some(25)));
}

async fn finish(status: RunStatus) -> UpdateItemInput {
    let asked: Arc<Mutex<Option<UpdateItemInput>>> = Arc::default();
    let keep = Arc::clone(&asked);
    let update = mock!(Client::update_item).then_compute_output(move |request| {
        *keep.lock().expect("not poisoned") = Some(request.clone());
        UpdateItemOutput::builder().build()
    });
    let end = RunEnd {
        status,
        verdict: Verdict::Invalid,
        error: None,
        hosts_left: 0,
        finished_at: noon(),
        report: None,
        fingerprint: None,
        kept_until: None,
    };
    records(vec![update]).finish("run-1", &end).await.expect("written");
    let asked = asked.lock().expect("not poisoned").clone();
    asked.expect("asked")
}

#[tokio::test]
async fn a_run_that_succeeded_does_not_fail_afterwards() {
    let condition = finish(RunStatus::Failed).await.condition_expression().map(str::to_owned);
    assert_eq!(condition.as_deref(), Some("attribute_not_exists(#status) OR #status <> :succeeded"));
    let refused =
        mock!(Client::update_item).then_error(|| UpdateItemError::generic(error("ConditionalCheckFailedException")));
    let end = RunEnd {
        fingerprint: None,
        kept_until: None,
        status: RunStatus::Failed,
        verdict: Verdict::Invalid,
        error: None,
        hosts_left: 0,
        finished_at: noon(),
        report: None,
    };
    records(vec![refused]).finish("run-1", &end).await.expect("no error");
}

#[tokio::test]
async fn every_name_of_an_update_is_told_and_used() {
    for status in [RunStatus::Failed, RunStatus::Succeeded] {
        let request = finish(status).await;
        let expressions =
            format!("{} {}", request.update_expression().expect("one"), request.condition_expression().unwrap_or(""));
        let names = request.expression_attribute_names().expect("names").keys();
        for name in names.chain(request.expression_attribute_values().expect("values").keys()) {
            assert!(expressions.contains(name.as_str()), "DynamoDB refuses {name}, which is not used: {expressions}");
        }
    }
}
