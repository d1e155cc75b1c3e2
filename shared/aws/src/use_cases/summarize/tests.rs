use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_mocks::{Rule, mock};
use serde_json::{Value, json};

use super::*;
use crate::mocked::{Bucket, client, noon};
use crate::workflow::StatesError;
use dicomperf_model::measurement::Negotiated;
use dicomperf_model::results::Check;

/// Items that were written to the table, by sort key. Updates are under `UPDATE`.
type Table = Arc<Mutex<BTreeMap<String, String>>>;

fn table(record: Option<&'static str>) -> (Vec<Rule>, Table) {
    let table = Table::default();
    let (put_to, update) = (Arc::clone(&table), Arc::clone(&table));
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let rules = vec![
        mock!(DynamoDb::get_item).then_output(move || {
            let Some(status) = record else { return GetItemOutput::builder().build() };
            GetItemOutput::builder()
                .item("runId", text("run-1"))
                .item("status", text(status))
                .item("verdict", text("passed"))
                .item("createdAt", text("2026-01-01T12:00:00.000Z"))
                .item("finishedAt", text("2026-01-01T12:30:00Z"))
                .item("report", text("s3://bucket/runs/run-1/report.json"))
                .build()
        }),
        mock!(DynamoDb::put_item).then_compute_output(move |request| {
            let item = request.item().expect("an item");
            let sort_key = item["SK"].as_s().expect("text").clone();
            put_to.lock().expect("not poisoned").insert(sort_key, item["settingsKey"].as_s().expect("text").clone());
            PutItemOutput::builder().build()
        }),
        mock!(DynamoDb::update_item).then_compute_output(move |request| {
            let status =
                request.expression_attribute_values().expect("values")[":status"].as_s().expect("text").clone();
            update.lock().expect("not poisoned").insert("UPDATE".to_owned(), status);
            UpdateItemOutput::builder().build()
        }),
        mock!(DynamoDb::query).then_output(|| QueryOutput::builder().build()),
    ];
    (rules, table)
}

fn summarizer(bucket: &Bucket, rules: Vec<Rule>) -> Summarizer {
    Summarizer {
        artifacts: bucket.artifacts(),
        records: Records::new(client!(aws_sdk_dynamodb, rules: rules), "table".to_owned()),
    }
}

fn event(error: Option<&str>) -> SummarizeEvent {
    let error = error.map(|error| StatesError {
        error: error.to_owned(),
        cause: json!({ "errorType": error, "errorMessage": "why" }).to_string(),
    });
    SummarizeEvent { run_id: "run-1".to_owned(), error, hosts_left: 0, keep: false, checks: None }
}

#[tokio::test]
async fn a_run_that_failed_is_summarized_from_what_there_is() {
    let bucket = Bucket::with_plan(json!({ "matrix": { "associations": [1, 4] }, "baseline": "history" }));
    let (rules, table) = table(None);
    let answer = summarizer(&bucket, rules).summarize(event(Some("NoCapacity")), noon()).await.expect("summarized");
    assert_eq!((answer.status, answer.verdict), (RunStatus::Failed, Verdict::Invalid));
    assert_eq!(answer.report, "s3://bucket/runs/run-1/report.json");
    assert_eq!(answer.error, Some(RunError { error: "NoCapacity".to_owned(), cause: "why".to_owned() }));
    let report: Value = bucket.get("runs/run-1/report.json").expect("a report");
    assert_eq!(report["status"], "FAILED");
    assert!(bucket.keys().contains(&"runs/run-1/report.md".to_owned()));
    let table = table.lock().expect("not poisoned");
    let keys: Vec<_> = table.keys().map(String::as_str).collect();
    assert_eq!(keys, ["BLOCK#0000#SCENARIO#0000", "BLOCK#0000#SCENARIO#0001", "UPDATE"]);
}

#[tokio::test]
async fn a_run_without_a_plan_keeps_its_error() {
    let (rules, table) = table(None);
    let bucket = Bucket::default();
    let answer = summarizer(&bucket, rules).summarize(event(Some("InvalidRequest")), noon()).await.expect("an end");
    assert_eq!((answer.status, answer.report.as_str()), (RunStatus::Failed, ""));
    assert!(bucket.keys().is_empty());
    assert_eq!(table.lock().expect("not poisoned")["UPDATE"], "FAILED");
}

#[tokio::test]
async fn a_late_reap_does_not_turn_success_into_failure() {
    let bucket = Bucket::with_plan(json!({}));
    let (rules, table) = table(Some("SUCCEEDED"));
    let answer = summarizer(&bucket, rules).summarize(event(Some("Aborted")), noon()).await.expect("an answer");
    assert_eq!((answer.status, answer.verdict), (RunStatus::Succeeded, Verdict::Passed));
    assert!(table.lock().expect("not poisoned").is_empty());
    assert!(bucket.get::<Value>("runs/run-1/report.json").is_none());
}

#[tokio::test]
async fn summarizing_twice_writes_the_same() {
    let bucket = Bucket::with_plan(json!({}));
    let report = |now| {
        let (bucket, (rules, _)) = (bucket.clone(), table(Some("FAILED")));
        async move {
            summarizer(&bucket, rules).summarize(event(Some("HostLost")), now).await.expect("summarized");
            bucket.get::<Value>("runs/run-1/report.json").expect("a report")
        }
    };
    assert_eq!(report(noon()).await, report(noon() + jiff::SignedDuration::from_mins(9)).await);
}

