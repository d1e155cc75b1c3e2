//! Answers: always JSON, and every error in one form.

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

/// A run that was started, and where to look how it is.
pub fn started(run_id: &str, execution_arn: &str) -> Result<Response<Body>, Error> {
    let document = json!({ "runId": run_id, "executionArn": execution_arn, "status": "RUNNING" });
    let location = format!("/runs/{run_id}");
    Ok(builder(StatusCode::ACCEPTED).header(LOCATION, location).body(Body::Text(document.to_string()))?)
}

/// Everything that is wrong with what was sent.
pub fn invalid(status: StatusCode, refusal: &InvalidRequest) -> Result<Response<Body>, Error> {
    json(status, &json!({ "errors": refusal.errors }))
}

/// The one thing that is wrong with what was sent.
pub fn wrong(
    status: StatusCode,
    path: &str,
    problem: impl Into<String>,
    allowed: &str,
) -> Result<Response<Body>, Error> {
    invalid(status, &InvalidRequest { errors: vec![FieldError::new(path, problem, allowed)] })
}

/// AWS did not do what was asked.
pub fn unavailable(failure: &Failure) -> Result<Response<Body>, Error> {
    lambda_http::tracing::error!(%failure);
    json(StatusCode::BAD_GATEWAY, &json!({ "error": failure.name(), "cause": failure.to_string() }))
}

fn builder(status: StatusCode) -> lambda_http::http::response::Builder {
    Response::builder().status(status).header(CONTENT_TYPE, "application/json")
}
