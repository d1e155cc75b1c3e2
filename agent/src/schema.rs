//! The JSON Schemas of what the agent reads and writes; committed in agent/schemas.

use anyhow::Context as _;
use clap::ValueEnum;
use dicomperf::step::{StepDocument, StepReport};
use schemars::{Schema, schema_for};

/// A document with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// The document of a step, which the agent reads.
    StepDocument,
    /// The report of a step, which the agent writes.
    StepReport,
}

impl SchemaName {
    /// The schema.
    #[must_use]
    pub fn schema(self) -> Schema {
        match self {
            Self::StepDocument => schema_for!(StepDocument),
            Self::StepReport => schema_for!(StepReport),
        }
    }
}

/// Prints a schema.
///
/// # Errors
/// A schema without a JSON form.
pub fn print(name: SchemaName) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(&name.schema()).context("the schema has no JSON form")?);
    Ok(())
}
