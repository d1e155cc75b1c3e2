//! Builds the use case from the settings, and passes each event to it.

use aws_config::SdkConfig;
use dicomperf_aws::clients::artifacts::Artifacts;
use dicomperf_aws::clients::clock::Clock;
use dicomperf_aws::clients::commands::Commands;
use dicomperf_aws::clients::hosts::Hosts;
use dicomperf_aws::clients::quotas::Quotas;
use dicomperf_aws::clients::s3_client;
use dicomperf_aws::failure::Failure;
use dicomperf_aws::use_cases::launch::Launch;
use dicomperf_aws::workflow::{Answer, Checks, LaunchAnswer, LaunchEvent, RunOrCheck};

use crate::settings::Settings;

pub struct Handler {
    launch: Launch,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        Self {
            launch: Launch {
                hosts: Hosts::new(aws_sdk_ec2::Client::new(config), settings.project),
                commands: Commands::new(aws_sdk_ssm::Client::new(config)),
                artifacts: Artifacts::new(s3_client(config), settings.bucket),
                placement: settings.placement,
                instance_profile: settings.instance_profile,
                tags: settings.tags,
                volume_key: settings.volume_key,
                first_boot: settings.first_boot,
                ready_timeout: settings.ready_timeout,
                quotas: Quotas::new(aws_sdk_servicequotas::Client::new(config)),
                clock: Clock::System,
            },
        }
    }

    pub async fn handle(&self, event: RunOrCheck<LaunchEvent>) -> Result<Answer<LaunchAnswer>, Failure> {
        match event {
            RunOrCheck::Check(event) => Ok(Answer::Checks(Checks { checks: self.launch.dry_run(&event).await })),
            RunOrCheck::Run(event) => self.launch.look(&event).await.map(Answer::Run),
        }
    }
}
