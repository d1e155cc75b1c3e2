//! Hosts that stay after the report: measured once more, emptied, and torn down before their time.

use std::time::{Duration, Instant};

use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf_aws::clients::executions::Executions;
use dicomperf_aws::clients::records::Records;
use dicomperf_aws::use_cases::kept::{Kept, StartedOnHosts};
use dicomperf_model::keys::RunKeys;
use dicomperf_model::step::{HostRole, StepId, StepOutput, StepReport};
use jiff::Timestamp;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::{Finished, Lab, container_of, printed, with_packages};

/// Longer than any step of this test.
const MAX_WAIT: Duration = Duration::from_secs(300);

fn kept(lab: &Lab) -> Kept {
    Kept {
        executions: Executions::new(lab.states.clone(), lab.state_machine.clone()),
        records: Records::new(lab.table.clone(), lab.table_name.clone()),
    }
}

async fn finish(lab: &Lab, started: StartedOnHosts) -> Finished {
    lab.started(&started.run_id, &started.execution_arn).finish().await
}

/// Waits until a run's record meets a condition.
async fn until(
    lab: &Lab,
    run_id: &str,
    what: &str,
    condition: impl Fn(&dicomperf_aws::clients::records::RunRecord) -> bool,
) {
    let begun = Instant::now();
    loop {
        let record = kept(lab).records.run(run_id).await.unwrap();
        if record.as_ref().is_some_and(&condition) {
            return;
        }
        assert!(begun.elapsed() < MAX_WAIT, "{run_id} never {what}: {record:?}");
        sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn hosts_that_stay_are_measured_again_emptied_and_torn_down_on_demand() {
    let (lab, mut random) = (Lab::new().await, StdRng::seed_from_u64(Timestamp::now().as_nanosecond() as u64));
    let use_cases = kept(&lab);
    let request = with_packages(json!({
        "name": "kept", "dataset": { "synthetic": { "instances": 5 } }, "iterations": 1, "warmup": 0, "rounds": 1,
        "keepHosts": { "minutes": 30 },
    }));
    let run = lab.start("kept", request).await;
    let id = run.id.clone();
    let error = use_cases.again(&id, None, Timestamp::now(), &mut random).await.expect_err("it is not over");
    assert!(error.to_string().starts_with("again: is "), "{error}");
    let hosts = run.hosts().await;
    until(&lab, &id, "keeps its hosts", |record| record.kept_until.is_some()).await;

    // The report is there, the hosts are too, and the execution waits.
    let report: Value = lab.json(&RunKeys(&id).report("json")).await.unwrap();
    assert_eq!((&report["status"], &report["verdict"]), (&json!("SUCCEEDED"), &json!("passed")), "{report}");
    lab.keep_page(&id, "lab-kept").await;
    let commands = report["kept"]["commands"].to_string();
    assert!(commands.contains(&hosts.server.as_ref().unwrap().id), "{commands}");
    assert!(commands.contains(&format!("dicomperf again {id}")), "{commands}");
    assert_eq!(lab.hosts_of(&id).await.len(), 2);

    let again = use_cases.again(&id, None, Timestamp::now(), &mut random).await.unwrap();
    until(&lab, &again.run_id, "is planned", |_| true).await;
    let busy = use_cases.clear(&id, Timestamp::now(), &mut random).await.expect_err("another run uses them");
    assert!(busy.to_string().contains(&again.run_id), "{busy}");
    let again = finish(&lab, again).await;
    let second = again.succeeded();
    assert_eq!(second["hostsOf"], json!(id));
    assert_eq!(second["fingerprint"], report["fingerprint"], "the same hosts and dataset");
    assert_eq!(second["scenarios"][0]["iterations"][0]["instancesStored"], 5);
    assert!(lab.hosts_of(&again.id).await.is_empty(), "it launched nothing");
    assert_eq!(lab.hosts_of(&id).await.len(), 2, "it terminated nothing");

    let client = container_of(hosts.client.as_ref().unwrap());
    let datasets =
        || printed("docker", &["exec", &client, "sh", "-c", "ls /var/lib/dicomperf/*/ | grep -c ^dataset || true"]);
    assert_ne!(datasets(), "0");
    let cleared = use_cases.clear(&id, Timestamp::now(), &mut random).await.unwrap();
    let cleared = finish(&lab, cleared).await;
    assert_eq!(cleared.status, ExecutionStatus::Succeeded, "{:?}", cleared.error);
    for host in HostRole::BOTH {
        let report: StepReport = lab.json(&RunKeys(&cleared.id).step_report(&StepId::Clear { host })).await.unwrap();
        assert!(matches!(report.output, Some(StepOutput::Cleared { deleted }) if deleted >= 5), "{report:?}");
    }
    assert_eq!(datasets(), "0");

    use_cases.teardown(&id, Timestamp::now()).await.unwrap();
    until(&lab, &id, "is torn down", |record| record.hosts_left == Some(0)).await;
    assert!(lab.hosts_of(&id).await.is_empty());
    let record = kept(&lab).records.run(&id).await.unwrap().unwrap();
    assert_eq!(json!(record.status), json!("SUCCEEDED"), "a teardown on demand does not fail the run");
    let gone = use_cases.again(&id, None, Timestamp::now(), &mut random).await.expect_err("the hosts are gone");
    assert!(gone.to_string().contains("whose hosts are gone"), "{gone}");
}
