use std::time::{Duration, Instant};

use dicomperf_aws::workflow::LaunchedHost;
use dicomperf_model::hash::sha256_hex;
use dicomperf_model::keys::RunKeys;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::harness::{Finished, Lab, command, container_of, printed, setting, with_packages};

/// A run long enough to be disturbed: sixty iterations of a second each.
fn long_run() -> Value {
    json!({
        "dataset": { "synthetic": { "instances": 60 } },
        "iterations": 60, "warmup": 0, "rounds": 1,
    })
}

fn short_run() -> Value {
    json!({ "dataset": { "synthetic": { "instances": 5 } }, "iterations": 1, "warmup": 0, "rounds": 1 })
}

/// Checks the traces of a failure: a message that names host, step and reason, a report, and no host.
async fn is_told_and_cleaned_up(lab: &Lab, finished: &Finished, error: &str, told: &[&str]) {
    let error = finished.failed_with(error);
    for words in told {
        assert!(error.cause.contains(words), "{words:?} is not in {:?}", error.cause);
    }
    assert!(lab.hosts_of(&finished.id).await.is_empty(), "hosts are left");
    let report = finished.report.as_ref().unwrap();
    assert_eq!(report["hostsLeft"], 0);
    let keys = lab.keys(&finished.id).await;
    assert!(keys.iter().any(|key| key == "report.md"), "{keys:?}");
}

fn measured(finished: &Finished) -> usize {
    finished.report.as_ref().unwrap()["scenarios"][0]["iterations"].as_array().unwrap().len()
}

#[tokio::test]
async fn wrong_ami_whose_host_never_registers_fails_and_names_host_and_ami() {
    let lab = Lab::new().await;
    let mut request = short_run();
    request["server"] = json!({ "ami": "ami-00000000000000bad" });
    let finished = lab.start("wrong-ami", request).await.finish().await;
    is_told_and_cleaned_up(&lab, &finished, "HostNotReady", &["server host", "ami-00000000000000bad", "SSM"]).await;
}

#[tokio::test]
async fn orthanc_that_will_not_install_fails_and_names_host_step_and_mirror() {
    let lab = Lab::new().await;
    let mut request = short_run();
    request["server"] = json!({ "ami": setting("DICOMPERF_LAB_AMI_NO_MIRROR") });
    let finished = lab.start("no-mirror", request).await.finish().await;
    is_told_and_cleaned_up(
        &lab,
        &finished,
        "StepFailed",
        &["server host", "server-configure-0", "orthanc", "127.0.0.1:9"],
    )
    .await;
}

#[tokio::test]
async fn build_with_another_hash_fails_the_step_and_names_both() {
    let lab = Lab::new().await;
    let (key, content) = ("builds/another", b"another build".as_slice());
    lab.files.put_object().bucket(&lab.bucket).key(key).body(content.to_vec().into()).send().await.unwrap();
    let expected = "0".repeat(64);
    let mut request = short_run();
    request["matrix"] = json!({
        "orthancBuild": [{ "s3": { "bucket": lab.bucket, "key": key, "sha256": expected, "label": "another" } }],
    });
    let finished = lab.start("wrong-hash", with_packages(request)).await.finish().await;
    let told = ["BuildUnusable", &expected, &sha256_hex(content)];
    is_told_and_cleaned_up(&lab, &finished, "StepFailed", &told).await;
}

#[tokio::test]
async fn storescu_that_cannot_associate_fails_and_keeps_what_was_measured() {
    let lab = Lab::new().await;
    let run = lab.start("no-association", with_packages(long_run())).await;
    run.measured(0, 2).await;
    let server = run.hosts().await.server.unwrap();
    refuse_dicom(&server);
    let finished = run.finish().await;
    let told = ["client host", "client-measure-0", "associat", server.address.as_str()];
    is_told_and_cleaned_up(&lab, &finished, "StepFailed", &told).await;
    assert!(measured(&finished) >= 2, "the measurements are lost");
}

