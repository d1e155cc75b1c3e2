//! Reads and checks a request without network.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use dicomperf_aws::refusal::Refusal;
use dicomperf_aws::use_cases::runs::{self, PlanOutline};
use dicomperf_model::plan::{Circumstances, try_plan};
use dicomperf_model::request::Request;
use dicomperf_model::validation::{FieldError, InvalidRequest};
use dicomperf_model::words::plural;
use jiff::Timestamp;
use serde_json::Value;

use crate::answers::{FieldProblem, ValidateAnswer, print_json};
use crate::arguments::ValidateArguments;
use crate::exit;

/// A request that passed every offline check.
pub struct CheckedRequest {
    pub document: Value,
}

/// `dicomperf validate FILE`
pub fn validate(arguments: &ValidateArguments) -> anyhow::Result<ExitCode> {
    let file = &arguments.file;
    let validated = read_document(file)
        .map_err(|error| Refusal::Invalid(InvalidRequest { errors: vec![error] }))
        .and_then(|document| runs::validate(&document, Timestamp::now()));
    let answer = match validated {
        Ok(valid) => ValidateAnswer { valid: true, errors: Vec::new(), plan: valid.plan, warnings: valid.warnings },
        Err(Refusal::Invalid(invalid)) if arguments.json => {
            let problem =
                |error: FieldError| FieldProblem { path: error.path, problem: error.problem, allowed: error.allowed };
            let errors = invalid.errors.into_iter().map(problem).collect();
            ValidateAnswer { valid: false, errors, plan: None, warnings: Vec::new() }
        }
        Err(Refusal::Invalid(invalid)) => return Ok(refuse(file, &invalid)),
        Err(refusal) => return Err(refusal.into()),
    };
    if arguments.json {
        print_json(&answer)?;
        return Ok(if answer.valid { ExitCode::SUCCESS } else { ExitCode::from(exit::BAD_INPUT) });
    }
    println!("{}: valid", file.display());
    if let Some(plan) = &answer.plan {
        println!("{}", summary_line(plan));
    }
    for warning in &answer.warnings {
        println!("{warning}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints every error and returns the exit code.
pub fn refuse(file: &Path, invalid: &InvalidRequest) -> ExitCode {
    for error in &invalid.errors {
        eprintln!("{}: {error}", file.display());
    }
    ExitCode::from(exit::BAD_INPUT)
}

/// Reads and checks a request.
pub fn read(file: &Path) -> Result<CheckedRequest, InvalidRequest> {
    let document = read_document(file).map_err(|error| InvalidRequest { errors: vec![error] })?;
    let request = Request::from_json(&document)?;
    // A user's own objects can only be inspected when the run starts.
    try_plan(&request, Circumstances::offline("not-started", Timestamp::now()))?;
    Ok(CheckedRequest { document })
}

/// Reads a JSON document.
///
/// # Errors
/// A file that cannot be read, text that is not JSON.
pub fn read_document(file: &Path) -> Result<Value, FieldError> {
    let error = |problem: String, allowed: &str| FieldError::new("", problem, allowed);
    let text = read_text(file).map_err(|cause| error(format!("cannot be read: {cause}"), "a readable file"))?;
    serde_json::from_str(&text).map_err(|cause| error(format!("is not JSON: {cause}"), "one JSON object"))
}

fn read_text(file: &Path) -> io::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(file)
}

fn summary_line(plan: &PlanOutline) -> String {
    format!(
        "{} in {}, {}; about {:.0} minutes and {}.",
        plural(plan.scenarios, "scenario"),
        plural(plan.blocks, "server configuration"),
        plural(plan.block_runs, "block run"),
        plan.minutes.ceil(),
        usd(plan.cost_usd),
    )
}

/// Formats a price in US dollars: `0.42 USD`, `less than 0.01 USD`.
fn usd(price: f64) -> String {
    if price < 0.005 { "less than 0.01 USD".to_owned() } else { format!("{price:.2} USD") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_kind_is_not_many_and_a_small_price_is_not_nothing() {
        let document = serde_json::json!({
            "dataset": { "synthetic": { "instances": 1 } }, "iterations": 1, "rounds": 1, "warmup": 0,
        });
        let mut plan = runs::validate(&document, Timestamp::now()).expect("valid").plan.expect("a plan");
        assert!(summary_line(&plan).starts_with("1 scenario in 1 server configuration, 1 block run; about "));
        plan.cost_usd = 0.004;
        assert!(summary_line(&plan).ends_with(" and less than 0.01 USD."), "{}", summary_line(&plan));
    }

    fn errors(text: &str) -> Vec<FieldError> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), text).expect("written");
        read(file.path()).err().map(|invalid| invalid.errors).unwrap_or_default()
    }

    #[test]
    fn text_that_is_no_json_is_an_error_with_its_place() {
        assert!(errors("{ \"name\": }")[0].problem.contains("line 1 column"), "{:?}", errors("{ \"name\": }"));
    }

    #[test]
    fn limits_of_the_plan_are_checked_offline_too() {
        assert_eq!(errors(r#"{ "limits": { "maxCostUsd": 0.001 }, "iterations": 5 }"#)[0].path, "limits.maxCostUsd");
        assert_eq!(
            errors(r#"{ "dataset": { "synthetic": { "instances": 100000 } } }"#)[0].path,
            "server.volume.sizeGiB"
        );
    }

    #[test]
    fn a_missing_file_is_an_error() {
        assert!(read(Path::new("no/such/file")).is_err());
    }
}
