//! Settings of this function, which the template puts into its environment.

use dicomperf_aws::environment::{Missing, optional_variable, required_variable};

/// The function's environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Name of the table with the records of runs.
    pub table: String,
    /// Bucket with the files of runs.
    pub bucket: String,
    /// ARN of the state machine. Each run is one execution of it.
    pub state_machine_arn: String,
    /// Name of the stack's group of schedules.
    pub schedule_group: String,
    /// ARN of the role with which a schedule starts a run.
    pub schedule_role_arn: String,
    /// ARN of the queue for events that started no run.
    pub schedule_dead_letter_arn: Option<String>,
}

impl Settings {
    /// Reads the environment. An error names the variable that is missing.
    pub fn read() -> Result<Self, Missing> {
        Ok(Self {
            table: required_variable("TABLE")?,
            bucket: required_variable("BUCKET")?,
            state_machine_arn: required_variable("STATE_MACHINE_ARN")?,
            schedule_group: required_variable("SCHEDULE_GROUP")?,
            schedule_role_arn: required_variable("SCHEDULE_ROLE_ARN")?,
            schedule_dead_letter_arn: optional_variable("SCHEDULE_DLQ_ARN"),
        })
    }
}
