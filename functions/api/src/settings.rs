//! What the template tells this function.

use dicomperf::aws::environment::{Missing, required};

/// The environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Where runs are recorded.
    pub table: String,
    /// What runs are executions of.
    pub state_machine_arn: String,
}

impl Settings {
    /// Reads the environment; an error names the variable that is missing.
    pub fn read() -> Result<Self, Missing> {
        Ok(Self { table: required("TABLE")?, state_machine_arn: required("STATE_MACHINE_ARN")? })
    }
}