/// Resets connections to Orthanc's DICOM port from outside, as a firewall would.
fn refuse_dicom(host: &LaunchedHost) {
    let pid = printed("docker", &["inspect", "--format", "{{.State.Pid}}", &container_of(host)]);
    let rule = ["-I", "INPUT", "-p", "tcp", "--dport", "4242", "-j", "REJECT", "--reject-with", "tcp-reset"];
    let arguments: Vec<_> = ["-t", &pid, "-n", "iptables"].into_iter().chain(rule).collect();
    let output = command("nsenter", &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn killed_client_fails_and_keeps_what_was_measured() {
    let lab = Lab::new().await;
    let run = lab.start("killed-client", with_packages(long_run())).await;
    run.measured(0, 2).await;
    let client = run.hosts().await.client.unwrap();
    printed("docker", &["kill", &container_of(&client)]);
    let finished = run.finish().await;
    is_told_and_cleaned_up(&lab, &finished, "HostLost", &["client host", &client.id, "client-measure-0"]).await;
    assert!(measured(&finished) >= 2, "the measurements are lost");
    lab.keep_page(&finished.id, "lab-failed-half-way").await;
}

/// Sends a signal to the processes of a host whose command line matches.
fn signal(host: &LaunchedHost, signal: &str, command_line: &str) {
    printed("docker", &["exec", &container_of(host), "pkill", signal, "-f", command_line]);
}

/// The command line of the agent that carries out a step. Its file is named after its hash.
const STEP: &str = "^/var/lib/dicomperf/bin/[0-9a-f]{64} step";

#[tokio::test]
async fn frozen_agent_is_stalled_and_what_was_measured_is_kept() {
    let lab = Lab::new().await;
    let run = lab.start("frozen-agent", with_packages(long_run())).await;
    run.measured(0, 2).await;
    let client = run.hosts().await.client.unwrap();
    signal(&client, "-STOP", STEP);
    let frozen = Instant::now();
    let finished = run.finish().await;
    let told = ["client host", &client.id, "client-measure-0", "no sign of life", "iteration"];
    is_told_and_cleaned_up(&lab, &finished, "StepStalled", &told).await;
    assert!(measured(&finished) >= 2, "the measurements are lost");
    println!("ended {:.0} s after the agent was frozen", frozen.elapsed().as_secs_f64());
    assert!(frozen.elapsed() < Duration::from_secs(360), "{:?}", frozen.elapsed());
}

#[tokio::test]
async fn frozen_orthanc_ends_the_run_and_is_named() {
    let lab = Lab::new().await;
    let run = lab.start("frozen-orthanc", with_packages(long_run())).await;
    run.measured(0, 2).await;
    let hosts = run.hosts().await;
    signal(&hosts.server.unwrap(), "-STOP", "^/usr/sbin/Orthanc");
    let frozen = Instant::now();
    let finished = run.finish().await;
    let told = ["client host", &hosts.client.unwrap().id, "client-measure-0"];
    is_told_and_cleaned_up(&lab, &finished, "StepFailed", &told).await;
    // The freeze meets a transfer, or the request that empties Orthanc after one.
    let cause = &finished.failed_with("StepFailed").cause;
    assert!(["C-ECHO", "Orthanc's REST interface"].iter().any(|part| cause.contains(part)), "{cause}");
    assert!(measured(&finished) >= 2, "the measurements are lost");
    println!("ended {:.0} s after Orthanc was frozen", frozen.elapsed().as_secs_f64());
    assert!(frozen.elapsed() < Duration::from_secs(360), "{:?}", frozen.elapsed());
}

/// The plan of a run is written once, so a plan that is there before the execution is the one that it takes.
#[tokio::test]
async fn run_that_expires_ends_in_time_and_keeps_what_was_measured() {
    let lab = Lab::new().await;
    let id = lab.new_id("expires");
    let request = with_packages(json!({
        "dataset": { "synthetic": { "instances": 600 } }, "iterations": 60, "warmup": 0, "rounds": 1,
    }));
    let arn = format!("{}:{id}", lab.state_machine.replace(":stateMachine:", ":execution:"));
    let event = json!({ "input": request, "runId": id, "executionArn": arn, "startedAt": Timestamp::now() });
    lab.invoke("PlanFunction", &event).await.unwrap();
    let key = RunKeys(&id).plan();
    let mut plan: Value = lab.json(&key).await.unwrap();
    let expires_at = Timestamp::now() + SignedDuration::from_secs(140);
    plan["expiresAt"] = json!(expires_at);
    let put = lab.files.put_object().bucket(&lab.bucket).key(&key).body(plan.to_string().into_bytes().into());
    put.send().await.unwrap();
    let started = lab.states.start_execution().state_machine_arn(&lab.state_machine).name(&id);
    assert_eq!(started.input(request.to_string()).send().await.unwrap().execution_arn, arn);
    let finished = lab.started(&id, &arn).finish().await;
    let late = Timestamp::now().duration_since(expires_at);
    is_told_and_cleaned_up(&lab, &finished, "RunExpired", &["limits.maxMinutes"]).await;
    assert!(late < SignedDuration::from_secs(120), "{late:#} after the expiry");
    println!("ended {:.0} s after the expiry, {} iterations", late.as_secs_f64(), measured(&finished));
}

#[tokio::test]
async fn killed_agent_fails_with_its_signal_and_its_work() {
    let lab = Lab::new().await;
    let run = lab.start("killed-agent", with_packages(long_run())).await;
    run.measured(0, 2).await;
    let client = run.hosts().await.client.unwrap();
    signal(&client, "-KILL", STEP);
    let finished = run.finish().await;
    let told = ["client host", &client.id, "ended by SIGKILL (exit code 137)", "memory runs out", "while iteration"];
    is_told_and_cleaned_up(&lab, &finished, "StepFailed", &told).await;
    assert!(measured(&finished) >= 2, "the measurements are lost");
}

/// A second state machine, with an expression in a Choice that cannot be evaluated.
#[tokio::test]
async fn an_error_in_an_expression_fails_and_leaves_no_host() {
    let lab = Lab::new().await;
    let real = lab.states.describe_state_machine().state_machine_arn(&lab.state_machine).send().await.unwrap();
    let condition = "{% $states.input.state = 'INCOMPLETE' and $part < 8 %}";
    let broken = real.definition.replacen(condition, "{% $part + 'one' > 2 %}", 1);
    assert_ne!(broken, real.definition, "the expression is no longer there");
    // Before the choice that checks for success, so that the expression is evaluated while the step runs.
    let mut broken: Value = serde_json::from_str(&broken).unwrap();
    let blocks = &mut broken["States"]["Measure"]["Branches"][0]["States"]["Blocks"]["ItemProcessor"];
    blocks["States"]["measurement done?"]["Choices"].as_array_mut().unwrap().swap(0, 1);
    let machine = lab
        .states
        .create_state_machine()
        .name(lab.new_id("broken"))
        .definition(broken.to_string())
        .role_arn(&real.role_arn)
        .send()
        .await
        .unwrap();
    let finished = lab.start_on(&machine.state_machine_arn, "expression", short_run()).await.finish().await;
    lab.states.delete_state_machine().state_machine_arn(&machine.state_machine_arn).send().await.unwrap();
    assert!(finished.error.as_ref().unwrap().error.starts_with("States."), "{:?}", finished.error);
    let name = finished.error.as_ref().unwrap().error.clone();
    is_told_and_cleaned_up(&lab, &finished, &name, &[]).await;
}
