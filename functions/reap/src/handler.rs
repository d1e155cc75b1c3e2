//! The event to a call.

use aws_config::SdkConfig;
use dicomperf::aws::executions::Executions;
use dicomperf::aws::hosts::Hosts;
use dicomperf::aws::reap::Reaper;
use dicomperf::aws::records::Records;
use dicomperf::aws::teardown::{Patience, Teardown};
use dicomperf::failure::Failure;
use jiff::Timestamp;
use serde_json::Value;

use crate::settings::Settings;

pub struct Handler {
    reaper: Reaper,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        Self {
            reaper: Reaper {
                teardown: Teardown {
                    hosts: Hosts::new(aws_sdk_ec2::Client::new(config), settings.project),
                    records: Records::new(aws_sdk_dynamodb::Client::new(config), settings.table),
                    patience: Patience::SHORT,
                },
                executions: Executions::new(aws_sdk_sfn::Client::new(config), settings.state_machine_arn),
                lambda: aws_sdk_lambda::Client::new(config),
                summarize_function: settings.summarize_function,
            },
        }
    }

    pub async fn handle(&self, event: Value) -> Result<(), Failure> {
        self.reaper.reap(&event, Timestamp::now()).await
    }
}
