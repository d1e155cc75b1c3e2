//! Builds the use case from the settings, and passes each event to it.

use aws_config::SdkConfig;
use dicomperf_aws::clients::artifacts::Artifacts;
use dicomperf_aws::clients::events::Events;
use dicomperf_aws::clients::records::Records;
use dicomperf_aws::clients::s3_client;
use dicomperf_aws::failure::Failure;
use dicomperf_aws::use_cases::history::PageSettings;
use dicomperf_aws::use_cases::publish::Publisher;
use jiff::Timestamp;
use serde_json::Value;

use crate::settings::Settings;

pub struct Handler {
    publisher: Publisher,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        Self {
            publisher: Publisher {
                stack: settings.stack,
                records: Records::new(aws_sdk_dynamodb::Client::new(config), settings.table),
                artifacts: Artifacts::new(s3_client(config), settings.bucket),
                events: Events::new(aws_sdk_eventbridge::Client::new(config)),
                api_url: settings.api_url,
                page: PageSettings {
                    region: Some(settings.region),
                    retention_days: settings.retention_days,
                    ..PageSettings::default()
                },
            },
        }
    }

    pub async fn handle(&self, event: Value) -> Result<(), Failure> {
        self.publisher.publish(event, Timestamp::now(), &mut std::io::stdout()).await
    }
}
