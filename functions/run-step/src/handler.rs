//! The event to a call, the answer to JSON.

use aws_config::SdkConfig;
use dicomperf::aws::agent::Agent;
use dicomperf::aws::artifacts::Artifacts;
use dicomperf::aws::clock::Clock;
use dicomperf::aws::commands::Commands;
use dicomperf::aws::hosts::Hosts;
use dicomperf::aws::records::Records;
use dicomperf::aws::run_step::StepRunner;
use dicomperf::aws::signatures::Signatures;
use dicomperf::aws::{s3_client, s3_configuration};
use dicomperf::failure::Failure;
use dicomperf::workflow::{StepAnswer, StepEvent};

use crate::settings::Settings;

pub struct Handler {
    runner: StepRunner,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        let sts = aws_sdk_sts::Client::new(config);
        let bucket = settings.bucket;
        Self {
            runner: StepRunner {
                signatures: Signatures::new(sts, settings.url_role_arn, s3_configuration(config), bucket.clone()),
                artifacts: Artifacts::new(s3_client(config), bucket),
                commands: Commands::new(aws_sdk_ssm::Client::new(config)),
                hosts: Hosts::new(aws_sdk_ec2::Client::new(config), settings.project),
                records: Records::new(aws_sdk_dynamodb::Client::new(config), settings.table),
                agent: Agent::new(settings.agent),
                clock: Clock::System,
            },
        }
    }

    pub async fn handle(&self, event: StepEvent) -> Result<StepAnswer, Failure> {
        self.runner.look(&event).await
    }
}
