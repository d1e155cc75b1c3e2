use dicomperf_aws::clients::records::{Lock, Records, RunEnd, RunProgress, RunRecord, ScenarioRecord};
use dicomperf_model::history::{HistoryEntry, HistoryPoint, NamedBaseline};
use dicomperf_model::results::{RunStatus, Verdict};
use dicomperf_model::step::StepState;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::account::Account;

#[tokio::test]
async fn records_are_written_and_read_as_dynamodb_does_it() {
    let Some(account) = Account::start() else { return };
    a_runs_record_follows_its_run_and_no_late_call_changes_it(&account).await;
    a_schedules_lock_has_one_holder_until_it_is_released_or_too_old(&account).await;
    scenarios_of_more_than_a_page_are_read_whole_and_in_order(&account).await;
    history_has_the_latest_earlier_runs_of_the_same_settings(&account).await;
    the_history_is_read_across_pages_the_newest_first(&account).await;
    a_baseline_has_one_run_until_it_is_removed(&account).await;
}

fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn run(id: &str, created_at: Timestamp) -> RunRecord {
    RunRecord {
        name: Some("classic".to_owned()),
        execution_arn: Some("arn".to_owned()),
        expires_at: Some(created_at + minutes(60)),
        fingerprint: Some("f".to_owned()),
        ..RunRecord::new(id, RunStatus::Running, created_at)
    }
}

fn end(status: RunStatus) -> RunEnd {
    let verdict = if status == RunStatus::Succeeded { Verdict::Passed } else { Verdict::Invalid };
    let finished_at = noon() + minutes(30);
    RunEnd {
        status,
        verdict,
        error: None,
        hosts_left: 0,
        finished_at,
        report: None,
        fingerprint: None,
        kept_until: None,
    }
}

async fn status(records: &Records, id: &str) -> RunStatus {
    records.run(id).await.unwrap().unwrap().status
}

async fn a_runs_record_follows_its_run_and_no_late_call_changes_it(account: &Account) {
    let records = account.records("records").await;
    let progress = RunProgress {
        state: StepState::Running,
        step: "client-measure-0".to_owned(),
        doing: "iteration 1 of 2".to_owned(),
        done: 1,
        total: 2,
    };
    // Neither of these makes a record of a run that has none.
    records.record_progress("r", &progress).await.unwrap();
    records.record_hosts_left("r", 0).await.unwrap();
    assert_eq!(records.run("r").await, Ok(None));

    records.create(&run("r", noon())).await.unwrap();
    records.create(&run("r", noon() + minutes(1))).await.unwrap();
    assert_eq!(records.run("r").await, Ok(Some(run("r", noon()))), "the first record stays");
    records.record_progress("r", &progress).await.unwrap();
    assert_eq!(records.run("r").await.unwrap().unwrap().progress, Some(progress.clone()));
    records.record_hosts_left("r", 2).await.unwrap();
    assert_eq!(records.run("r").await.unwrap().unwrap().hosts_left, Some(2));

    records.finish("r", &end(RunStatus::Failed)).await.unwrap();
    assert_eq!(status(&records, "r").await, RunStatus::Failed);
    records.finish("r", &end(RunStatus::Succeeded)).await.unwrap();
    records.finish("r", &end(RunStatus::Failed)).await.unwrap();
    records.record_progress("r", &progress).await.unwrap();
    let record = records.run("r").await.unwrap().unwrap();
    assert_eq!((record.status, record.progress, record.hosts_left), (RunStatus::Succeeded, None, Some(0)));
    assert_eq!(record.created_at, noon());

    // A run that failed before it was planned.
    records.finish("unplanned", &end(RunStatus::Failed)).await.unwrap();
    assert_eq!(status(&records, "unplanned").await, RunStatus::Failed);
    records.create(&run("late", noon() + minutes(2))).await.unwrap();
    let latest: Vec<_> = records.latest_runs(2).await.unwrap().into_iter().map(|record| record.run_id).collect();
    assert_eq!(latest, ["unplanned", "late"], "the newest first: one ended at 12:30, one was planned at 12:02");
}

async fn a_schedules_lock_has_one_holder_until_it_is_released_or_too_old(account: &Account) {
    let records = account.records("locks").await;
    let lock = |run_id| Lock { schedule: "nightly", run_id, until: noon() + minutes(90) };
    records.lock(&lock("first"), noon()).await.unwrap();
    records.lock(&lock("first"), noon()).await.unwrap();
    let refused = records.lock(&lock("second"), noon() + minutes(90)).await.unwrap_err();
    assert_eq!(refused.name(), "ScheduleOverlaps");
    assert!(refused.to_string().contains("first"), "{refused}");
    records.unlock("nightly", "second").await.unwrap();
    assert_eq!(records.lock(&lock("second"), noon()).await.unwrap_err().name(), "ScheduleOverlaps");
    records.lock(&lock("second"), noon() + minutes(91)).await.unwrap();
    records.unlock("nightly", "second").await.unwrap();
    records.unlock("nightly", "second").await.unwrap();
    records.lock(&lock("third"), noon()).await.unwrap();
}

