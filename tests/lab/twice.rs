use std::time::Duration;

use dicomperf::step::{StepId, StepReport, StepState};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::Lab;

/// A run without its state machine: each function is called as it would call them, and each one twice at once.
struct ByHand {
    lab: Lab,
    id: String,
    plan: Value,
    hosts: Value,
}

impl ByHand {
    async fn twice(&self, function: &str, event: Value) -> [Value; 2] {
        let (first, second) = tokio::join!(self.lab.invoke(function, &event), self.lab.invoke(function, &event));
        [first.unwrap(), second.unwrap()]
    }

    async fn run_step(&self, step: Value) -> StepReport {
        let base = json!({ "runId": self.id, "step": step, "hosts": self.hosts, "expiresAt": self.plan["expiresAt"] });
        let with = |more: Value| {
            let mut event = base.clone();
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            event
        };
        let [one, other] = self.twice("RunStepFunction", with(json!({ "action": "start" }))).await;
        for started in [one, other] {
            loop {
                let poll =
                    with(json!({ "action": "poll", "commandId": started["commandId"], "sentAt": started["sentAt"] }));
                let [answer, again] = self.twice("RunStepFunction", poll).await;
                if answer["state"] == "SUCCEEDED" {
                    let [answer, again] = [answer, again].map(|one| one["state"].clone());
                    assert!(again == answer || again == "RUNNING");
                    break;
                }
                sleep(Duration::from_millis(500)).await;
            }
        }
        let step: StepId = serde_json::from_value(step).unwrap();
        let report: StepReport = self.lab.json(&dicomperf::keys::RunKeys(&self.id).step_report(&step)).await.unwrap();
        assert_eq!(report.state, StepState::Succeeded);
        report
    }
}

#[tokio::test]
async fn every_function_called_twice_makes_one_pair_of_hosts_one_work_and_one_result() {
    let lab = Lab::new().await;
    let id = lab.new_id("twice");
    let mut run = ByHand { lab, id: id.clone(), plan: Value::Null, hosts: Value::Null };

    let request = json!({ "dataset": { "synthetic": { "instances": 5 } }, "iterations": 2, "warmup": 0, "rounds": 1 });
    let execution = run.lab.running_execution(&id).await;
    let planned =
        json!({ "input": request, "runId": id, "executionArn": execution, "startedAt": jiff::Timestamp::now() });
    let [first, second] = run.twice("PlanFunction", planned).await;
    assert_eq!(first, second);
    run.plan = first;

    for look in 0.. {
        assert!(look < 30, "the hosts are not ready");
        let [first, second] = run.twice("LaunchFunction", json!({ "runId": id, "look": look })).await;
        // The emulator knows no ClientToken: what was launched twice at the first look is made one pair by the next.
        if first["ready"] == true && first == second {
            run.hosts = first["hosts"].clone();
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(run.lab.hosts_of(&id).await.len(), 2, "one pair of hosts");

    run.run_step(json!({ "kind": "configure-client" })).await;
    run.run_step(json!({ "kind": "configure-server", "ordinal": 0 })).await;
    let measured = run.run_step(json!({ "kind": "measure", "ordinal": 0, "part": 0 })).await;
    assert_eq!(measured.progress.done, 2, "the second command measured too");
    run.run_step(json!({ "kind": "collect" })).await;

    let answers = run.twice("TeardownFunction", json!({ "runId": id })).await;
    assert_eq!(answers[0], json!({ "hostsLeft": 0 }));
    assert_eq!(answers[0], answers[1]);
    assert!(run.lab.hosts_of(&id).await.is_empty());

    run.lab.states.stop_execution().execution_arn(&execution).send().await.unwrap();
    let answers = run.twice("SummarizeFunction", json!({ "runId": id, "error": null, "hostsLeft": 0 })).await;
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0]["status"], "SUCCEEDED");
    let items = run.lab.items(&id).await;
    let keys: Vec<_> = items.iter().map(|(key, _)| key.split('#').next().unwrap()).collect();
    assert_eq!(keys, ["BLOCK", "META"], "one result");
}

#[tokio::test]
async fn reap_called_twice_leaves_a_finished_run_as_it_is() {
    let lab = Lab::new().await;
    let request = json!({ "dataset": { "synthetic": { "instances": 5 } }, "iterations": 1, "warmup": 0, "rounds": 1 });
    let run = lab.start("reaped", request).await;
    let arn = run.arn.clone();
    let finished = run.finish().await;
    let before = finished.succeeded().clone();
    let event = json!({
        "source": "aws.states", "detail-type": "Step Functions Execution Status Change",
        "detail": { "executionArn": arn, "stateMachineArn": lab.state_machine, "name": finished.id, "status": "FAILED" },
    });
    let (first, second) = tokio::join!(lab.invoke("ReapFunction", &event), lab.invoke("ReapFunction", &event));
    first.unwrap();
    second.unwrap();
    sleep(Duration::from_secs(3)).await;
    let after: Value = lab.json(&format!("runs/{}/report.json", finished.id)).await.unwrap();
    assert_eq!(after["status"], before["status"]);
    assert_eq!(after["scenarios"], before["scenarios"]);
}