#[tokio::test]
async fn a_run_is_compared_with_the_one_that_its_request_names() {
    let summarized = |bucket: Bucket| async move {
        let (rules, _) = table(None);
        summarizer(&bucket, rules).summarize(event(None), noon()).await.expect("summarized");
        bucket.get::<Value>("runs/run-1/report.json").expect("a report")
    };
    let earlier = summarized(Bucket::with_plan(json!({}))).await;
    let bucket = Bucket::with_plan(json!({ "baseline": { "run": "run-0" } }));
    let without = summarized(bucket.clone()).await;
    let note = "Not compared with the baseline, run run-0: s3://bucket/runs/run-0/report.json is not there.";
    assert!(without.get("against").is_none());
    assert!(without["notes"].to_string().contains(note), "{without}");
    bucket.put("runs/run-0/report.json", &earlier);
    let report = summarized(bucket.clone()).await;
    assert_eq!((&report["against"]["comparable"], &report["against"]["a"]["runId"]), (&json!(true), &json!("run-1")));
    bucket.put("runs/run-0/report.json", &json!({ "runId": "run-0" }));
    assert!(summarized(bucket).await["notes"].to_string().contains("is of another version: missing field"));
    let itself = summarized(Bucket::with_plan(json!({ "baseline": { "run": "run-1" } }))).await;
    assert!(itself["notes"].to_string().contains("run run-1: it is this run."));
}

#[tokio::test]
async fn the_launched_types_decide_the_fingerprint() {
    let bucket = Bucket::with_plan(json!({ "server": { "instanceType": ["m5.large", "m6i.large"] } }));
    bucket.put("runs/run-1/launch.json", &json!({ "launched": { "server": "m6i.large", "client": "t3.micro" } }));
    let (rules, _) = table(None);
    summarizer(&bucket, rules).summarize(event(None), noon()).await.expect("summarized");
    let report: Value = bucket.get("runs/run-1/report.json").expect("a report");
    assert_eq!(report["fingerprintOf"]["serverType"], "m6i.large");
    assert_eq!(report["hosts"]["server"]["instanceType"], "m6i.large");
    let same = crate::mocked::test_plan(json!({ "server": { "instanceType": "m6i.large" } }));
    assert_eq!(report["fingerprint"], same.fingerprint.as_str());
}

#[tokio::test]
async fn the_version_of_an_existing_server_is_known_before_the_history_is_looked_up() {
    let document = json!({
        "server": { "existing": { "address": "pacs.example.org", "port": 104, "aeTitle": "PACS" } },
        "baseline": "history", "iterations": 2, "warmup": 0, "rounds": 1,
    });
    let bucket = Bucket::with_plan(document.clone());
    let plan = crate::mocked::test_plan(document);
    let mut report = dicomperf_fixtures::measured(&plan, 0, |_, _| 1000.0);
    let negotiated =
        Negotiated { implementation_version_name: Some("OFFIS_DCMTK_367".to_owned()), ..Negotiated::default() };
    if let Some(StepOutput::Measured(measured)) = &mut report.output {
        measured.negotiated = Some(negotiated.clone());
    }
    bucket.put("runs/run-1/blocks/0.json", &json!(report));
    let expected = plan.with_negotiated(&negotiated).fingerprint;
    let looked_up = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&looked_up);
    let query = mock!(DynamoDb::query).then_compute_output(move |request| {
        seen.lock().expect("not poisoned").push(format!("{:?}", request.expression_attribute_values()));
        QueryOutput::builder().build()
    });
    let rules = std::iter::once(query).chain(table(None).0).collect();
    summarizer(&bucket, rules).summarize(event(None), noon()).await.expect("summarized");
    let written: Value = bucket.get("runs/run-1/report.json").expect("a report");
    assert_eq!(written["fingerprint"], expected.as_str());
    assert_eq!(written["fingerprintOf"]["existing"]["implementationVersionName"], "OFFIS_DCMTK_367");
    let looked_up = looked_up.lock().expect("not poisoned");
    assert!(!looked_up.is_empty() && looked_up.iter().all(|values| values.contains(&expected)), "{looked_up:?}");
}

#[tokio::test]
async fn a_dry_run_is_summarized_even_where_the_bucket_cannot_be_read() {
    let checks = vec![Check::passed("launch: subnets", "there are two"), Check::failed("plan: table", "may not")];
    let event = SummarizeEvent { checks: Some(checks), ..event(None) };
    for (bucket, has_report) in [(Bucket::with_plan(json!({ "dryRun": true })), true), (Bucket::default(), false)] {
        let (rules, table) = table(None);
        let refused = mock!(DynamoDb::put_item).then_error(|| {
            let code = crate::mocked::error("ConditionalCheckFailedException");
            aws_sdk_dynamodb::operation::put_item::PutItemError::generic(code)
        });
        let rules = std::iter::once(refused).chain(rules).collect();
        let answer = summarizer(&bucket, rules).summarize(event.clone(), noon()).await.expect("an answer");
        assert_eq!((answer.status, answer.verdict), (RunStatus::Succeeded, Verdict::CheckFailed));
        let failed: Vec<_> = answer.checks.iter().filter(|check| !check.ok).map(|check| &*check.name).collect();
        let report = bucket.get::<Value>("runs/run-1/report.json");
        if has_report {
            assert_eq!(failed, ["plan: table"]);
            assert_eq!(report.expect("a report")["checks"], json!(answer.checks));
        } else {
            assert_eq!((failed, report), (vec!["plan: table", "summarize: bucket"], None));
        }
        assert_eq!(table.lock().expect("not poisoned")["UPDATE"], "SUCCEEDED");
    }
}
