//! The event to a call, the answer to JSON.

use aws_config::SdkConfig;
use dicomperf::aws::hosts::Hosts;
use dicomperf::aws::records::Records;
use dicomperf::aws::teardown::{Patience, Teardown};
use dicomperf::failure::Failure;
use dicomperf::workflow::{TeardownAnswer, TeardownEvent};

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
                patience: Patience::LONG,
            },
        }
    }

    pub async fn handle(&self, event: TeardownEvent) -> Result<TeardownAnswer, Failure> {
        self.teardown.run(&event.run_id).await
    }
}
