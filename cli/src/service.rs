//! A deployed stack, and the use cases on it with the caller's own credentials.

use aws_config::SdkConfig;
use dicomperf_aws::clients::artifacts::Artifacts;
use dicomperf_aws::clients::executions::Executions;
use dicomperf_aws::clients::records::Records;
use dicomperf_aws::clients::schedules::ScheduleGroup;
use dicomperf_aws::failure::Failure;
use dicomperf_aws::refusal::Refusal;
use dicomperf_aws::stack::StackResources;
use dicomperf_aws::use_cases::baselines::Baselines;
use dicomperf_aws::use_cases::kept::Kept;
use dicomperf_aws::use_cases::runs::Runs;
use dicomperf_aws::use_cases::schedules::Schedules;

use crate::arguments::{DEFAULT_STACK, StackArguments};
use crate::execution::Execution;

const NO_REGION: &str = "no AWS region is configured; set AWS_REGION, or region in ~/.aws/config";
const NO_CREDENTIALS: &str =
    "no AWS credentials are found; log in, and set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
/// The words of aws-config if no source has credentials (aws-config, meta/credentials/chain.rs).
const NO_CREDENTIALS_OF_SDK: &str = "no credentials found in chain";

/// The stack that a command talks to.
pub struct Service {
    config: SdkConfig,
    name: String,
    resources: StackResources,
}

impl Service {
    /// Finds the stack in the region and account of the AWS configuration.
    ///
    /// # Errors
    /// No region or no credentials are configured, or the stack is not found.
    pub async fn find(arguments: &StackArguments) -> Result<Self, Refusal> {
        let config = dicomperf_aws::clients::configuration().await;
        if config.region().is_none() {
            return Err(Refusal::Conflict(NO_REGION.to_owned()));
        }
        let found = StackResources::find(&aws_sdk_ssm::Client::new(&config), &arguments.stack).await;
        let resources = found.map_err(|failure| match failure {
            Failure::Aws { reason, .. } if reason.contains(NO_CREDENTIALS_OF_SDK) => {
                Refusal::Conflict(NO_CREDENTIALS.to_owned())
            }
            other => other.into(),
        })?;
        Ok(Self { config, name: arguments.stack.clone(), resources })
    }

    /// Returns the runs of the stack.
    pub fn runs(&self) -> Runs {
        Runs { executions: self.executions(), records: self.records(), artifacts: self.artifacts() }
    }

    /// Returns the kept hosts of the stack's runs.
    pub fn kept(&self) -> Kept {
        Kept { executions: self.executions(), records: self.records() }
    }

    /// Returns the named baselines of the stack.
    pub fn baselines(&self) -> Baselines {
        Baselines { records: self.records(), artifacts: self.artifacts() }
    }

    /// Returns the schedules of the stack.
    pub fn schedules(&self) -> Schedules {
        let group = ScheduleGroup {
            client: aws_sdk_scheduler::Client::new(&self.config),
            group: self.resources.schedule_group.clone(),
            state_machine_arn: self.resources.state_machine_arn.clone(),
            role_arn: self.resources.schedule_role_arn.clone(),
            dead_letter_arn: self.resources.schedule_dead_letter_arn.clone(),
        };
        Schedules { group, executions: self.executions() }
    }

    /// Returns the bucket of the stack.
    pub fn artifacts(&self) -> Artifacts {
        Artifacts::new(dicomperf_aws::clients::s3_client(&self.config), self.resources.bucket.clone())
    }

    /// Returns the execution of a run.
    pub fn execution(&self, run_id: &str) -> Execution {
        Execution::new(&self.config, &self.resources.bucket, self.executions().arn(run_id), run_id)
    }

    /// Returns the option that names this stack on the command line, with a space before it; empty for the default one.
    pub fn option(&self) -> String {
        if self.name == DEFAULT_STACK { String::new() } else { format!(" --stack {}", self.name) }
    }

    fn executions(&self) -> Executions {
        Executions::new(aws_sdk_sfn::Client::new(&self.config), self.resources.state_machine_arn.clone())
    }

    fn records(&self) -> Records {
        Records::new(aws_sdk_dynamodb::Client::new(&self.config), self.resources.table.clone())
    }
}
