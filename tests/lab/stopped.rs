use std::time::{Duration, Instant};

use dicomperf_model::keys::RunKeys;
use dicomperf_model::results::RunStatus;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::{Lab, eventually, with_packages};
use crate::telling::Told;

#[tokio::test]
async fn reap_ends_the_hosts_of_a_stopped_execution_and_what_was_measured_is_summarized() {
    let lab = Lab::new().await;
    let mut told = Told::new(&lab, "stopped-event").await;
    let request = json!({
        "dataset": { "synthetic": { "instances": 60 } },
        "iterations": 60, "warmup": 0, "rounds": 1,
    });
    let run = lab.start("stopped", with_packages(request)).await;
    run.measured(0, 3).await;
    lab.states.stop_execution().execution_arn(&run.arn).cause("stopped by a test").send().await.unwrap();
    let stopped = Instant::now();
    while !lab.hosts_of(&run.id).await.is_empty() {
        assert!(stopped.elapsed() < Duration::from_secs(60), "hosts are left");
        sleep(Duration::from_millis(200)).await;
    }
    println!("hosts gone after {:.1} s", stopped.elapsed().as_secs_f64());
    let id = run.id.clone();
    let key = RunKeys(&id).report("json");
    let report: Value = eventually("no report of the stopped run", async || lab.json(&key).await).await;
    assert_eq!(report["status"], "FAILED");
    assert_eq!(report["hostsLeft"], 0);
    let iterations = report["scenarios"][0]["iterations"].as_array().unwrap();
    assert!((3..60).contains(&iterations.len()), "{} iterations", iterations.len());
    // No iteration measures a server that shuts down, because the client shuts down first.
    let invalid: Vec<_> = iterations.iter().filter(|iteration| iteration["valid"] != true).collect();
    assert!(invalid.is_empty(), "{invalid:?}");
    // The report is written before the record that names it.
    lab.recorded(&id, "was recorded as failed", |meta| meta["status"].as_s().unwrap() == "FAILED").await;
    let event = told.finished(&id).await;
    assert_eq!((event.status, event.error.unwrap().error.as_str()), (RunStatus::Failed, "Aborted"));
    // The figures of the iterations that were measured.
    assert!(event.scenarios[0].instances_per_second.is_some() && event.report.is_some());
    told.end().await;
}
