//! What the template tells this function.

use dicomperf::aws::environment::{Missing, required};

/// The environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Where runs keep their files.
    pub bucket: String,
    /// Where runs are recorded.
    pub table: String,
}

impl Settings {
    /// Reads the environment; an error names the variable that is missing.
    pub fn read() -> Result<Self, Missing> {
        Ok(Self { bucket: required("BUCKET")?, table: required("TABLE")? })
    }
}
