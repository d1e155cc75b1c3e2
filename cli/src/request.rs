//! Reading and checking a request without any network.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use dicomperf::plan::{Circumstances, Plan, try_plan};
use dicomperf::request::Request;
use dicomperf::validation::{FieldError, InvalidRequest};
use jiff::Timestamp;
use serde_json::Value;

/// The exit code of a request that is not allowed.
pub const BAD_REQUEST: u8 = 2;

/// A request that passed every check that can be made offline.
pub struct Checked {
    pub document: Value,
    pub name: String,
    /// Absent for a user's own objects, which only `plan` can look at.
    pub plan: Option<Plan>,
}

/// `dicomperf validate FILE`
pub fn validate(file: &Path) -> ExitCode {
    match read(file) {
        Ok(checked) => {
            println!("{}: valid", file.display());
            match checked.plan {
                Some(plan) => println!("{}", described(&plan)),
                None => {
                    println!("The objects themselves are looked at when the run starts, before anything is launched.")
                }
            }
            ExitCode::SUCCESS
        }
        Err(invalid) => refuse(file, &invalid),
    }
}

/// Prints every error, and gives the exit code.
pub fn refuse(file: &Path, invalid: &InvalidRequest) -> ExitCode {
    for error in &invalid.errors {
        eprintln!("{}: {error}", file.display());
    }
    ExitCode::from(BAD_REQUEST)
}

/// Reads and checks a request.
pub fn read(file: &Path) -> Result<Checked, InvalidRequest> {
    let text = text(file).map_err(|error| whole(format!("cannot be read: {error}"), "a readable file"))?;
    let document: Value =
        serde_json::from_str(&text).map_err(|error| whole(format!("is not JSON: {error}"), "one JSON object"))?;
    let request = Request::from_json(&document)?;
    let name = request.name.clone();
    let plan = try_plan(&request, Circumstances::offline("not-started", Timestamp::now()))?;
    Ok(Checked { document, name, plan })
}

fn text(file: &Path) -> io::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(file)
}

fn whole(problem: String, allowed: &str) -> InvalidRequest {
    InvalidRequest { errors: vec![FieldError::new("", problem, allowed)] }
}

fn described(plan: &Plan) -> String {
    let scenarios: usize = plan.blocks.iter().map(|block| block.scenarios.len()).sum();
    format!(
        "{scenarios} scenarios in {} server configurations, {} rounds of {} iterations; about {:.0} minutes and {:.2} USD.",
        plan.blocks.len(),
        plan.request.rounds,
        plan.request.iterations,
        plan.estimate.minutes.ceil(),
        plan.estimate.cost_usd,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
