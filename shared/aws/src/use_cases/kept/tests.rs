use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sfn::Client as Sfn;
use aws_sdk_sfn::operation::start_execution::StartExecutionOutput;
use aws_sdk_sfn::operation::stop_execution::StopExecutionOutput;
use aws_sdk_sfn::primitives::DateTime;
use aws_smithy_mocks::{Rule, mock};
use jiff::SignedDuration;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::mocked::{client, noon};

const MACHINE: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:runs";

/// A table with one record, whose fields are text, and with a lock or without.
fn table(fields: &[(&'static str, &'static str)], holder: Option<&'static str>) -> Rule {
    let fields = fields.to_vec();
    mock!(DynamoDb::get_item).then_compute_output(move |request| {
        let key = request.key().expect("a key")["PK"].as_s().expect("text").clone();
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let item = match (key.as_str(), holder) {
            ("RUN#run-1", _) => {
                let all = fields.iter().map(|(name, value)| match *name {
                    "hostsLeft" => ((*name).to_owned(), AttributeValue::N((*value).to_owned())),
                    _ => ((*name).to_owned(), text(value)),
                });
                Some(all.chain([("createdAt".to_owned(), text("2026-01-01T11:00:00.000Z"))]).collect())
            }
            ("LOCK#hosts of run-1", Some(holder)) => {
                let until = AttributeValue::N((noon().as_second() + 60).to_string());
                Some([("runId".to_owned(), text(holder)), ("until".to_owned(), until)].into())
            }
            _ => None,
        };
        GetItemOutput::builder().set_item(item).build()
    })
}

const KEPT: [(&str, &str); 5] = [
    ("runId", "run-1"),
    ("name", "nightly"),
    ("status", "SUCCEEDED"),
    ("keptUntil", "2026-01-01T12:30:00Z"),
    ("hostsLeft", "2"),
];

fn kept(sfn: Vec<Rule>, table: &Rule) -> Kept {
    Kept {
        executions: Executions::new(client!(aws_sdk_sfn, rules: sfn), MACHINE.to_owned()),
        records: Records::new(client!(aws_sdk_dynamodb, [table]), "table".to_owned()),
    }
}

fn starts(input: &'static str) -> Rule {
    mock!(Sfn::start_execution).match_requests(move |request| request.input() == Some(input)).then_output(|| {
        let started = StartExecutionOutput::builder().execution_arn("arn:started");
        started.start_date(DateTime::from_secs(0)).build().expect("an execution")
    })
}

fn random() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

#[tokio::test]
async fn work_on_kept_hosts_is_an_execution_of_its_own() {
    let table = table(&KEPT, None);
    let begun = starts(r#"{"again":"run-1"}"#);
    let started = kept(vec![begun], &table).again("run-1", None, noon(), &mut random()).await.expect("started");
    assert!(started.run_id.contains("-nightly-") && started.hosts_of == "run-1", "{started:?}");
    assert_eq!(started.until.to_string(), "2026-01-01T12:30:00Z");
    let begun = starts(r#"{"clear":"run-1"}"#);
    let started = kept(vec![begun], &table).clear("run-1", noon(), &mut random()).await.expect("started");
    assert!(started.run_id.contains("-clear-"), "{started:?}");
}

#[tokio::test]
async fn a_teardown_stops_the_execution_that_waits() {
    let stop = mock!(Sfn::stop_execution)
        .match_requests(|request| request.execution_arn().is_some_and(|arn| arn.ends_with(":execution:runs:run-1")))
        .then_output(|| StopExecutionOutput::builder().stop_date(DateTime::from_secs(0)).build().expect("stopped"));
    kept(vec![stop.clone()], &table(&KEPT, None)).teardown("run-1", noon()).await.expect("stopped");
    assert_eq!(stop.num_calls(), 1);
}

#[tokio::test]
async fn hosts_that_cannot_be_used_are_refused_with_the_reason_and_nothing_starts() {
    let with = |name: &'static str, value: &'static str| {
        let mut fields = KEPT.to_vec();
        fields.retain(|(field, _)| *field != name);
        fields.push((name, value));
        fields
    };
    let never_kept: Vec<_> = KEPT.into_iter().filter(|(name, _)| *name != "keptUntil").collect();
    let mut running = never_kept.clone();
    running[2] = ("status", "RUNNING");
    for (fields, holder, reason) in [
        (never_kept, None, "keeps no host"),
        (running, None, "is not over"),
        (with("hostsLeft", "0"), None, "whose hosts are gone"),
        (with("keptUntil", "2026-01-01T11:59:00Z"), None, "whose hosts are gone"),
        (with("hostsOf", "run-0"), None, "which uses the hosts of run-0"),
        (KEPT.to_vec(), Some("run-2"), "whose hosts run run-2 uses"),
    ] {
        let failure = kept(Vec::new(), &table(&fields, holder)).again("run-1", None, noon(), &mut random()).await;
        let message = failure.expect_err("refused").to_string();
        assert!(message.starts_with("again: is run-1") && message.contains(reason), "{reason}: {message}");
    }
    let unknown = kept(Vec::new(), &table(&KEPT, None)).clear("run-9", noon(), &mut random()).await;
    assert!(unknown.expect_err("refused").to_string().starts_with("clear: is \"run-9\", and no run has this id"));
    let later = noon() + SignedDuration::from_hours(1);
    assert!(kept(Vec::new(), &table(&KEPT, None)).teardown("run-1", later).await.is_err());
}

#[tokio::test]
async fn a_bad_request_for_the_same_hosts_names_its_field() {
    let request = serde_json::json!({ "iterations": 0 });
    let failure = kept(Vec::new(), &table(&KEPT, None)).again("run-1", Some(request), noon(), &mut random()).await;
    assert!(failure.expect_err("refused").to_string().starts_with("request.iterations: is 0"));
}
