//! The committed JSON Schemas, written from the types.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

/// Writes every schema of the checkout in `directory`.
pub fn write(directory: &Path) -> anyhow::Result<()> {
    let schemas: [(&str, Value); 2] = [
        ("events/request.schema.json", dicomperf::validation::request_schema()),
        ("shared/schemas/report.schema.json", dicomperf::report::schema()),
    ];
    for (name, schema) in schemas {
        let path = directory.join(name);
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}
