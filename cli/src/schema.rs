//! Writes the committed JSON Schemas from the types.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use dicomperf_model::step::{StepDocument, StepReport};
use schemars::schema_for;
use serde_json::Value;

/// Writes every schema and the OpenAPI document to the folder `schemas` of the checkout in `directory`.
pub fn write(directory: &Path) -> anyhow::Result<()> {
    for (name, schema) in schemas() {
        let path = directory.join("schemas").join(name).with_extension("schema.json");
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

/// Returns the schemas with the names of their files.
fn schemas() -> [(&'static str, Value); 4] {
    [
        ("request", dicomperf_model::request::request_schema()),
        ("report", dicomperf_report::schema()),
        ("step-document", schema_for!(StepDocument).to_value()),
        ("step-report", schema_for!(StepReport).to_value()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_are_current() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
        for (name, schema) in schemas() {
            let text = fs::read(folder.join(name).with_extension("schema.json")).expect("a committed schema");
            // Compared as JSON: the order of properties depends on the features that serde_json is built with.
            let committed: Value = serde_json::from_slice(&text).expect("JSON");
            assert!(committed == schema, "schemas/{name}.schema.json is not current: run `make schemas`");
        }
    }
}
