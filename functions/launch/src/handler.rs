//! The event to a call, the answer to JSON.

use aws_config::SdkConfig;
use dicomperf::aws::artifacts::Artifacts;
use dicomperf::aws::clock::Clock;
use dicomperf::aws::commands::Commands;
use dicomperf::aws::hosts::Hosts;
use dicomperf::aws::launch::Launch;
use dicomperf::aws::s3_client;
use dicomperf::failure::Failure;
use dicomperf::workflow::{LaunchAnswer, LaunchEvent};

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
                patience: settings.patience,
                clock: Clock::System,
            },
        }
    }

    pub async fn handle(&self, event: LaunchEvent) -> Result<LaunchAnswer, Failure> {
        self.launch.look(&event).await
    }
}
