//! Events on EventBridge's default bus.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde::Serialize;

use super::aws_failure;
use crate::failure::Failure;
use dicomperf_model::telling::SOURCE;

/// The default event bus of the account.
#[derive(Debug, Clone)]
pub struct Events {
    client: Client,
}

impl Events {
    /// Returns the default event bus.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Puts an event. `resource` is the ARN or the id of what it is about.
    ///
    /// # Errors
    /// EventBridge refuses it. It reports a refused entry in an answer that is no error.
    pub async fn put(&self, detail_type: &str, resource: &str, detail: &impl Serialize) -> Result<(), Failure> {
        let doing = format!("putting the event {detail_type:?} of {resource}");
        let failure = |reason: String| Failure::Aws { doing: doing.clone(), reason };
        let detail = serde_json::to_string(detail).map_err(|error| failure(error.to_string()))?;
        let entry = PutEventsRequestEntry::builder()
            .source(SOURCE)
            .detail_type(detail_type)
            .resources(resource)
            .detail(detail)
            .build();
        let answer = self.client.put_events().entries(entry).send().await.map_err(aws_failure(&doing))?;
        match answer.entries().iter().find(|entry| entry.error_code().is_some()) {
            Some(refused) => {
                let (code, message) = (refused.error_code(), refused.error_message());
                Err(failure(format!("{}: {}", code.unwrap_or("refused"), message.unwrap_or("without a reason"))))
            }
            None if answer.failed_entry_count() > 0 => Err(failure("refused without a reason".to_owned())),
            None => Ok(()),
        }
    }
}
