use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_scheduler::Client as Scheduler;
use aws_sdk_scheduler::operation::create_schedule::CreateScheduleError;
use aws_sdk_scheduler::operation::get_schedule::GetScheduleError;
use aws_sdk_scheduler::operation::list_schedules::ListSchedulesOutput;
use aws_sdk_sfn::Client as Sfn;
use aws_sdk_sfn::operation::start_execution::{StartExecutionError, StartExecutionOutput};
use aws_sdk_sfn::primitives::DateTime;
use aws_smithy_mocks::{Rule, mock};
use dicomperf_aws::api::{MAX_BODY_BYTES, ROUTES};
use lambda_http::RequestExt as _;
use lambda_http::http::Request as HttpRequest;
use lambda_http::http::header::{ACCEPT, ALLOW, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use serde_json::{Value, json};

use super::*;

const MACHINE: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:runs";

/// Returns a client whose answers come from rules. A call without a rule fails the test.
macro_rules! client {
    ($sdk:ident, $rules:expr) => {{
        let mut answers = aws_smithy_mocks::MockResponseInterceptor::new();
        for rule in $rules {
            answers = answers.with_rule(&rule);
        }
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new("eu-central-1"))
                .credentials_provider($sdk::config::Credentials::new("id", "secret", None, None, "test"))
                .http_client(aws_smithy_mocks::create_mock_http_client())
                .interceptor(answers)
                .build(),
        )
    }};
}

/// The answers of AWS in a test.
#[derive(Default)]
struct Aws {
    sfn: Vec<Rule>,
    dynamodb: Vec<Rule>,
    scheduler: Vec<Rule>,
}

impl Aws {
    fn handler(self) -> Handler {
        let executions = Executions::new(client!(aws_sdk_sfn, self.sfn), MACHINE.to_owned());
        let group = ScheduleGroup {
            client: client!(aws_sdk_scheduler, self.scheduler),
            group: "group".to_owned(),
            state_machine_arn: MACHINE.to_owned(),
            role_arn: "arn:aws:iam::123456789012:role/schedule".to_owned(),
            dead_letter_arn: None,
        };
        let records = Records::new(client!(aws_sdk_dynamodb, self.dynamodb), "table".to_owned());
        let artifacts = Artifacts::new(client!(aws_sdk_s3, Vec::<Rule>::new()), "bucket".to_owned());
        Handler {
            schedules: Schedules { group, executions: executions.clone() },
            baselines: Baselines { records: records.clone(), artifacts: artifacts.clone() },
            runs: Runs { executions, records, artifacts },
        }
    }

    async fn answer(self, request: Request) -> Response<Body> {
        self.handler().handle(request).await.expect("an answer")
    }
}

fn request(method: &str, path: &str, body: &str) -> Request {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut pairs: std::collections::HashMap<String, Vec<String>> = std::collections::HashMap::new();
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        pairs.entry(name.to_owned()).or_default().push(value.to_owned());
    }
    let request = HttpRequest::builder().method(method).uri(path).body(Body::Text(body.to_owned()));
    request.expect("a request").with_query_string_parameters(pairs)
}

fn document(answer: &Response<Body>) -> Value {
    serde_json::from_slice(answer.body().as_ref()).expect("JSON")
}

/// Returns the problem that answers a request which must not call AWS.
async fn problem(request: Request) -> (u16, Value) {
    let answer = Aws::default().answer(request).await;
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
    let document = document(&answer);
    assert_eq!(document["status"], answer.status().as_u16());
    assert!(document["type"].as_str().expect("a type").starts_with("urn:dicomperf:problem:"), "{document}");
    (answer.status().as_u16(), document)
}

fn error(code: &str) -> aws_sdk_sfn::error::ErrorMetadata {
    aws_sdk_sfn::error::ErrorMetadata::builder().code(code).message("as AWS says").build()
}

fn begun() -> Rule {
    mock!(Sfn::start_execution).then_output(|| {
        let started = StartExecutionOutput::builder().execution_arn("arn:started");
        started.start_date(DateTime::from_secs(0)).build().expect("an execution")
    })
}

#[tokio::test]
async fn a_run_that_was_started_is_accepted_and_says_where_it_is_shown() {
    let answer = Aws { sfn: vec![begun()], ..Aws::default() }.answer(request("POST", "/runs", "{}")).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let document = document(&answer);
    assert_eq!((&document["executionArn"], &document["status"]), (&json!("arn:started"), &json!("RUNNING")));
    let run_id = document["runId"].as_str().expect("a run id");
    assert_eq!(answer.headers()[LOCATION], format!("/runs/{run_id}"));
}

#[tokio::test]
async fn a_request_that_is_not_allowed_is_refused_with_every_error() {
    let bad = r#"{ "iterations": 0, "rounds": 0 }"#;
    for path in ["/runs", "/requests/validate"] {
        let (status, document) = problem(request("POST", path, bad)).await;
        assert_eq!(status, 400);
        let paths: Vec<_> = document["errors"].as_array().expect("errors").iter().map(|error| &error["path"]).collect();
        assert_eq!(paths, [&json!("iterations"), &json!("rounds")], "{document}");
    }
}

