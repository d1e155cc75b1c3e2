//! The routes.

use aws_config::SdkConfig;
use dicomperf::aws::executions::Executions;
use dicomperf::aws::records::Records;
use dicomperf::aws::runs::Runs;
use dicomperf::failure::Failure;
use jiff::Timestamp;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Error, Request, Response};
use rand::rngs::StdRng;
use serde_json::Value;

use crate::answer;
use crate::settings::Settings;

/// The longest request, in bytes: beyond it there is no plan that keeps the limits.
const MAX_BODY: usize = 64 * 1024;

pub struct Handler {
    runs: Runs,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        Self {
            runs: Runs {
                executions: Executions::new(aws_sdk_sfn::Client::new(config), settings.state_machine_arn),
                records: Records::new(aws_sdk_dynamodb::Client::new(config), settings.table),
            },
        }
    }

    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let path = request.uri().path().trim_matches('/').to_owned();
        let segments: Vec<_> = path.split('/').collect();
        match (request.method(), segments.as_slice()) {
            (&Method::POST, ["runs"]) => self.start(request.body()).await,
            (&Method::GET, ["runs", id]) => self.show(id).await,
            (_, ["runs"] | ["runs", _]) => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                answer::wrong(status, "method", format!("is {}", request.method()), "POST /runs, GET /runs/{id}")
            }
            _ => answer::wrong(StatusCode::NOT_FOUND, "path", format!("is /{path}"), "/runs, /runs/{id}"),
        }
    }

    async fn start(&self, body: &Body) -> Result<Response<Body>, Error> {
        let body: &[u8] = body.as_ref();
        if body.len() > MAX_BODY {
            let problem = format!("has {} bytes", body.len());
            return answer::wrong(StatusCode::PAYLOAD_TOO_LARGE, "", problem, &format!("at most {MAX_BODY} bytes"));
        }
        let document: Value = match serde_json::from_slice(body) {
            Ok(document) => document,
            Err(error) => {
                let problem = format!("is not JSON: {error}");
                return answer::wrong(StatusCode::BAD_REQUEST, "", problem, "one JSON object; {} is the classic test");
            }
        };
        match self.runs.start(&document, Timestamp::now(), &mut rand::make_rng::<StdRng>()).await {
            Ok(run) => answer::started(&run),
            Err(Failure::InvalidRequest(refusal)) => answer::invalid(StatusCode::BAD_REQUEST, &refusal),
            Err(failure) => answer::unavailable(&failure),
        }
    }

    async fn show(&self, run_id: &str) -> Result<Response<Body>, Error> {
        match self.runs.find(run_id).await {
            Ok(Some(run)) => answer::json(StatusCode::OK, &run),
            Ok(None) => unknown(run_id),
            Err(failure) => answer::unavailable(&failure),
        }
    }
}

fn unknown(run_id: &str) -> Result<Response<Body>, Error> {
    let problem = format!("is {run_id:?}, and there is no such run");
    answer::wrong(StatusCode::NOT_FOUND, "id", problem, "the runId that POST /runs answered")
}

#[cfg(test)]
mod tests;
