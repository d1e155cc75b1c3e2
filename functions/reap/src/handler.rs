//! Builds the use case from the settings, and passes each event to it.

use aws_config::SdkConfig;
use dicomperf_aws::clients::executions::Executions;
use dicomperf_aws::clients::hosts::Hosts;
use dicomperf_aws::clients::records::Records;
use dicomperf_aws::failure::Failure;
use dicomperf_aws::use_cases::reap::Reaper;
use dicomperf_aws::use_cases::teardown::{Polling, Teardown};
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
                    polling: Polling::SHORT,
                },
                executions: Executions::new(aws_sdk_sfn::Client::new(config), settings.state_machine_arn),
                lambda: aws_sdk_lambda::Client::new(config),
                summarize_function: settings.summarize_function,
                publish_function: settings.publish_function,
            },
        }
    }

    pub async fn handle(&self, event: Value) -> Result<(), Failure> {
        self.reaper.reap(&event, Timestamp::now()).await
    }
}
