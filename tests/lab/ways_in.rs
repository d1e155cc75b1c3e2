use std::path::Path;
use std::time::{Duration, Instant};

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::{Lab, command, printed, root, setting, with_packages};

fn short_run(name: &str) -> Value {
    with_packages(json!({
        "name": name, "dataset": { "synthetic": { "instances": 5 } }, "iterations": 1, "warmup": 0, "rounds": 1,
    }))
}

/// Sends a request to the HTTP API, and returns the status and the JSON of the answer.
pub fn http(method: &str, path: &str, body: Option<&str>, signed: bool) -> (u16, Value) {
    let url = format!("{}{path}", setting("DICOMPERF_STACK_API"));
    let user = format!("{}:{}", setting("AWS_ACCESS_KEY_ID"), setting("AWS_SECRET_ACCESS_KEY"));
    let signature = format!("aws:amz:{}:execute-api", setting("AWS_REGION"));
    let mut arguments = vec!["-s", "-g", "-X", method, "-w", "\n%{http_code}", &url];
    if signed {
        arguments.extend(["--aws-sigv4", &signature, "--user", &user]);
    }
    if let Some(body) = body {
        arguments.extend(["-H", "content-type: application/json", "-d", body]);
    }
    let answer = printed("curl", &arguments);
    let (body, status) = answer.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_run_is_started_and_shown_over_http() {
    let lab = Lab::new().await;
    let (status, answer) = http("POST", "/runs", Some(&short_run("by http").to_string()), true);
    assert_eq!(status, 202, "{answer}");
    let id = answer["runId"].as_str().unwrap();
    let finished = lab.started(id, answer["executionArn"].as_str().unwrap()).finish().await;
    finished.succeeded();
    let (status, shown) = http("GET", &format!("/runs/{id}"), None, true);
    assert_eq!(status, 200, "{shown}");
    assert_eq!(shown["status"], "SUCCEEDED");
    assert_eq!(shown["scenarios"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_bad_request_over_http_is_answered_with_every_error_and_starts_nothing() {
    let (status, answer) = http("POST", "/runs", Some(r#"{"iterations": 0, "colour": "red"}"#), true);
    assert_eq!(status, 400, "{answer}");
    let paths: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|error| error["path"].clone()).collect();
    assert!(paths.contains(&json!("iterations")) && paths.contains(&json!("colour")), "{answer}");
    assert_eq!(http("POST", "/runs", Some("{"), true).0, 400);
    assert_eq!(http("GET", "/runs/no-such-run", None, true).0, 404);
}

/// The template's own schedule, switched on.
#[tokio::test]
async fn the_schedule_starts_a_run() {
    let lab = Lab::new().await;
    let schedules = printed("aws", &["scheduler", "list-schedules", "--output", "json"]);
    let schedules: Value = serde_json::from_str(&schedules).unwrap();
    let list = schedules["Schedules"].as_array().unwrap();
    let name =
        list.iter().filter_map(|one| one["Name"].as_str()).find(|name| name.starts_with("dicomperf-Schedule")).unwrap();
    let group = setting("DICOMPERF_STACK_SCHEDULE_GROUP_NAME");
    let schedule =
        printed("aws", &["scheduler", "get-schedule", "--group-name", &group, "--name", name, "--output", "json"]);
    let schedule: Value = serde_json::from_str(&schedule).unwrap();
    assert_eq!(schedule["State"], "DISABLED");
    let of_stack = schedule["Target"].clone();
    let mut target = of_stack.clone();
    let mut input: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
    // A test that ended too early has left its own input in the lab.
    let name_in_input = input["schedule"].as_str().unwrap();
    assert!(name_in_input == "dicomperf" || name_in_input.starts_with("schedule-"), "{name_in_input}");
    // A schedule of its own, so that another test's run does not have its lock.
    input["schedule"] = json!(lab.new_id("schedule"));
    input["request"] = short_run("by schedule");
    target["Input"] = json!(input.to_string());
    let set = |state: &str, expression: &str, target: &Value| {
        let text = target.to_string();
        let arguments = [
            "scheduler",
            "update-schedule",
            "--group-name",
            &group,
            "--name",
            name,
            "--state",
            state,
            "--schedule-expression",
            expression,
            "--flexible-time-window",
            "Mode=OFF",
            "--target",
            &text,
        ];
        printed("aws", &arguments)
    };
    let known = executions(&lab).await;
    set("ENABLED", "rate(1 minute)", &target);
    let begun = Instant::now();
    let arn = loop {
        let started: Vec<_> = executions(&lab).await.into_iter().filter(|arn| !known.contains(arn)).collect();
        let mut ours = None;
        for arn in started {
            let execution = lab.states.describe_execution().execution_arn(&arn).send().await.unwrap();
            if execution.input.unwrap_or_default().contains("by schedule") {
                ours = Some(arn);
            }
        }
        if let Some(arn) = ours {
            break arn;
        }
        assert!(begun.elapsed() < Duration::from_secs(150), "the schedule started nothing");
        sleep(Duration::from_secs(1)).await;
    };
    // The lab is as it was, so that the tests can run again.
    set("DISABLED", schedule["ScheduleExpression"].as_str().unwrap(), &of_stack);
    let id = arn.rsplit(':').next().unwrap().to_owned();
    lab.started(&id, &arn).finish().await.succeeded();
}

async fn executions(lab: &Lab) -> Vec<String> {
    let answer =
        lab.states.list_executions().state_machine_arn(&lab.state_machine).max_results(200).send().await.unwrap();
    answer.executions().iter().map(|execution| execution.execution_arn.clone()).collect()
}

#[tokio::test]
async fn a_schedule_never_overlaps_itself_and_may_run_again_afterwards() {
    let lab = Lab::new().await;
    let scheduled = json!({ "schedule": lab.new_id("overlap"), "request": short_run("overlap") });
    let first = lab.start("first", scheduled.clone()).await;
    first.hosts().await;
    let second = lab.start("second", scheduled.clone()).await.finish().await;
    let error = second.failed_with("ScheduleOverlaps");
    assert!(error.cause.contains(&first.id), "{}", error.cause);
    assert!(lab.hosts_of(&second.id).await.is_empty());
    first.finish().await.succeeded();
    assert_eq!(lab.start("third", scheduled).await.finish().await.status, ExecutionStatus::Succeeded);
}

#[test]
fn validate_needs_no_network_and_says_every_error_with_exit_code_2() {
    let program = root().join("target/debug/dicomperf");
    let file = root().join("target/tests/bad-request.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, r#"{"iterations": 0, "matrix": {"sender": ["scp"]}}"#).unwrap();
    // Its own network namespace, without an interface.
    let validate =
        |file: &Path| command("unshare", &["-rn", program.to_str().unwrap(), "validate", file.to_str().unwrap()]);
    let output = validate(&file);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("iterations: is 0") && errors.contains("matrix.sender[0]"), "{errors}");
    assert_eq!(validate(&root().join("events/demo.json")).status.code(), Some(0));
}
