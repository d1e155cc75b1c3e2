//! Settings of this function, which the template puts into its environment.

use dicomperf_aws::environment::{Missing, required_variable};

/// The function's environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Name of the bucket with the files of runs.
    pub bucket: String,
    /// Name of the table with the records of runs.
    pub table: String,
    /// AMI of the hosts: an id or the path of an SSM parameter.
    pub ami: String,
}

impl Settings {
    /// Reads the environment. An error names the variable that is missing.
    pub fn read() -> Result<Self, Missing> {
        Ok(Self {
            bucket: required_variable("BUCKET")?,
            table: required_variable("TABLE")?,
            ami: required_variable("AMI")?,
        })
    }
}
