//! Hosts that stay after the report: measured once more, emptied, and torn down before their time, all by the command line.

use dicomperf_model::keys::RunKeys;
use dicomperf_model::step::{HostRole, StepId, StepOutput, StepReport};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::dicomperf::{answer, refusal};
use crate::harness::{Lab, container_of, eventually, printed, with_packages};
use crate::telling::Told;

/// Returns the records of a list that use the hosts of a run.
fn listed_on_hosts_of(id: &str) -> Vec<Value> {
    let list = answer(&["list", "--limit", "300"], "list", 0);
    list["runs"].as_array().unwrap().iter().filter(|run| run["hostsOf"] == id).cloned().collect()
}

/// Waits until a run is planned on the hosts of another one, and returns its id.
async fn planned_on_hosts_of(id: &str) -> String {
    eventually(&format!("no run was planned on the hosts of {id}"), async || {
        listed_on_hosts_of(id).first().map(|run| run["runId"].as_str().unwrap().to_owned())
    })
    .await
}

#[tokio::test]
async fn hosts_that_stay_are_measured_again_emptied_and_torn_down_on_demand() {
    let lab = Lab::new().await;
    let mut told = Told::new(&lab, "kept").await;
    let request = with_packages(json!({
        "name": "kept", "dataset": { "synthetic": { "instances": 5 } }, "iterations": 1, "warmup": 0, "rounds": 1,
        "keepHosts": { "minutes": 30 },
    }));
    let run = lab.start("kept", request).await;
    let id = run.id.clone();
    let hosts = run.hosts().await;
    let early = refusal(&["again", &id]);
    assert!(early.contains("again: is ") && early.contains("is not over"), "{early}");
    lab.recorded(&id, "kept its hosts", |meta| meta.contains_key("keptUntil")).await;

    // The report is there, the hosts are too, and the execution waits.
    let report: Value = lab.json(&RunKeys(&id).report("json")).await.unwrap();
    assert_eq!((&report["status"], &report["verdict"]), (&json!("SUCCEEDED"), &json!("passed")), "{report}");
    lab.keep_page(&id, "lab-kept").await;
    let commands = report["kept"]["commands"].to_string();
    assert!(commands.contains(&hosts.server.as_ref().unwrap().id), "{commands}");
    assert!(commands.contains(&format!("dicomperf again {id}")), "{commands}");
    assert_eq!(answer(&["attach", &id], "run", 0)["kept"], report["kept"]);
    assert_eq!(lab.hosts_of(&id).await.len(), 2);

    measured_again(&lab, &id, &report).await;
    let client = container_of(hosts.client.as_ref().unwrap());
    let datasets =
        || printed("docker", &["exec", &client, "sh", "-c", "ls /var/lib/dicomperf/*/ | grep -c ^dataset || true"]);
    assert_ne!(datasets(), "0");
    emptied(&lab, &id).await;
    assert_eq!(datasets(), "0");

    let unconfirmed = refusal(&["teardown", &id]);
    assert!(unconfirmed.contains("--yes"), "{unconfirmed}");
    assert_eq!(lab.hosts_of(&id).await.len(), 2, "a question that nobody answered changes nothing");
    let torn_down = answer(&["teardown", &id, "--yes"], "abort", 0);
    assert_eq!(torn_down, json!({ "runId": id, "wasOver": false, "hostsLeft": 0 }));
    assert!(lab.hosts_of(&id).await.is_empty());
    let record = answer(&["show", &id], "show", 0);
    assert_eq!(record["status"], "SUCCEEDED", "a teardown on demand does not fail the run");
    for gone in [&["again", &id][..], &["clear", &id], &["teardown", &id, "--yes"]] {
        let errors = refusal(gone);
        assert!(errors.contains("whose hosts are gone"), "{gone:?}: {errors}");
    }
    assert_eq!(json!(told.finished(&id).await.verdict), json!("passed"), "it is told when its hosts are gone");
    told.end().await;
}

/// Measures once more. Meanwhile the hosts are in use.
async fn measured_again(lab: &Lab, id: &str, report: &Value) {
    let kept = id.to_owned();
    let following = spawn_blocking(move || answer(&["again", &kept], "run", 0));
    let planned = planned_on_hosts_of(id).await;
    let busy = refusal(&["clear", id]);
    assert!(busy.contains(&planned), "{busy}");
    let again = following.await.unwrap();
    assert_eq!((&again["runId"], &again["verdict"]), (&json!(planned), &json!("passed")), "{again}");
    let second: Value = lab.json(&RunKeys(&planned).report("json")).await.unwrap();
    assert_eq!(second["hostsOf"], id);
    assert_eq!(second["fingerprint"], report["fingerprint"], "the same hosts and dataset");
    assert_eq!(second["scenarios"][0]["iterations"][0]["instancesStored"], 5);
    assert!(lab.hosts_of(&planned).await.is_empty(), "it launched nothing");
    assert_eq!(lab.hosts_of(id).await.len(), 2, "it terminated nothing");
}

/// Empties the hosts. That is no run of a list.
async fn emptied(lab: &Lab, id: &str) {
    let before = listed_on_hosts_of(id);
    let cleared = answer(&["clear", id], "run", 0);
    assert_eq!((&cleared["status"], &cleared["verdict"]), (&json!("SUCCEEDED"), &Value::Null), "{cleared}");
    let clearing = cleared["runId"].as_str().unwrap();
    for host in HostRole::BOTH {
        let report: StepReport = lab.json(&RunKeys(clearing).step_report(&StepId::Clear { host })).await.unwrap();
        assert!(matches!(report.output, Some(StepOutput::Cleared { deleted }) if deleted >= 5), "{report:?}");
    }
    assert_eq!(answer(&["show", clearing], "show", 0)["clears"], true);
    let after = listed_on_hosts_of(id);
    assert_eq!((before.len(), after), (1, before));
}
