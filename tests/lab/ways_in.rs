use std::collections::BTreeSet;
use std::path::Path;

use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf_model::results::{RunStatus, Verdict};
use serde_json::{Value, json};

use crate::dicomperf::{answer, folder, request_file};
use crate::harness::{Lab, Run, command, printed, root, setting, with_packages};
use crate::stack_schedule::StackSchedule;
use crate::telling::Told;

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
    // An answer without a body is the status alone.
    let (body, status) = answer.rsplit_once('\n').unwrap_or(("", &answer));
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// The ways to start a run: a person's two in AWS itself, the two of this project, and a schedule.
#[tokio::test]
async fn a_run_started_in_each_way_has_the_same_result() {
    let lab = Lab::new().await;
    let mut told = Told::new(&lab, "ways").await;
    // Beside the runs, an event for which there must be none.
    let dry_run = pasted(&lab, "doctor.json").await;
    let dry_run_id = dry_run.id.clone();
    let schedule = StackSchedule::switch_on(&lab, smoke_test()).await;
    let from_console = pasted(&lab, "smoke.json").await;
    let (from_http, from_aws_cli) = (over_http(&lab), with_aws_cli(&lab));
    let (cli, from_schedule) = tokio::join!(tokio::task::spawn_blocking(with_dicomperf), schedule.first_run(&lab));
    let cli: Value = cli.unwrap();
    dry_run.finish().await.succeeded();
    let mut shapes = vec![("dicomperf", cli["runId"].as_str().unwrap().to_owned(), cli.clone())];
    for (way, run) in
        [("console", from_console), ("aws", from_aws_cli), ("http", from_http), ("schedule", from_schedule)]
    {
        let finished = run.finish().await;
        shapes.push((way, finished.id.clone(), finished.succeeded().clone()));
    }
    let ids: Vec<_> = shapes.iter().map(|(_, id, _)| id.clone()).collect();
    let mut expected = None;
    for (way, id, report) in shapes {
        assert_eq!((&report["status"], &report["verdict"]), (&json!("SUCCEEDED"), &json!("passed")), "{way}");
        let event = told.finished(&id).await;
        assert_eq!((event.status, event.verdict, event.scenarios.len()), (RunStatus::Succeeded, Verdict::Passed, 1));
        assert_eq!(event.schedule.is_some(), way == "schedule");
        let (status, shown) = http("GET", &format!("/runs/{id}"), None, true);
        assert_eq!((status, &shown["status"]), (200, &json!("SUCCEEDED")), "{shown}");
        let by_cli = answer(&["show", &id], "show", 0);
        assert_eq!(without_publishing(by_cli), without_publishing(shown), "the command line shows what the API shows");
        let shape = (fields(&report), record_fields(&lab, &id).await);
        let expected = expected.get_or_insert_with(|| shape.clone());
        assert_eq!(&shape, expected, "the result of {way} has other fields than that of the first");
    }
    assert_eq!(told.count_of(&dry_run_id), 0, "a dry run is told of");
    // The page is written before the event is published.
    let page = folder("ways-in").join("history.html");
    answer(&["history", "--out", page.to_str().unwrap()], "files", 0);
    let page = std::fs::read_to_string(page).unwrap();
    for id in &ids {
        assert!(page.contains(id), "{id} is not in the page with all runs");
    }
    assert!(!page.contains(&dry_run_id), "a dry run is in the page");
    told.end().await;
}

/// Leaves out the time of publishing, which is recorded after the event is sent.
fn without_publishing(mut record: Value) -> Value {
    record.as_object_mut().unwrap().remove("publishedAt");
    record
}

/// Starts a run as the console does, with the text of a file in events/ as it is. The hosts install their packages.
async fn pasted<'a>(lab: &'a Lab, file: &str) -> Run<'a> {
    let text = std::fs::read_to_string(root().join("events").join(file)).unwrap();
    let id = lab.new_id("console");
    let start = lab.states.start_execution().state_machine_arn(&lab.state_machine).name(&id).input(text);
    let arn = start.send().await.unwrap().execution_arn;
    lab.started(&id, &arn)
}

/// Returns the request of events/smoke.json on hosts that have the packages.
fn smoke_test() -> Value {
    with_packages(serde_json::from_slice(&std::fs::read(root().join("events/smoke.json")).unwrap()).unwrap())
}

fn over_http(lab: &Lab) -> Run<'_> {
    let (status, answer) = http("POST", "/runs", Some(&smoke_test().to_string()), true);
    assert_eq!(status, 202, "{answer}");
    lab.started(answer["runId"].as_str().unwrap(), answer["executionArn"].as_str().unwrap())
}

fn with_aws_cli(lab: &Lab) -> Run<'_> {
    let id = lab.new_id("aws-cli");
    let input = smoke_test().to_string();
    let of = ["--state-machine-arn", &lab.state_machine, "--name", &id, "--input", &input, "--output", "json"];
    let started = printed("aws", &[&["stepfunctions", "start-execution"], &of[..]].concat());
    let started: Value = serde_json::from_str(&started).unwrap();
    lab.started(&id, started["executionArn"].as_str().unwrap())
}

/// Makes a run with the command line, and returns the report that it downloads.
fn with_dicomperf() -> Value {
    let file = request_file("ways-in", &smoke_test());
    let out = folder("ways-in");
    answer(&["run", &file, "--out", out.to_str().unwrap()], "run", 0);
    serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap()
}

/// Returns the paths of a report's fields. The request is the caller's. The diagnosis, the hosts' resources and the
/// network's baseline, which a busy machine may prevent, differ between short runs.
fn fields(report: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = format!("{path}.{name}");
                    if ![".request", ".diagnosis", ".network"].contains(&path.as_str()) && !path.contains(".resources.")
                    {
                        walk(value, &path, paths);
                    }
                    paths.insert(path);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, path, paths)),
            _ => {}
        }
    }
    let mut paths = BTreeSet::new();
    walk(report, "", &mut paths);
    paths
}

/// Returns the names of the fields of a run's items in the table. A schedule's run names it.
async fn record_fields(lab: &Lab, run_id: &str) -> BTreeSet<String> {
    let items = lab.items(run_id).await;
    let names = items.iter().flat_map(|(key, item)| item.keys().map(move |name| format!("{key} {name}")));
    names.filter(|name| name != "META schedule").collect()
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

#[tokio::test]
async fn a_schedule_never_overlaps_itself_and_may_run_again_afterwards() {
    let lab = Lab::new().await;
    let mut told = Told::new(&lab, "overlaps").await;
    let schedule = lab.new_id("overlap");
    let scheduled = json!({ "schedule": schedule, "request": short_run("overlap") });
    let first = lab.start("first", scheduled.clone()).await;
    first.hosts().await;
    let second = lab.start("second", scheduled.clone()).await.finish().await;
    let error = second.failed_with("ScheduleOverlaps");
    assert!(error.cause.contains(&first.id), "{}", error.cause);
    assert!(lab.hosts_of(&second.id).await.is_empty());
    let event = told.finished(&second.id).await;
    assert_eq!((event.status, event.schedule), (RunStatus::Failed, Some(schedule)));
    assert_eq!(event.error.unwrap().error, "ScheduleOverlaps");
    told.end().await;
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
