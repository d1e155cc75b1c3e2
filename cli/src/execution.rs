//! An execution of the state machine, and the files of its run.

use aws_config::SdkConfig;
use aws_sdk_sfn::error::ProvideErrorMetadata as _;
use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::Plan;
use dicomperf_model::step::{StepId, StepReport};
use serde::de::DeserializeOwned;

use crate::connection::CallFailed;

/// An execution that was started.
pub struct Execution {
    states: aws_sdk_sfn::Client,
    files: aws_sdk_s3::Client,
    bucket: String,
    arn: String,
    pub run_id: String,
}

/// Status of an execution, and its error if it failed.
pub struct Description {
    pub status: ExecutionStatus,
    pub error: Option<String>,
    pub cause: Option<String>,
    pub output: Option<String>,
    /// Time of the start, in seconds since 1970.
    pub started_at: i64,
}

impl Execution {
    /// Returns the execution of a run, which may have been started anywhere.
    pub fn new(config: &SdkConfig, bucket: &str, arn: String, run_id: &str) -> Self {
        Self {
            states: aws_sdk_sfn::Client::new(config),
            files: dicomperf_aws::clients::s3_client(config),
            bucket: bucket.to_owned(),
            arn,
            run_id: run_id.to_owned(),
        }
    }

    /// Returns the status of the execution.
    pub async fn describe(&self) -> Result<Description, CallFailed> {
        let answer = self.states.describe_execution().execution_arn(&self.arn).send().await?;
        Ok(Description {
            status: answer.status,
            error: answer.error,
            cause: answer.cause,
            output: answer.output,
            started_at: answer.start_date.secs(),
        })
    }

    /// Returns the step that was started last. Its document is written just before its command is sent.
    pub async fn latest_step(&self) -> Option<StepId> {
        let prefix = RunKeys(&self.run_id).step_documents();
        let answer = self.files.list_objects_v2().bucket(&self.bucket).prefix(&prefix).send().await.ok()?;
        let documents = answer.contents().iter().filter_map(|object| {
            let name = object.key()?.strip_prefix(&prefix)?.strip_suffix(".json")?;
            Some((object.last_modified().copied(), name.parse::<StepId>().ok()?))
        });
        documents.max_by_key(|(written, step)| (*written, place_in_run(step))).map(|(_, step)| step)
    }

    /// Returns the state that the execution entered last, outside of its Map. Inside, the steps show the progress.
    pub async fn current_state(&self) -> Result<String, CallFailed> {
        let answer = self
            .states
            .get_execution_history()
            .execution_arn(&self.arn)
            .reverse_order(true)
            .max_results(20)
            .send()
            .await?;
        let entered = answer.events.iter().find_map(|event| event.state_entered_event_details());
        Ok(entered.map_or_else(|| "Plan".to_owned(), |details| details.name().to_owned()))
    }

    /// Returns the plan, once it exists.
    pub async fn plan(&self) -> Option<Plan> {
        self.read_json(&RunKeys(&self.run_id).plan()).await
    }

    /// Returns the agent's last report of a step.
    pub async fn report_of(&self, step: &StepId) -> Option<StepReport> {
        let report: StepReport = self.read_json(&RunKeys(&self.run_id).step_report(step)).await?;
        (report.step == *step).then_some(report)
    }

    /// Returns the run's report with this file extension, if it was written.
    pub async fn report(&self, extension: &str) -> Result<Option<Vec<u8>>, CallFailed> {
        self.read_bytes(&RunKeys(&self.run_id).report(extension)).await
    }

    /// Returns the S3 location of the run's files.
    pub fn location(&self) -> String {
        format!("s3://{}/{}", self.bucket, RunKeys(&self.run_id).prefix())
    }

    /// Reads a file that only shows progress: without it, or without an answer, less is shown.
    async fn read_json<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_slice(&self.read_bytes(key).await.ok()??).ok()
    }

    async fn read_bytes(&self, key: &str) -> Result<Option<Vec<u8>>, CallFailed> {
        match self.files.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => Ok(Some(object.body.collect().await.map_err(CallFailed::broken_off)?.to_vec())),
            // Without the right to list the bucket, S3 reports a missing key as AccessDenied.
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "AccessDenied")) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns a step's place in a run, which orders steps that were started in the same second.
fn place_in_run(step: &StepId) -> (u32, u32, u32) {
    match step {
        StepId::ConfigureClient => (0, 0, 0),
        StepId::ConfigureServer { ordinal } => (1, *ordinal, 0),
        StepId::Measure { ordinal, part } => (1, *ordinal, part + 1),
        StepId::Collect => (2, 0, 0),
        StepId::Clear { host } => (3, *host as u32, 0),
    }
}
