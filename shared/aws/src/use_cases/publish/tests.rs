use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::Client as EventBridge;
use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
use aws_sdk_eventbridge::types::PutEventsResultEntry;
use aws_sdk_s3::Client as S3;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_smithy_mocks::mock;
use dicomperf_model::results::RunStatus;
use serde_json::json;

use super::*;
use crate::mocked::{client, noon};

/// The events that were put, and the page that was written last.
#[derive(Clone, Default)]
struct Seen {
    events: Arc<Mutex<Vec<(String, Value)>>>,
    pages: Arc<Mutex<Vec<String>>>,
}

/// A stack whose table has this record, and whose bus refuses events or not.
fn publisher(record: Option<RunRecord>, refuses: bool) -> (Publisher, Seen) {
    let seen = Seen::default();
    let item = record.as_ref().map(|record| serde_dynamo::aws_sdk_dynamodb_1::to_item(record).expect("an item"));
    let get = mock!(DynamoDb::get_item).then_output(move || GetItemOutput::builder().set_item(item.clone()).build());
    let entries: Arc<Mutex<Vec<std::collections::HashMap<String, AttributeValue>>>> = Arc::default();
    let written = Arc::clone(&entries);
    let put = mock!(DynamoDb::put_item).then_compute_output(move |request| {
        written.lock().expect("not poisoned").push(request.item().expect("an item").clone());
        PutItemOutput::builder().build()
    });
    let query = mock!(DynamoDb::query).then_compute_output(move |request| {
        let is_history = format!("{:?}", request.expression_attribute_values()).contains("HISTORY");
        let items = if is_history { entries.lock().expect("not poisoned").clone() } else { Vec::new() };
        QueryOutput::builder().set_items(Some(items)).build()
    });
    let update = mock!(DynamoDb::update_item).then_output(|| UpdateItemOutput::builder().build());
    let events = Arc::clone(&seen.events);
    let put_events = mock!(EventBridge::put_events).then_compute_output(move |request| {
        let entry = &request.entries()[0];
        let detail = serde_json::from_str(entry.detail().expect("a detail")).expect("JSON");
        events.lock().expect("not poisoned").push((entry.detail_type().expect("a type").to_owned(), detail));
        let result = PutEventsResultEntry::builder();
        let result = if refuses { result.error_code("ThrottlingException").error_message("slow down") } else { result };
        PutEventsOutput::builder().failed_entry_count(refuses.into()).entries(result.build()).build()
    });
    let pages = Arc::clone(&seen.pages);
    let write = mock!(S3::put_object).then_compute_output(move |request| {
        let bytes = request.body().bytes().expect("in memory").to_vec();
        pages.lock().expect("not poisoned").push(String::from_utf8(bytes).expect("text"));
        PutObjectOutput::builder().build()
    });
    let publisher = Publisher {
        stack: "dicomperf".to_owned(),
        records: Records::new(client!(aws_sdk_dynamodb, [get, put, query, update]), "table".to_owned()),
        artifacts: Artifacts::new(client!(aws_sdk_s3, [write]), "bucket".to_owned()),
        events: Events::new(client!(aws_sdk_eventbridge, [put_events])),
        api_url: None,
        page: PageSettings::default(),
    };
    (publisher, seen)
}

/// A run that failed without a report.
fn failed_run() -> RunRecord {
    let error = dicomperf_model::results::RunError::from_states("NoCapacity", "no room");
    RunRecord {
        name: Some("nightly".to_owned()),
        verdict: Some(Verdict::Invalid),
        error: Some(error),
        hosts_left: Some(0),
        finished_at: Some(noon()),
        ..RunRecord::new("run-1", RunStatus::Failed, noon())
    }
}

async fn publish(record: Option<RunRecord>, event: Value) -> (Seen, String) {
    let (publisher, seen) = publisher(record, false);
    let mut output = Vec::new();
    publisher.publish(event, noon(), &mut output).await.expect("published");
    (seen, String::from_utf8(output).expect("text"))
}

#[tokio::test]
async fn a_run_without_a_report_is_an_event_metrics_and_a_line_of_the_history() {
    let event = json!({
        "detail-type": "Step Functions Execution Status Change",
        "detail": { "name": "run-1", "status": "FAILED" },
    });
    let (seen, metrics) = publish(Some(failed_run()), event).await;
    let (detail_type, detail) = seen.events.lock().expect("not poisoned")[0].clone();
    assert_eq!((&*detail_type, &detail["runId"]), ("Run finished", &json!("run-1")));
    assert_eq!(detail["error"]["error"], "NoCapacity");
    assert!(seen.pages.lock().expect("not poisoned")[0].contains("run-1"));
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1, "{metrics}");
    assert_eq!((&lines[0]["Runs"], &lines[0]["Failed"], &lines[0]["Regressed"]), (&json!(1), &json!(1), &json!(0)));
    let declared = &lines[0]["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(declared["Dimensions"], json!([["Stack"], ["Stack", "Name"]]));
    for metric in declared["Metrics"].as_array().expect("metrics") {
        assert!(lines[0][metric["Name"].as_str().expect("a name")].is_number(), "{metric}");
    }
}

