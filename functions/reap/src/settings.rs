//! Settings of this function, which the template puts into its environment.

use dicomperf_aws::environment::{Missing, required_variable};

/// The function's environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Name of the stack. Its hosts have it as a tag.
    pub project: String,
    /// Name of the table with the records of runs.
    pub table: String,
    /// ARN of the state machine. Each run is one execution of it.
    pub state_machine_arn: String,
    /// Name of the function that summarizes a run.
    pub summarize_function: String,
    /// Name of the function that publishes a run.
    pub publish_function: String,
}

impl Settings {
    /// Reads the environment. An error names the variable that is missing.
    pub fn read() -> Result<Self, Missing> {
        Ok(Self {
            project: required_variable("PROJECT")?,
            table: required_variable("TABLE")?,
            state_machine_arn: required_variable("STATE_MACHINE_ARN")?,
            summarize_function: required_variable("SUMMARIZE_FUNCTION")?,
            publish_function: required_variable("PUBLISH_FUNCTION")?,
        })
    }
}
