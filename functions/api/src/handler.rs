//! The routes.

use aws_config::SdkConfig;
use dicomperf::aws::executions::Executions;
use dicomperf::aws::plan::try_plan;
use dicomperf::aws::records::Records;
use dicomperf::failure::{Failure, RunError};
use dicomperf::run_id;
use dicomperf::validation::InvalidRequest;
use dicomperf::workflow::RunStatus;
use jiff::Timestamp;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Error, Request, Response};
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::answer;
use crate::settings::Settings;

/// The longest request: beyond it there is no plan that keeps the limits.
const LONGEST_BODY: usize = 64 * 1024;

pub struct Handler {
    executions: Executions,
    records: Records,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        Self {
            executions: Executions::new(aws_sdk_sfn::Client::new(config), settings.state_machine_arn),
            records: Records::new(aws_sdk_dynamodb::Client::new(config), settings.table),
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
        if body.len() > LONGEST_BODY {
            let problem = format!("has {} bytes", body.len());
            return answer::wrong(StatusCode::PAYLOAD_TOO_LARGE, "", problem, "at most 65536 bytes");
        }
        let document: Value = match serde_json::from_slice(body) {
            Ok(document) => document,
            Err(error) => {
                let problem = format!("is not JSON: {error}");
                return answer::wrong(StatusCode::BAD_REQUEST, "", problem, "one JSON object; {} is the classic test");
            }
        };
        let now = Timestamp::now();
        let run_id = match accept(&document, now) {
            Ok(run_id) => run_id,
            Err(refusal) => return answer::invalid(StatusCode::BAD_REQUEST, &refusal),
        };
        match self.executions.start(&run_id, &document).await {
            Ok(execution_arn) => answer::started(&run_id, &execution_arn),
            Err(failure) => answer::unavailable(&failure),
        }
    }

    async fn show(&self, run_id: &str) -> Result<Response<Body>, Error> {
        if !run_id::is_valid(run_id) {
            return unknown(run_id);
        }
        match self.find(run_id).await {
            Ok(Some(run)) => answer::json(StatusCode::OK, &run),
            Ok(None) => unknown(run_id),
            Err(failure) => answer::unavailable(&failure),
        }
    }

    async fn find(&self, run_id: &str) -> Result<Option<Value>, Failure> {
        let Some(record) = self.records.run(run_id).await? else {
            // Just started, and not planned yet.
            let execution = self.executions.find(&self.executions.arn(run_id)).await?;
            return Ok(execution.map(|execution| {
                let status = if execution.is_over() { RunStatus::Failed } else { RunStatus::Running };
                let error = execution.ending().map(|error| RunError::from_states(&error.error, &error.cause));
                json!({ "runId": run_id, "status": status, "error": error, "scenarios": [] })
            }));
        };
        let scenarios: Vec<_> =
            self.records.scenarios(run_id).await?.into_iter().map(|scenario| scenario.summary).collect();
        let mut run = json!(record);
        run["scenarios"] = json!(scenarios);
        Ok(Some(run))
    }
}

/// The id of a new run, if its request is in order; a user's own objects are looked at later.
fn accept(document: &Value, now: Timestamp) -> Result<String, InvalidRequest> {
    let request = dicomperf::request::Request::from_json(document)?;
    let run_id = run_id::new(now, &request.name, &mut rand::make_rng::<StdRng>());
    if request.dataset.s3.is_none() {
        try_plan(&run_id, &request, now)?;
    }
    Ok(run_id)
}

fn unknown(run_id: &str) -> Result<Response<Body>, Error> {
    let problem = format!("is {run_id:?}, and there is no such run");
    answer::wrong(StatusCode::NOT_FOUND, "id", problem, "the runId that POST /runs answered")
}
