//! Routes of the HTTP API.

use aws_config::SdkConfig;
use dicomperf_aws::clients::artifacts::Artifacts;
use dicomperf_aws::clients::executions::Executions;
use dicomperf_aws::clients::records::Records;
use dicomperf_aws::failure::Failure;
use dicomperf_aws::refusal::Refusal;
use dicomperf_aws::use_cases::runs::Runs;
use jiff::Timestamp;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Error, Request, Response};
use rand::rngs::StdRng;
use serde_json::Value;

use crate::answer;
use crate::settings::Settings;

/// Maximum size of a request. No plan of a longer one is within the limits.
const MAX_BODY_BYTES: usize = 64 * 1024;

pub struct Handler {
    runs: Runs,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        Self {
            runs: Runs {
                executions: Executions::new(aws_sdk_sfn::Client::new(config), settings.state_machine_arn),
                records: Records::new(aws_sdk_dynamodb::Client::new(config), settings.table),
                artifacts: Artifacts::new(dicomperf_aws::clients::s3_client(config), settings.bucket),
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
                answer::field_error(status, "method", format!("is {}", request.method()), "POST /runs, GET /runs/{id}")
            }
            _ => answer::field_error(StatusCode::NOT_FOUND, "path", format!("is /{path}"), "/runs, /runs/{id}"),
        }
    }

    async fn start(&self, body: &Body) -> Result<Response<Body>, Error> {
        let body: &[u8] = body.as_ref();
        if body.len() > MAX_BODY_BYTES {
            let problem = format!("has {} bytes", body.len());
            return answer::field_error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "",
                problem,
                &format!("at most {MAX_BODY_BYTES} bytes"),
            );
        }
        let document: Value = match serde_json::from_slice(body) {
            Ok(document) => document,
            Err(error) => {
                let problem = format!("is not JSON: {error}");
                return answer::field_error(
                    StatusCode::BAD_REQUEST,
                    "",
                    problem,
                    "one JSON object; {} is the classic test",
                );
            }
        };
        match self.runs.start(&document, None, Timestamp::now(), &mut rand::make_rng::<StdRng>()).await {
            Ok(run) => answer::run_started(&run),
            Err(Refusal::Invalid(refusal)) => answer::refusal(StatusCode::BAD_REQUEST, &refusal),
            Err(refusal) => {
                answer::aws_failure(&Failure::Aws { doing: "starting".to_owned(), reason: refusal.to_string() })
            }
        }
    }

    async fn show(&self, run_id: &str) -> Result<Response<Body>, Error> {
        match self.runs.find(run_id).await {
            Ok(run) => answer::json(StatusCode::OK, &serde_json::json!(run)),
            Err(Refusal::NotFound { .. }) => unknown_run(run_id),
            Err(refusal) => {
                answer::aws_failure(&Failure::Aws { doing: "showing".to_owned(), reason: refusal.to_string() })
            }
        }
    }
}

fn unknown_run(run_id: &str) -> Result<Response<Body>, Error> {
    let problem = format!("is {run_id:?}, and there is no such run");
    answer::field_error(StatusCode::NOT_FOUND, "id", problem, "the runId that POST /runs returned")
}

#[cfg(test)]
mod tests;
