use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sfn::Client as Sfn;
use aws_sdk_sfn::operation::start_execution::{StartExecutionError, StartExecutionOutput};
use aws_sdk_sfn::primitives::DateTime;
use aws_smithy_mocks::{Rule, mock};
use lambda_http::http::header::{CONTENT_TYPE, LOCATION};
use lambda_http::http::{Request as HttpRequest, Response as HttpResponse};
use serde_json::json;

use super::*;

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

async fn answer(sfn: Vec<Rule>, dynamodb: Vec<Rule>, method: &str, path: &str, body: &str) -> HttpResponse<Body> {
    let machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:runs".to_owned();
    let handler = Handler {
        runs: Runs {
            executions: Executions::new(client!(aws_sdk_sfn, sfn), machine),
            records: Records::new(client!(aws_sdk_dynamodb, dynamodb), "table".to_owned()),
        },
    };
    let request = HttpRequest::builder().method(method).uri(path).body(Body::Text(body.to_owned()));
    let answer = handler.handle(request.expect("a request")).await.expect("an answer");
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
    answer
}

/// Returns the answer to a request that must not call AWS.
async fn refusal(method: &str, path: &str, body: &str) -> (u16, Value) {
    let answer = answer(Vec::new(), Vec::new(), method, path, body).await;
    (answer.status().as_u16(), document(&answer))
}

fn document(answer: &HttpResponse<Body>) -> Value {
    serde_json::from_slice(answer.body().as_ref()).expect("JSON")
}

fn error(code: &str) -> aws_sdk_sfn::error::ErrorMetadata {
    aws_sdk_sfn::error::ErrorMetadata::builder().code(code).message("as AWS says").build()
}

#[tokio::test]
async fn a_run_that_was_started_is_accepted_and_says_where_it_is_shown() {
    let started = mock!(Sfn::start_execution).then_output(|| {
        let started = StartExecutionOutput::builder().execution_arn("arn:started");
        started.start_date(DateTime::from_secs(0)).build().expect("an execution")
    });
    let answer = answer(vec![started], Vec::new(), "POST", "/runs", "{}").await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let document = document(&answer);
    assert_eq!((&document["executionArn"], &document["status"]), (&json!("arn:started"), &json!("RUNNING")));
    let run_id = document["runId"].as_str().expect("a run id");
    assert_eq!(answer.headers()[LOCATION], format!("/runs/{run_id}"));
}

#[tokio::test]
async fn a_request_that_is_not_allowed_is_refused_with_every_error() {
    let (status, document) = refusal("POST", "/runs", r#"{ "iterations": 0, "rounds": 0 }"#).await;
    assert_eq!(status, 400);
    let paths: Vec<_> = document["errors"].as_array().expect("errors").iter().map(|error| &error["path"]).collect();
    assert_eq!(paths, [&json!("iterations"), &json!("rounds")], "{document}");
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_with_its_place() {
    let (status, document) = refusal("POST", "/runs", "{ \"name\": }").await;
    assert_eq!(status, 400);
    assert!(document["errors"][0]["problem"].as_str().expect("a problem").contains("line 1 column"), "{document}");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_unread() {
    assert_eq!(refusal("POST", "/runs", &" ".repeat(MAX_BODY_BYTES + 1)).await.0, 413);
}

#[tokio::test]
async fn another_method_and_another_path_are_refused_with_those_that_are_allowed() {
    for (method, path) in [("DELETE", "/runs/run-1"), ("GET", "/runs"), ("PUT", "/runs")] {
        let (status, document) = refusal(method, path, "").await;
        assert_eq!(status, 405, "{method} {path}");
        assert_eq!(document["errors"][0]["allowed"], "POST /runs, GET /runs/{id}");
    }
    for path in ["/", "/run", "/runs/run-1/report"] {
        assert_eq!(refusal("GET", path, "").await.0, 404, "{path}");
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
    let answer = answer(Vec::new(), vec![record, scenarios], "GET", "/runs/run-1", "").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(document(&answer)["runId"], "run-1");
}

#[tokio::test]
async fn a_name_that_no_run_can_have_is_not_found() {
    let (status, document) = refusal("GET", "/runs/run%201", "").await;
    assert_eq!(status, 404);
    assert_eq!(document["errors"][0]["path"], "id");
}

#[tokio::test]
async fn a_failure_of_aws_is_told_from_a_bad_request() {
    let refused = mock!(Sfn::start_execution).then_error(|| StartExecutionError::generic(error("AccessDenied")));
    let started = answer(vec![refused], Vec::new(), "POST", "/runs", "{}").await;
    let broken = mock!(DynamoDb::get_item).then_error(|| GetItemError::generic(error("AccessDenied")));
    let shown = answer(Vec::new(), vec![broken], "GET", "/runs/run-1", "").await;
    for answer in [started, shown] {
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(document(&answer)["error"], "AwsError");
    }
}
