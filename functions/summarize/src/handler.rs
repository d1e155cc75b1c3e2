//! Builds the use case from the settings, and passes each event to it.

use aws_config::SdkConfig;
use dicomperf_aws::clients::artifacts::Artifacts;
use dicomperf_aws::clients::records::Records;
use dicomperf_aws::clients::s3_client;
use dicomperf_aws::failure::Failure;
use dicomperf_aws::use_cases::summarize::Summarizer;
use dicomperf_aws::workflow::{SummarizeAnswer, SummarizeEvent};
use jiff::Timestamp;

use crate::settings::Settings;

pub struct Handler {
    summarizer: Summarizer,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        Self {
            summarizer: Summarizer {
                artifacts: Artifacts::new(s3_client(config), settings.bucket),
                records: Records::new(aws_sdk_dynamodb::Client::new(config), settings.table),
            },
        }
    }

    pub async fn handle(&self, event: SummarizeEvent) -> Result<SummarizeAnswer, Failure> {
        self.summarizer.summarize(event, Timestamp::now()).await
    }
}
