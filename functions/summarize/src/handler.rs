//! The event to a call, the answer to JSON.

use aws_config::SdkConfig;
use dicomperf::aws::artifacts::Artifacts;
use dicomperf::aws::records::Records;
use dicomperf::aws::s3_client;
use dicomperf::aws::summarize::Summarizer;
use dicomperf::failure::Failure;
use dicomperf::workflow::{SummarizeAnswer, SummarizeEvent};
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
