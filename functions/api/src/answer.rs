//! HTTP answers. Each is JSON, and all errors have the same form.

use dicomperf_aws::failure::Failure;
use dicomperf_aws::use_cases::runs::StartedRun;
use dicomperf_model::validation::{FieldError, InvalidRequest};
use lambda_http::http::StatusCode;
use lambda_http::http::header::{CONTENT_TYPE, LOCATION};
use lambda_http::{Body, Error, Response};
use serde_json::{Value, json};

/// Returns a JSON document.
pub fn json(status: StatusCode, document: &Value) -> Result<Response<Body>, Error> {
    Ok(builder(status).body(Body::Text(document.to_string()))?)
}

/// Returns the id of a started run, and the path that shows the run.
pub fn run_started(run: &StartedRun) -> Result<Response<Body>, Error> {
    let document = json!({ "runId": run.run_id, "executionArn": run.execution_arn, "status": "RUNNING" });
    let location = format!("/runs/{}", run.run_id);
    Ok(builder(StatusCode::ACCEPTED).header(LOCATION, location).body(Body::Text(document.to_string()))?)
}

/// Returns a refusal with every error of the request.
pub fn refusal(status: StatusCode, request: &InvalidRequest) -> Result<Response<Body>, Error> {
    json(status, &json!({ "errors": request.errors }))
}

/// Returns a refusal with one error.
pub fn field_error(
    status: StatusCode,
    path: &str,
    problem: impl Into<String>,
    allowed: &str,
) -> Result<Response<Body>, Error> {
    refusal(status, &InvalidRequest { errors: vec![FieldError::new(path, problem, allowed)] })
}

/// Logs and returns a failure of AWS.
pub fn aws_failure(failure: &Failure) -> Result<Response<Body>, Error> {
    lambda_http::tracing::error!(%failure);
    json(StatusCode::BAD_GATEWAY, &json!({ "error": failure.name(), "cause": failure.to_string() }))
}

fn builder(status: StatusCode) -> lambda_http::http::response::Builder {
    Response::builder().status(status).header(CONTENT_TYPE, "application/json")
}