fn scenario(run_id: &str, scenario: u32, created_at: Timestamp, figure: Option<f64>) -> ScenarioRecord {
    let summary = json!({ "text": "x".repeat(140_000), "figure": 123.456_789_012_345_67, "absent": null });
    let Value::Object(summary) = summary else { panic!("no object") };
    ScenarioRecord {
        run_id: run_id.to_owned(),
        block: 1,
        scenario,
        created_at,
        fingerprint: "f".to_owned(),
        settings_key: "s".to_owned(),
        instances_per_second: figure,
        summary,
    }
}

async fn scenarios_of_more_than_a_page_are_read_whole_and_in_order(account: &Account) {
    let records = account.records("scenarios").await;
    // DynamoDB's page is 1 MB.
    let written: Vec<_> = (1..=12).map(|number| scenario("r", number, noon(), Some(1.5))).collect();
    for record in written.iter().rev() {
        records.write_scenario(record).await.unwrap();
    }
    assert_eq!(records.scenarios("r").await.unwrap(), written);
    assert_eq!(records.scenarios("other").await, Ok(Vec::new()));
}

async fn history_has_the_latest_earlier_runs_of_the_same_settings(account: &Account) {
    let records = account.records("history").await;
    for (number, figure) in [(1, Some(1.0)), (2, Some(2.0)), (3, None), (4, Some(4.0)), (5, Some(5.0))] {
        let record = scenario(&format!("run-{number}"), 1, noon() + minutes(number), figure);
        records.write_scenario(&record).await.unwrap();
    }
    let other = ScenarioRecord { settings_key: "s2".to_owned(), ..scenario("other", 1, noon(), Some(9.0)) };
    records.write_scenario(&other).await.unwrap();
    let history = records.history("f", "s", noon() + minutes(5), 2).await.unwrap();
    let found: Vec<_> = history.iter().map(|run| (run.run_id.as_str(), run.instances_per_second)).collect();
    assert_eq!(found, [("run-4", 4.0), ("run-2", 2.0)]);
}

fn history_entry(minute: i64) -> HistoryEntry {
    let point = |scenario| HistoryPoint {
        scenario,
        settings_key: format!("{scenario:016x}"),
        settings: "x".repeat(160),
        instances_per_second: 123.456,
        p95_ms: Some(7.5),
    };
    HistoryEntry {
        run_id: format!("run-{minute}"),
        name: Some("nightly".to_owned()),
        created_at: noon() + minutes(minute),
        status: RunStatus::Succeeded,
        verdict: Verdict::Passed,
        fingerprint: Some("f".to_owned()),
        measured: None,
        error: None,
        has_report: true,
        scenarios: (0..200).map(point).collect(),
    }
}

async fn the_history_is_read_across_pages_the_newest_first(account: &Account) {
    let records = account.records("entries").await;
    assert_eq!(records.history_entries(10).await, Ok(Vec::new()));
    // An entry of 200 scenarios has some 55 kB, and DynamoDB's page is 1 MB.
    let mut written: Vec<_> = (0..40).map(history_entry).collect();
    for entry in &written {
        records.write_history(entry).await.unwrap();
    }
    records.write_history(&written[7]).await.unwrap();
    written.reverse();
    assert_eq!(records.history_entries(1000).await.unwrap(), written);
    assert_eq!(records.history_entries(3).await.unwrap(), written[..3]);
}

async fn a_baseline_has_one_run_until_it_is_removed(account: &Account) {
    let records = account.records("baselines").await;
    let baseline = |name: &str, run_id: &str| NamedBaseline {
        name: name.to_owned(),
        run_id: run_id.to_owned(),
        set_at: noon(),
        set_by: Some("arn:aws:iam::123456789012:user/someone".to_owned()),
    };
    for (name, run_id) in [("release", "run-1"), ("main", "run-2"), ("release", "run-3")] {
        records.write_baseline(&baseline(name, run_id)).await.unwrap();
    }
    assert_eq!(records.baseline("release").await.unwrap(), Some(baseline("release", "run-3")));
    assert_eq!(records.baselines().await.unwrap(), [baseline("main", "run-2"), baseline("release", "run-3")]);
    assert_eq!(records.remove_baseline("release").await, Ok(true));
    assert_eq!(records.remove_baseline("release").await, Ok(false));
    assert_eq!(records.baseline("release").await, Ok(None));
}
