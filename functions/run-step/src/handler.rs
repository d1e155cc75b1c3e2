//! Builds the use case from the settings, and passes each event to it.

use aws_config::SdkConfig;
use dicomperf_aws::clients::agent::Agent;
use dicomperf_aws::clients::artifacts::Artifacts;
use dicomperf_aws::clients::clock::Clock;
use dicomperf_aws::clients::commands::Commands;
use dicomperf_aws::clients::hosts::Hosts;
use dicomperf_aws::clients::parameters::Parameters;
use dicomperf_aws::clients::records::Records;
use dicomperf_aws::clients::signatures::Signatures;
use dicomperf_aws::clients::{s3_client, s3_configuration};
use dicomperf_aws::failure::Failure;
use dicomperf_aws::use_cases::run_step::StepRunner;
use dicomperf_aws::workflow::{Answer, Checks, RunOrCheck, StepAnswer, StepEvent};

use crate::settings::Settings;

pub struct Handler {
    runner: StepRunner,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        let sts = aws_sdk_sts::Client::new(config);
        let ssm = aws_sdk_ssm::Client::new(config);
        let bucket = settings.bucket;
        Self {
            runner: StepRunner {
                signatures: Signatures::new(sts, settings.url_role_arn, s3_configuration(config), bucket.clone())
                    .with_keys(settings.keys),
                artifacts: Artifacts::new(s3_client(config), bucket),
                commands: Commands::new(ssm.clone()),
                parameters: Parameters::new(ssm),
                hosts: Hosts::new(aws_sdk_ec2::Client::new(config), settings.project),
                records: Records::new(aws_sdk_dynamodb::Client::new(config), settings.table),
                agent: Agent::new(settings.agent),
                clock: Clock::System,
            },
        }
    }

    pub async fn handle(&self, event: RunOrCheck<StepEvent>) -> Result<Answer<StepAnswer>, Failure> {
        match event {
            RunOrCheck::Check(event) => Ok(Answer::Checks(Checks { checks: self.runner.dry_run(&event).await })),
            RunOrCheck::Run(event) => self.runner.look(&event).await.map(Answer::Run),
        }
    }
}