#[tokio::test]
async fn a_schedule_is_refused_with_every_error_of_it_and_of_its_request() {
    let bad = json!({ "name": "a/b", "expression": "daily", "timeZone": "Mars", "request": { "iterations": 0 } });
    let (status, document) = problem(request("POST", "/schedules", &bad.to_string())).await;
    assert_eq!(status, 400);
    let paths: Vec<_> = document["errors"].as_array().expect("errors").iter().map(|error| &error["path"]).collect();
    assert_eq!(paths, [&json!("name"), &json!("expression"), &json!("timeZone"), &json!("request.iterations")]);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_with_its_place() {
    let (status, document) = problem(request("POST", "/runs", "{ \"name\": }")).await;
    assert_eq!(status, 400);
    assert!(document["errors"][0]["problem"].as_str().expect("a problem").contains("line 1 column"), "{document}");
    for body in ["[]", "[1, 2]", "null", r#"{"colour": "red"}"#] {
        assert_eq!(problem(request("PUT", "/baselines/nightly", body)).await.0, 400, "{body}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_or_of_another_type_is_refused_unread() {
    assert_eq!(problem(request("POST", "/runs", &" ".repeat(MAX_BODY_BYTES + 1))).await.0, 413);
    let mut form = request("POST", "/runs", "{}");
    form.headers_mut().insert(CONTENT_TYPE, "text/plain".parse().expect("a value"));
    assert_eq!(problem(form).await.0, 415);
}

#[tokio::test]
async fn who_accepts_no_json_is_told_before_anything_is_done() {
    for (accept, status) in [("text/html", 406), ("application/json;q=0", 406), ("text/html, */*;q=0.1", 400)] {
        let mut request = request("POST", "/runs", "[");
        request.headers_mut().insert(ACCEPT, accept.parse().expect("a value"));
        assert_eq!(problem(request).await.0, status, "{accept}");
    }
}

#[tokio::test]
async fn another_method_is_refused_with_those_that_are_allowed_and_another_path_is_not_found() {
    let answer = Aws::default().answer(request("PUT", "/runs/run-1", "")).await;
    assert_eq!((answer.status().as_u16(), answer.headers()[ALLOW].as_bytes()), (405, &b"GET, DELETE"[..]));
    for route in ROUTES {
        assert_eq!(problem(request("OPTIONS", route.path, "")).await.0, 405, "{}", route.path);
    }
    for path in ["/", "/run", "/runs/run-1/log"] {
        assert_eq!(problem(request("GET", path, "")).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_query_names_its_bad_parameter() {
    for (path, field) in [
        ("/runs?limit=0", "limit"),
        ("/runs?limit=ten", "limit"),
        ("/runs?since=yesterday", "since"),
        ("/runs?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z", "since"),
        ("/runs?colour=red", "colour"),
        ("/runs?name=a&name=b", "name"),
        ("/runs?page=abc", "page"),
        ("/runs?page=eyJydW4iOiJydW4tMSJ9", "page"),
        ("/runs/run-1/report?format=pdf", "format"),
        ("/compare?base=run-1", "head"),
    ] {
        let (status, document) = problem(request("GET", path, "")).await;
        assert_eq!((status, &document["errors"][0]["path"]), (400, &json!(field)), "{path}: {document}");
    }
}

#[tokio::test]
async fn a_run_is_shown() {
    let record = mock!(DynamoDb::get_item).then_output(|| {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        GetItemOutput::builder()
            .item("runId", text("run-1"))
            .item("status", text("SUCCEEDED"))
            .item("createdAt", text("2026-01-01T12:00:00.000Z"))
            .build()
    });
    let scenarios = mock!(DynamoDb::query).then_output(|| QueryOutput::builder().build());
    let aws = Aws { dynamodb: vec![record, scenarios], ..Aws::default() };
    let answer = aws.answer(request("GET", "/runs/run-1", "")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(document(&answer)["runId"], "run-1");
}

#[tokio::test]
async fn a_name_that_nothing_can_have_is_not_found_without_a_call() {
    for path in ["/runs/run%201", "/runs/run%201/report", "/schedules/.x", "/compare?base=.a&head=.b"] {
        assert_eq!(problem(request("GET", path, "")).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_schedule_of_a_used_name_is_a_conflict_and_an_unknown_one_is_not_found() {
    let none = mock!(Scheduler::list_schedules)
        .then_output(|| ListSchedulesOutput::builder().set_schedules(Some(Vec::new())).build().expect("a list"));
    let used =
        mock!(Scheduler::create_schedule).then_error(|| CreateScheduleError::generic(error("ConflictException")));
    let new = r#"{"name": "nightly", "expression": "rate(1 day)", "request": {}}"#;
    let created =
        Aws { scheduler: vec![none, used], ..Aws::default() }.answer(request("POST", "/schedules", new)).await;
    assert_eq!(created.status(), StatusCode::CONFLICT);
    let unknown =
        mock!(Scheduler::get_schedule).then_error(|| GetScheduleError::generic(error("ResourceNotFoundException")));
    let deleted =
        Aws { scheduler: vec![unknown], ..Aws::default() }.answer(request("DELETE", "/schedules/x", "")).await;
    assert_eq!(deleted.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_failure_of_aws_is_told_from_a_bad_request_and_from_too_many_calls() {
    let refused = mock!(Sfn::start_execution).then_error(|| StartExecutionError::generic(error("AccessDenied")));
    let started = Aws { sfn: vec![refused], ..Aws::default() }.answer(request("POST", "/runs", "{}")).await;
    let broken = mock!(DynamoDb::get_item).then_error(|| GetItemError::generic(error("AccessDenied")));
    let shown = Aws { dynamodb: vec![broken], ..Aws::default() }.answer(request("GET", "/runs/run-1", "")).await;
    for answer in [started, shown] {
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(document(&answer)["type"], "urn:dicomperf:problem:aws-failed");
    }
    let throttled =
        mock!(Scheduler::get_schedule).then_error(|| GetScheduleError::generic(error("ThrottlingException")));
    let shown = Aws { scheduler: vec![throttled], ..Aws::default() }.answer(request("GET", "/schedules/x", "")).await;
    assert_eq!((shown.status().as_u16(), shown.headers()[RETRY_AFTER].as_bytes()), (429, &b"1"[..]));
}
