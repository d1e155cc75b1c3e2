//! Builds the use case from the settings, and passes each event to it.

use aws_config::SdkConfig;
use dicomperf_aws::clients::hosts::Hosts;
use dicomperf_aws::clients::records::Records;
use dicomperf_aws::failure::Failure;
use dicomperf_aws::use_cases::teardown::{Polling, Teardown};
use dicomperf_aws::workflow::{Answer, Checks, RunOrCheck, TeardownAnswer, TeardownEvent};

use crate::settings::Settings;

pub struct Handler {
    teardown: Teardown,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        Self {
            teardown: Teardown {
                hosts: Hosts::new(aws_sdk_ec2::Client::new(config), settings.project),
                records: Records::new(aws_sdk_dynamodb::Client::new(config), settings.table),
                polling: Polling::LONG,
            },
        }
    }

    pub async fn handle(&self, event: RunOrCheck<TeardownEvent>) -> Result<Answer<TeardownAnswer>, Failure> {
        match event {
            RunOrCheck::Check(event) => Ok(Answer::Checks(Checks { checks: self.teardown.dry_run(&event).await })),
            RunOrCheck::Run(event) => self.teardown.run(&event.run_id).await.map(Answer::Run),
        }
    }
}
