//! Writes the committed JSON Schemas from the types.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use dicomperf_aws::refusal::Refusal;
use dicomperf_aws::use_cases::runs::{RunPage, ShownRun, StartedRun};
use dicomperf_aws::use_cases::schedules::{Schedule, ScheduleList};
use dicomperf_model::history::NamedBaseline;
use dicomperf_model::results::RunComparison;
use dicomperf_model::step::{StepDocument, StepReport};
use dicomperf_model::telling::{FinishedRun, UnstartedRun};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use crate::answers::{AbortAnswer, BaselineList, Deleted, FilesAnswer, RunAnswer, ValidateAnswer};

/// Writes every schema and the OpenAPI document to the folder `schemas` of the checkout in `directory`.
///
/// # Errors
/// There is no such folder, or a file cannot be written.
pub fn write(directory: &Path) -> anyhow::Result<()> {
    if !directory.join("schemas").is_dir() {
        let problem = format!("is {}", directory.display());
        return Err(Refusal::field("directory", problem, "a directory that has a folder schemas").into());
    }
    for (name, schema) in schemas() {
        let path = directory.join("schemas").join(format!("{name}.schema.json"));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        println!("{}", path.display());
    }
    let path = directory.join("schemas/openapi.json");
    let text = serde_json::to_string_pretty(&dicomperf_aws::api::openapi::document())? + "\n";
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// Returns the schemas with the names of their files. Those of `cli/` are of the documents that `--json` prints.
fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("request", dicomperf_model::request::request_schema()),
        ("report", dicomperf_report::schema()),
        ("step-document", schema_for!(StepDocument).to_value()),
        ("step-report", schema_for!(StepReport).to_value()),
        ("run-finished", answer::<FinishedRun>()),
        ("run-not-started", answer::<UnstartedRun>()),
        ("cli/run", answer::<RunAnswer>()),
        ("cli/validate", answer::<ValidateAnswer>()),
        ("cli/list", answer::<RunPage>()),
        ("cli/show", answer::<ShownRun>()),
        ("cli/files", answer::<FilesAnswer>()),
        ("cli/compare", answer::<RunComparison>()),
        ("cli/abort", answer::<AbortAnswer>()),
        ("cli/schedule", answer::<Schedule>()),
        ("cli/schedule-list", answer::<ScheduleList>()),
        ("cli/schedule-run", answer::<StartedRun>()),
        ("cli/baseline", answer::<NamedBaseline>()),
        ("cli/baseline-list", answer::<BaselineList>()),
        ("cli/deleted", answer::<Deleted>()),
    ]
}

/// Returns the schema of a document that is printed or sent. A later version may print further fields.
fn answer<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_are_current() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
        for (name, schema) in schemas() {
            let text = fs::read(folder.join(format!("{name}.schema.json"))).expect("a committed schema");
            // Compared as JSON: the order of properties depends on the features that serde_json is built with.
            let committed: Value = serde_json::from_slice(&text).expect("JSON");
            assert!(committed == schema, "schemas/{name}.schema.json is not current: run `make schemas`");
        }
    }
}
