//! Parts of a request: body, query and headers. Each fault is a problem that names the field.

use dicomperf_aws::api::{MAX_BODY_BYTES, Problem, ProblemKind};
use dicomperf_aws::refusal::Refusal;
use dicomperf_aws::use_cases::runs::{ReportFormat, RunQuery};
use lambda_http::http::header::{ACCEPT, CONTENT_TYPE};
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Name of the header with the client token (draft-ietf-httpapi-idempotency-key-header).
const TOKEN_HEADER: &str = "idempotency-key";

/// Checks that the caller accepts JSON. Without the header every type is accepted (RFC 9110, 12.5.1).
pub fn check_accept(request: &Request) -> Result<(), Problem> {
    let mut values = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    let accepts = values.peek().is_none() || values.flat_map(|value| value.split(',')).any(admits_json);
    if accepts { Ok(()) } else { Err(ProblemKind::NotAcceptable.problem("the answer is application/json")) }
}

fn admits_json(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let is_json = matches!(parts.next().unwrap_or_default(), "*/*" | "application/*" | "application/json");
    let is_refused =
        parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0)));
    is_json && !is_refused
}

/// Returns the body as JSON.
pub fn json(request: &Request) -> Result<Value, Problem> {
    let body: &[u8] = request.body().as_ref();
    if let Some(given) = request.headers().get(CONTENT_TYPE) {
        let media_type = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(ProblemKind::UnsupportedMediaType.problem(format!("Content-Type is {given:?}")));
        }
    }
    if body.len() > MAX_BODY_BYTES {
        let detail = format!("the body has {} bytes; allowed: at most {MAX_BODY_BYTES}", body.len());
        return Err(ProblemKind::TooLarge.problem(detail));
    }
    serde_json::from_slice(body)
        .map_err(|error| field("", format!("is not JSON: {error}"), "one JSON object; {} is the classic test"))
}

/// Returns the body as a value of a type.
pub fn typed<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    let document = json(request)?;
    // serde takes a list of values for a struct.
    if !document.is_object() {
        return Err(field("", "is no JSON object", "one JSON object"));
    }
    serde_json::from_value(document).map_err(|error| field("", error.to_string(), "the fields in /openapi.json"))
}

/// Returns the client token, if there is one. The draft puts it into quotation marks (RFC 9651, 3.3.3).
pub fn client_token(request: &Request) -> Result<Option<&str>, Problem> {
    let Some(value) = request.headers().get(TOKEN_HEADER) else { return Ok(None) };
    let text =
        value.to_str().map_err(|_| field("Idempotency-Key", "is no ASCII text", "printable ASCII characters"))?;
    Ok(Some(text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)))
}

/// Returns the ARN of the caller, which IAM has checked at the gateway.
pub fn caller(request: &Request) -> Option<String> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    context.authorizer.as_ref()?.iam.as_ref()?.user_arn.clone()
}

/// Returns the conditions of a list of runs.
pub fn run_query(request: &Request) -> Result<RunQuery, Problem> {
    let mut query = RunQuery::default();
    for (name, value) in parameters(request, &["name", "fingerprint", "since", "until", "limit", "page"])? {
        match name.as_str() {
            "name" => query.name = Some(value),
            "fingerprint" => query.fingerprint = Some(value),
            "since" => query.since = Some(parsed("since", &value, "a time as in RFC 3339")?),
            "until" => query.until = Some(parsed("until", &value, "a time as in RFC 3339")?),
            "limit" => query.limit = Some(parsed("limit", &value, "an integer from 1 to 100")?),
            _ => query.page = Some(value),
        }
    }
    Ok(query)
}

/// Returns the format of a report.
pub fn report_format(request: &Request) -> Result<ReportFormat, Problem> {
    let Some((_, value)) = parameters(request, &["format"])?.pop() else { return Ok(ReportFormat::default()) };
    let format = serde_json::from_value(Value::from(value.as_str()));
    format.map_err(|_| field("format", format!("is {value:?}"), "html, json or md"))
}

/// Returns the ids of the runs to compare.
pub fn compared_runs(request: &Request) -> Result<(String, String), Problem> {
    let given = parameters(request, &["base", "head"])?;
    let id = |name: &str| {
        let value = given.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
        value.ok_or_else(|| field(name, "is missing", "the id of a run"))
    };
    Ok((id("base")?, id("head")?))
}

/// Returns the parameters of the query. Each may be given once, and has a value.
fn parameters(request: &Request, known: &[&str]) -> Result<Vec<(String, String)>, Problem> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    for (name, value) in request.query_string_parameters().iter() {
        if !known.contains(&name) {
            return Err(field(name, "is not a known parameter", &known.join(", ")));
        }
        if value.is_empty() {
            return Err(field(name, "is empty", "a value"));
        }
        if parameters.iter().any(|(other, _)| other == name) {
            return Err(field(name, "is given twice", "one value"));
        }
        parameters.push((name.to_owned(), value.to_owned()));
    }
    Ok(parameters)
}

fn parsed<T: std::str::FromStr>(name: &str, value: &str, allowed: &str) -> Result<T, Problem> {
    value.parse().map_err(|_| field(name, format!("is {value:?}"), allowed))
}

fn field(path: &str, problem: impl Into<String>, allowed: &str) -> Problem {
    Refusal::field(path, problem, allowed).into()
}
