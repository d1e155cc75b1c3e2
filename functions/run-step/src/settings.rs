//! Settings of this function, which the template puts into its environment.

use std::path::{Path, PathBuf};

use dicomperf_aws::clients::signatures::Keys;
use dicomperf_aws::environment::{Missing, optional_variable, required_variable};

/// The function's environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Name of the bucket with the files of runs.
    pub bucket: String,
    /// Name of the table with the records of runs.
    pub table: String,
    /// Name of the stack. Its hosts have it as a tag.
    pub project: String,
    /// ARN of the role that signs URLs.
    pub url_role_arn: String,
    /// KMS keys of the bucket and of a user's own objects.
    pub keys: Keys,
    /// Path of the agent's binary, which is packaged with this function.
    pub agent: PathBuf,
}

impl Settings {
    /// Reads the environment. An error names the variable that is missing.
    pub fn read() -> Result<Self, Missing> {
        let agent = match optional_variable("AGENT_PATH") {
            Some(path) => PathBuf::from(path),
            None => Path::new(&required_variable("LAMBDA_TASK_ROOT")?).join("dicomperf-agent"),
        };
        Ok(Self {
            bucket: required_variable("BUCKET")?,
            table: required_variable("TABLE")?,
            project: required_variable("PROJECT")?,
            url_role_arn: required_variable("URL_ROLE_ARN")?,
            keys: Keys {
                data: optional_variable("DATA_KMS_KEY_ARN"),
                dataset: optional_variable("DATASET_KMS_KEY_ARN"),
            },
            agent,
        })
    }
}
