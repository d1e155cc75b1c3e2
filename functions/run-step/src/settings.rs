//! What the template tells this function.

use std::path::{Path, PathBuf};

use dicomperf::aws::environment::{Missing, optional, required};

/// The environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Where runs keep their files.
    pub bucket: String,
    /// Where runs are recorded.
    pub table: String,
    /// The stack's name, which its hosts are tagged with.
    pub project: String,
    /// The role that URLs are signed with.
    pub url_role_arn: String,
    /// The agent's binary, which is packaged with this function.
    pub agent: PathBuf,
}

impl Settings {
    /// Reads the environment; an error names the variable that is missing.
    pub fn read() -> Result<Self, Missing> {
        let agent = match optional("AGENT_PATH") {
            Some(path) => PathBuf::from(path),
            None => Path::new(&required("LAMBDA_TASK_ROOT")?).join("dicomperf-agent"),
        };
        Ok(Self {
            bucket: required("BUCKET")?,
            table: required("TABLE")?,
            project: required("PROJECT")?,
            url_role_arn: required("URL_ROLE_ARN")?,
            agent,
        })
    }
}
