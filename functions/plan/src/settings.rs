//! Settings of this function, which the template puts into its environment.

use dicomperf_aws::environment::{optional_variable, required_variable};
use dicomperf_aws::use_cases::plan::StackLimits;
use lambda_runtime::Error;

/// The function's environment, read once.
#[derive(Debug)]
pub struct Settings {
    /// Name of the bucket with the files of runs.
    pub bucket: String,
    /// Name of the table with the records of runs.
    pub table: String,
    /// AMI of the hosts: an id or the path of an SSM parameter.
    pub ami: String,
    /// Limits of the stack.
    pub limits: StackLimits,
}

impl Settings {
    /// Reads the environment. An error names the variable that is missing or wrong.
    pub fn read() -> Result<Self, Error> {
        Ok(Self {
            bucket: required_variable("BUCKET")?,
            table: required_variable("TABLE")?,
            ami: required_variable("AMI")?,
            limits: limits()?,
        })
    }
}

fn limits() -> Result<StackLimits, Error> {
    let max_cost_usd = optional_variable("MAX_COST_USD").map(|number| number.parse()).transpose();
    let max_concurrent_runs = optional_variable("MAX_CONCURRENT_RUNS").map(|number| number.parse()).transpose();
    let types = optional_variable("ALLOWED_INSTANCE_TYPES").unwrap_or_default();
    Ok(StackLimits {
        max_cost_usd: max_cost_usd.map_err(|error| format!("MAX_COST_USD (parameter MaxCostUsd): {error}"))?,
        max_concurrent_runs: max_concurrent_runs
            .map_err(|error| format!("MAX_CONCURRENT_RUNS (parameter MaxConcurrentRuns): {error}"))?
            .filter(|limit| *limit > 0),
        instance_types: types.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        dataset_bucket: optional_variable("DATASET_BUCKET"),
        dataset_prefix: optional_variable("DATASET_PREFIX"),
        tags: optional_variable("TAGS"),
        allowed_servers: optional_variable("ALLOWED_SERVERS").unwrap_or_default(),
    })
}
