//! The HTTP API as callers see it: signed or refused, and in accordance with its OpenAPI document.

use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf_aws::api::ROUTES;
use dicomperf_testkit::{Cause, not_tested};
use serde_json::{Value, json};

use crate::harness::{Lab, command, eventually, printed, root, setting, with_packages};
use crate::ways_in::http;

#[test]
fn a_request_that_is_not_signed_is_refused_on_every_route() {
    for route in ROUTES {
        let path = route.path.replace("{id}", "run-1").replace("{name}", "nightly");
        let body = (route.method != "GET").then_some("{}");
        assert_eq!(http(route.method, &path, body, false).0, 403, "{} {path}", route.method);
    }
}

#[test]
fn every_operation_answers_as_the_openapi_document_says() {
    let program = root().join(".venv/schemathesis/bin/schemathesis");
    if !program.exists() {
        return not_tested(Cause::Missing("schemathesis is not installed: make install"));
    }
    let api = setting("DICOMPERF_STACK_API");
    let output = std::process::Command::new(program)
        .current_dir(root().join("target"))
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", root().join("tests/lab/schemathesis"))
        .args(["run", root().join("schemas/openapi.json").to_str().unwrap(), "--url", &api])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--seed", "1", "--max-time", "90"])
        .args(["--no-shrink", "--max-redirects", "0", "--suppress-health-check", "all", "--request-timeout", "30"])
        // IAM answers 403 and not 401, and the emulator checks no signature. A schema cannot have every rule: since comes
        // before until, a plan stays within its limits, a schedule's time.
        .args(["--exclude-checks", "positive_data_acceptance,missing_required_header,ignored_auth"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    delete_schedules();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("showOpenApi") || text.contains("passed"), "nothing was tested: {text}");
}

/// Deletes the schedules that were made.
fn delete_schedules() {
    let (_, list) = http("GET", "/schedules", None, true);
    for schedule in list["schedules"].as_array().into_iter().flatten().filter(|one| one["ofStack"] == false) {
        let path = format!("/schedules/{}", schedule["name"].as_str().unwrap());
        assert_eq!(http("DELETE", &path, None, true).0, 204, "{path}");
    }
}

#[test]
fn a_schedule_is_created_paused_resumed_and_deleted_over_http() {
    let name = format!("made-{}", std::process::id());
    let path = format!("/schedules/{name}");
    let new = json!({ "name": name, "expression": "cron(0 3 * * ? *)", "timeZone": "Europe/Berlin", "request": {} });
    let (status, made) = http("POST", "/schedules", Some(&new.to_string()), true);
    assert_eq!(
        (status, &made["state"], &made["timeZone"]),
        (201, &json!("ENABLED"), &json!("Europe/Berlin")),
        "{made}"
    );
    assert_eq!(http("POST", "/schedules", Some(&new.to_string()), true).0, 409);
    let (status, paused) = http("PATCH", &path, Some(r#"{"state": "DISABLED"}"#), true);
    assert_eq!((status, &paused["state"], &paused["expression"]), (200, &json!("DISABLED"), &new["expression"]));
    let (_, list) = http("GET", "/schedules", None, true);
    let ours = |one: &&Value| one["name"] == name.as_str();
    assert_eq!(list["schedules"].as_array().unwrap().iter().filter(ours).count(), 1);
    assert!(list["schedules"].as_array().unwrap().iter().any(|one| one["ofStack"] == true), "{list}");
    assert_eq!(http("DELETE", &path, None, true).0, 204);
    assert_eq!(http("GET", &path, None, true).0, 404);
}

#[tokio::test]
async fn a_client_token_starts_one_run_which_is_listed_stopped_and_not_stopped_again() {
    let lab = Lab::new().await;
    let token = lab.new_id("token");
    let name = lab.new_id("by-token").replace('.', "-");
    let name = &name[..name.len().min(60)];
    let request = with_packages(json!({ "name": name, "dataset": { "synthetic": { "instances": 5 } } })).to_string();
    let start = |body: &str| {
        let url = format!("{}/runs", setting("DICOMPERF_STACK_API"));
        let user = format!("{}:{}", setting("AWS_ACCESS_KEY_ID"), setting("AWS_SECRET_ACCESS_KEY"));
        let signature = format!("aws:amz:{}:execute-api", setting("AWS_REGION"));
        let header = format!("Idempotency-Key: \"{token}\"");
        let arguments = ["-s", "-g", "-w", "\n%{http_code}", "--aws-sigv4", &signature, "--user", &user, "-H", &header];
        let body = ["-H", "content-type: application/json", "-d", body, &url];
        let answer = printed("curl", &[&arguments[..], &body[..]].concat());
        let (body, status) = answer.rsplit_once('\n').unwrap();
        (status.parse::<u16>().unwrap(), serde_json::from_str::<Value>(body).unwrap())
    };
    let (first, again) = (start(&request), start(&request));
    assert_eq!((first.0, again.0, &first.1["runId"]), (202, 202, &again.1["runId"]), "{first:?} {again:?}");
    assert_eq!(start("{}").0, 422);
    let id = first.1["runId"].as_str().unwrap();
    let arn = first.1["executionArn"].as_str().unwrap();
    assert_eq!(http("GET", &format!("/runs/{id}/report"), None, true).0, 409);
    let (status, stopped) = http("DELETE", &format!("/runs/{id}"), None, true);
    assert_eq!((status, &stopped["wasOver"]), (202, &json!(false)), "{stopped}");
    assert_eq!(lab.started(id, arn).finish().await.status, ExecutionStatus::Aborted);
    // The hosts are torn down before the run is summarized.
    eventually(&format!("no report of the stopped run {id}"), async || {
        (http("GET", &format!("/runs/{id}/report"), None, true).0 == 303).then_some(())
    })
    .await;
    let (_, stopped) = http("DELETE", &format!("/runs/{id}"), None, true);
    assert_eq!(stopped["wasOver"], true);
    let (_, list) = http("GET", &format!("/runs?name={name}"), None, true);
    assert_eq!(list["runs"].as_array().unwrap().len(), 1, "{list}");
    // The report of a stopped run, through its link.
    let url = format!("{}/runs/{id}/report?format=json", setting("DICOMPERF_STACK_API"));
    let signature = format!("aws:amz:{}:execute-api", setting("AWS_REGION"));
    let user = format!("{}:{}", setting("AWS_ACCESS_KEY_ID"), setting("AWS_SECRET_ACCESS_KEY"));
    let link = printed(
        "curl",
        &["-s", "-g", "-o", "/dev/null", "-w", "%{redirect_url}", "--aws-sigv4", &signature, "--user", &user, &url],
    );
    let report: Value = serde_json::from_slice(&command("curl", &["-s", &link]).stdout).unwrap();
    assert_eq!(report["runId"], id);
    let (status, comparison) = http("GET", &format!("/compare?base={id}&head={id}"), None, true);
    assert_eq!((status, &comparison["comparable"]), (200, &json!(true)), "{comparison}");
}
