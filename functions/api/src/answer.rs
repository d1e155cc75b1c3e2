//! HTTP answers. Each is JSON, and every error is a problem (RFC 9457).

use dicomperf_aws::api::{Problem, ProblemKind};
use dicomperf_aws::use_cases::runs::{ReportLink, StartedRun};
use dicomperf_aws::use_cases::schedules::Schedule;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use lambda_http::http::response::Builder;
use lambda_http::{Body, Error, Response};
use serde::Serialize;

type Answer = Result<Response<Body>, Problem>;

/// Returns a document.
pub fn json(document: &impl Serialize) -> Answer {
    with_status(StatusCode::OK, document)
}

/// Returns a document with a status.
pub fn with_status(status: StatusCode, document: &impl Serialize) -> Answer {
    finish(builder(status), document)
}

/// Returns a JSON text.
pub fn text(text: &str) -> Answer {
    builder(StatusCode::OK).body(Body::Text(text.to_owned())).map_err(broken)
}

/// Returns a started run, and the path that shows it.
pub fn run_started(run: &StartedRun) -> Answer {
    finish(builder(StatusCode::ACCEPTED).header(LOCATION, format!("/runs/{}", run.run_id)), run)
}

/// Returns a created schedule, and the path that shows it.
pub fn schedule_created(schedule: &Schedule) -> Answer {
    finish(builder(StatusCode::CREATED).header(LOCATION, format!("/schedules/{}", schedule.name)), schedule)
}

/// Leads to a report. No cache may keep the link, because it expires.
pub fn see_other(link: &ReportLink) -> Answer {
    let answer = Response::builder().status(StatusCode::SEE_OTHER).header(LOCATION, &link.url);
    answer.header(CACHE_CONTROL, "no-store").body(Body::Empty).map_err(broken)
}

/// Returns an answer without content.
pub fn no_content() -> Answer {
    Response::builder().status(StatusCode::NO_CONTENT).body(Body::Empty).map_err(broken)
}

/// Logs and returns a problem.
pub fn problem(problem: &Problem) -> Result<Response<Body>, Error> {
    if problem.status >= 500 {
        lambda_http::tracing::error!(detail = problem.detail, "{}", problem.title);
    }
    let mut answer = problem_builder(problem);
    if problem.status == ProblemKind::Throttled.status() {
        answer = answer.header(RETRY_AFTER, "1");
    }
    Ok(answer.body(Body::Text(serde_json::to_string(problem)?))?)
}

/// Refuses a method and lists those of the path (RFC 9110, 15.5.6).
pub fn method_not_allowed(method: &str, allowed: &[&str]) -> Result<Response<Body>, Error> {
    let allowed = allowed.join(", ");
    let problem = ProblemKind::MethodNotAllowed.problem(format!("the method is {method}; allowed: {allowed}"));
    Ok(problem_builder(&problem).header(ALLOW, allowed).body(Body::Text(serde_json::to_string(&problem)?))?)
}

fn problem_builder(problem: &Problem) -> Builder {
    Response::builder().status(problem.status).header(CONTENT_TYPE, "application/problem+json")
}

fn builder(status: StatusCode) -> Builder {
    Response::builder().status(status).header(CONTENT_TYPE, "application/json")
}

fn finish(builder: Builder, document: &impl Serialize) -> Answer {
    builder.body(Body::Text(serde_json::to_string(document).map_err(broken)?)).map_err(broken)
}

/// Returns the problem for an answer that cannot be written.
fn broken(error: impl std::fmt::Display) -> Problem {
    ProblemKind::AwsFailed.problem(format!("the answer cannot be written: {error}"))
}
