//! Settings of this function, which the template puts into its environment.

use dicomperf_aws::environment::{Missing, required_variable};

/// The function's environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Name of the table with the records of runs.
    pub table: String,
    /// Bucket with the files of runs.
    pub bucket: String,
    /// ARN of the state machine. Each run is one execution of it.
    pub state_machine_arn: String,
}

impl Settings {
    /// Reads the environment. An error names the variable that is missing.
    pub fn read() -> Result<Self, Missing> {
        Ok(Self {
            table: required_variable("TABLE")?,
            bucket: required_variable("BUCKET")?,
            state_machine_arn: required_variable("STATE_MACHINE_ARN")?,
        })
    }
}
