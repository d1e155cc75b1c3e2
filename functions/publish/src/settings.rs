//! Settings of this function, which the template puts into its environment.

use dicomperf_aws::environment::{Missing, optional_variable, required_variable};

/// The function's environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Name of the stack.
    pub stack: String,
    /// The region, which Lambda sets.
    pub region: String,
    /// Name of the bucket with the reports.
    pub bucket: String,
    /// Name of the table with the records of runs.
    pub table: String,
    /// URL of the HTTP API, if the stack has one.
    pub api_url: Option<String>,
    /// Days after which the bucket deletes a run's files. `None` if it keeps them.
    pub retention_days: Option<u32>,
}

impl Settings {
    /// Reads the environment. An error names the variable that is missing.
    pub fn read() -> Result<Self, Missing> {
        let days = optional_variable("RETENTION_DAYS").and_then(|days| days.parse().ok());
        Ok(Self {
            stack: required_variable("PROJECT")?,
            region: required_variable("AWS_REGION")?,
            bucket: required_variable("BUCKET")?,
            table: required_variable("TABLE")?,
            api_url: optional_variable("API_URL"),
            retention_days: days.filter(|days| *days > 0),
        })
    }
}
