//! Answers: always JSON, and every error in one form.

use dicomperf::aws::runs::StartedRun;
use dicomperf::failure::Failure;
use dicomperf::validation::{FieldError, InvalidRequest};
use lambda_http::http::StatusCode;
use lambda_http::http::header::{CONTENT_TYPE, LOCATION};
use lambda_http::{Body, Error, Response};
use serde_json::{Value, json};

/// A JSON document.
pub fn json(status: StatusCode, document: &Value) -> Result<Response<Body>, Error> {
    Ok(builder(status).body(Body::Text(document.to_string()))?)
}

/// A run that was started, and the path that shows it.
pub fn started(run: &StartedRun) -> Result<Response<Body>, Error> {
    let document = json!({ "runId": run.run_id, "executionArn": run.execution_arn, "status": "RUNNING" });
    let location = format!("/runs/{}", run.run_id);
    Ok(builder(StatusCode::ACCEPTED).header(LOCATION, location).body(Body::Text(document.to_string()))?)
}

/// A refusal with every error of what was sent.
pub fn invalid(status: StatusCode, refusal: &InvalidRequest) -> Result<Response<Body>, Error> {
    json(status, &json!({ "errors": refusal.errors }))
}

/// A refusal with one error.
pub fn wrong(
    status: StatusCode,
    path: &str,
    problem: impl Into<String>,
    allowed: &str,
) -> Result<Response<Body>, Error> {
    invalid(status, &InvalidRequest { errors: vec![FieldError::new(path, problem, allowed)] })
}

/// A failure of AWS.
pub fn unavailable(failure: &Failure) -> Result<Response<Body>, Error> {
    lambda_http::tracing::error!(%failure);
    json(StatusCode::BAD_GATEWAY, &json!({ "error": failure.name(), "cause": failure.to_string() }))
}

fn builder(status: StatusCode) -> lambda_http::http::response::Builder {
    Response::builder().status(status).header(CONTENT_TYPE, "application/json")
}
