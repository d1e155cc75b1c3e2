//! Builds the use case from the settings, and passes each event to it.

use aws_config::SdkConfig;
use dicomperf_aws::clients::artifacts::Artifacts;
use dicomperf_aws::clients::records::Records;
use dicomperf_aws::clients::s3_client;
use dicomperf_aws::failure::Failure;
use dicomperf_aws::use_cases::plan::Planner;
use dicomperf_aws::workflow::{PlanAnswer, PlanEvent};
use jiff::Timestamp;
use rand::rngs::StdRng;

use crate::settings::Settings;

pub struct Handler {
    planner: Planner,
}

impl Handler {
    pub fn new(config: &SdkConfig, settings: Settings) -> Self {
        let s3 = s3_client(config);
        Self {
            planner: Planner {
                artifacts: Artifacts::new(s3.clone(), settings.bucket),
                records: Records::new(aws_sdk_dynamodb::Client::new(config), settings.table),
                s3,
                ssm: aws_sdk_ssm::Client::new(config),
                ami: settings.ami,
                limits: settings.limits,
            },
        }
    }

    pub async fn handle(&self, event: PlanEvent) -> Result<PlanAnswer, Failure> {
        self.planner.plan(event, Timestamp::now(), &mut rand::make_rng::<StdRng>()).await
    }
}
