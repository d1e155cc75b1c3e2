use std::time::Duration;

use dicomperf_model::keys::RunKeys;
use dicomperf_model::step::{StepId, StepReport, StepState};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::{Lab, eventually, with_packages};

/// A run without its state machine. The test calls each function like the state machine, but twice at the same time.
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
        let event = json!({ "runId": self.id, "step": step, "hosts": self.hosts, "expiresAt": self.plan["expiresAt"] });
        loop {
            let [answer, again] = self.twice("RunStepFunction", event.clone()).await;
            if answer["state"] == "SUCCEEDED" {
                assert!(again["state"] == "SUCCEEDED" || again["state"] == "RUNNING");
                break;
            }
            sleep(Duration::from_millis(500)).await;
        }
        let step: StepId = serde_json::from_value(step).unwrap();
        let report: StepReport = self.lab.json(&RunKeys(&self.id).step_report(&step)).await.unwrap();
        assert_eq!(report.state, StepState::Succeeded);
        report
    }
}

fn short_run(iterations: u32) -> Value {
    json!({ "dataset": { "synthetic": { "instances": 5 } }, "iterations": iterations, "warmup": 0, "rounds": 1 })
}

#[tokio::test]
async fn every_function_called_twice_makes_one_pair_of_hosts_one_work_and_one_result() {
    let lab = Lab::new().await;
    let id = lab.new_id("twice");
    let mut run = ByHand { lab, id: id.clone(), plan: Value::Null, hosts: Value::Null };

    let request = with_packages(short_run(2));
    let execution = run.lab.running_execution(&id).await;
    let planned =
        json!({ "input": request, "runId": id, "executionArn": execution, "startedAt": jiff::Timestamp::now() });
    let [first, second] = run.twice("PlanFunction", planned).await;
    assert_eq!(first, second);
    run.plan = first;

    for look in 0.. {
        assert!(look < 30, "the hosts are not ready");
        let [first, second] = run.twice("LaunchFunction", json!({ "runId": id, "look": look })).await;
        // The emulator ignores ClientToken. The first look launches hosts twice, and the next look leaves one pair.
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

/// Returns the event of an ended execution, as EventBridge sends it.
fn ended(lab: &Lab, run_id: &str, execution: &str, status: &str) -> Value {
    json!({
        "source": "aws.states", "detail-type": "Step Functions Execution Status Change",
        "detail": { "executionArn": execution, "stateMachineArn": lab.state_machine, "name": run_id, "status": status },
    })
}

/// Calls `reap` for a run that was planned and stopped, and waits for its report. `reap` does not wait for summaries. By
/// then, a summary that was requested earlier has had time to finish.
async fn have_another_run_summarized(lab: &Lab) {
    let id = lab.new_id("lost");
    let execution = lab.running_execution(&id).await;
    let planned =
        json!({ "input": short_run(1), "runId": id, "executionArn": execution, "startedAt": jiff::Timestamp::now() });
    lab.invoke("PlanFunction", &planned).await.unwrap();
    lab.states.stop_execution().execution_arn(&execution).send().await.unwrap();
    lab.invoke("ReapFunction", &ended(lab, &id, &execution, "ABORTED")).await.unwrap();
    let key = RunKeys(&id).report("json");
    let report: Value = eventually("reap had nothing summarized", async || lab.json(&key).await).await;
    assert_eq!(report["status"], "FAILED");
}

#[tokio::test]
async fn reap_called_twice_leaves_a_finished_run_as_it_is() {
    let lab = Lab::new().await;
    let run = lab.start("reaped", with_packages(short_run(1))).await;
    let arn = run.arn.clone();
    let finished = run.finish().await;
    finished.succeeded();
    let key = RunKeys(&finished.id).report("json");
    let written = async || {
        let report = lab.files.head_object().bucket(&lab.bucket).key(&key).send().await.unwrap();
        (report.last_modified, report.e_tag)
    };
    lab.recorded(&finished.id, "was published", |meta| meta.contains_key("publishedAt")).await;
    let before = (written().await, lab.items(&finished.id).await);
    let event = ended(&lab, &finished.id, &arn, "FAILED");
    let (first, second) = tokio::join!(lab.invoke("ReapFunction", &event), lab.invoke("ReapFunction", &event));
    first.unwrap();
    second.unwrap();
    have_another_run_summarized(&lab).await;
    let after = (written().await, lab.items(&finished.id).await);
    assert!(before == after, "reap had a finished run summarized anew: {before:?}, {after:?}");
}