#[tokio::test]
async fn a_run_that_was_published_before_is_counted_once() {
    let record = RunRecord { published_at: Some(noon()), ..failed_run() };
    let (seen, metrics) = publish(Some(record), json!({ "runId": "run-1" })).await;
    assert!(seen.events.lock().expect("not poisoned").is_empty() && metrics.is_empty());
    assert_eq!(seen.pages.lock().expect("not poisoned").len(), 1, "the page is written again");
}

#[tokio::test]
async fn what_is_no_result_is_not_published() {
    let running = RunRecord::new("run-1", RunStatus::Running, noon());
    let clearing = RunRecord { clears: true, ..failed_run() };
    let event = json!({ "runId": "run-1" });
    let dry_run = json!({ "detail": { "name": "run-1", "input": r#"{"dryRun":true,"matrix":{"pdu":1}}"# } });
    let of_schedule = r#"{"schedule":"nightly","request":{"dryRun":true,"matrix":{"pdu":1}}}"#;
    let of_schedule = json!({ "detail": { "name": "run-1", "input": of_schedule } });
    let cases = [
        (None, &event),
        (Some(running), &event),
        (Some(clearing), &event),
        (Some(failed_run()), &dry_run),
        (Some(failed_run()), &of_schedule),
    ];
    for (record, event) in cases {
        let (seen, metrics) = publish(record, event.clone()).await;
        assert!(seen.events.lock().expect("not poisoned").is_empty() && metrics.is_empty());
        assert!(seen.pages.lock().expect("not poisoned").is_empty());
    }
}

#[tokio::test]
async fn an_event_that_the_bus_refuses_is_an_error_and_counts_nothing() {
    let (publisher, _) = publisher(Some(failed_run()), true);
    let mut output = Vec::new();
    let failure = publisher.publish(json!({ "runId": "run-1" }), noon(), &mut output).await.expect_err("refused");
    assert!(failure.to_string().contains("ThrottlingException: slow down"), "{failure}");
    assert!(output.is_empty());
}

#[tokio::test]
async fn a_message_of_the_dead_letter_queue_is_a_run_that_did_not_start() {
    let text = |value: &str| json!({ "stringValue": value, "dataType": "String" });
    let message = json!({
        "messageId": "1", "eventSource": "aws:sqs", "body": "{}",
        "messageAttributes": {
            "SCHEDULE_ARN": text("arn:aws:scheduler:eu-central-1:1:schedule/group/nightly"),
            "SCHEDULED_TIME": text("2026-01-01T03:00:00Z"),
            "ERROR_CODE": text("AccessDeniedException"),
            "ERROR_MESSAGE": text("not allowed to start it"),
        },
    });
    let (seen, _) = publish(None, json!({ "Records": [message, { "messageId": "2", "body": "" }] })).await;
    let events = seen.events.lock().expect("not poisoned").clone();
    let expected = json!({
        "stack": "dicomperf", "schedule": "nightly", "scheduledAt": "2026-01-01T03:00:00Z",
        "error": "AccessDeniedException", "cause": "not allowed to start it",
    });
    assert_eq!(events[0], ("Run not started".to_owned(), expected));
    assert_eq!(events[1].1["schedule"], Value::Null, "a message of another sender is told too");
}

#[test]
fn a_scenario_with_many_settings_has_a_dimension_that_cloudwatch_takes() {
    let run: FinishedRun = serde_json::from_value(json!({
        "stack": "dicomperf", "runId": "run-1", "name": "nightly", "status": "SUCCEEDED", "verdict": "passed",
        "createdAt": noon(), "finishedAt": noon(), "hostsLeft": 0,
        "scenarios": [{
            "scenario": 0, "settings": "Orthanc DicomThreadsCount=4, KeepAlive=on, Overw…", "validIterations": 5,
            "instancesPerSecond": { "median": 161.2, "low": 159.8, "high": 162.9 },
        }],
    }))
    .expect("a run");
    let mut output = Vec::new();
    super::metrics::write(&mut output, &run, noon()).expect("written");
    let text = String::from_utf8(output).expect("text");
    let scenario: Value = serde_json::from_str(text.lines().nth(1).expect("a second line")).expect("JSON");
    assert_eq!(scenario["Scenario"], "Orthanc DicomThreadsCount=4, KeepAlive=on, Overw...");
    assert_eq!(scenario["InstancesPerSecond"], 161.2);
}
