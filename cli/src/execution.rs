//! An execution of the state machine, and the files of its run.

use anyhow::Context as _;
use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::Plan;
use dicomperf_model::run_id;
use dicomperf_model::step::{StepId, StepReport};
use jiff::Timestamp;
use rand::rngs::StdRng;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::stack::Stack;

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
}

impl Execution {
    /// Starts a run of a request on the stack of this name, and prints its id.
    pub async fn begin(stack: &str, name: &str, request: &Value) -> anyhow::Result<Self> {
        let config = dicomperf_aws::clients::configuration().await;
        let stack = Stack::find(&config, stack).await?;
        let run_id = run_id::new(Timestamp::now(), name, &mut rand::make_rng::<StdRng>());
        let execution = Self::start(&config, &stack, run_id, request).await?;
        eprintln!("run {}", execution.run_id);
        Ok(execution)
    }

    async fn start(
        config: &aws_config::SdkConfig,
        stack: &Stack,
        run_id: String,
        request: &Value,
    ) -> anyhow::Result<Self> {
        let states = aws_sdk_sfn::Client::new(config);
        let started = states
            .start_execution()
            .state_machine_arn(&stack.state_machine_arn)
            .name(&run_id)
            .input(request.to_string())
            .send()
            .await
            .map_err(aws_sdk_sfn::Error::from)
            .with_context(|| format!("{} cannot be started", stack.state_machine_arn))?;
        Ok(Self {
            states,
            files: dicomperf_aws::clients::s3_client(config),
            bucket: stack.bucket.clone(),
            arn: started.execution_arn,
            run_id,
        })
    }

    /// Returns the status of the execution.
    pub async fn describe(&self) -> anyhow::Result<Description> {
        let answer =
            self.states.describe_execution().execution_arn(&self.arn).send().await.map_err(aws_sdk_sfn::Error::from)?;
        Ok(Description { status: answer.status, error: answer.error, cause: answer.cause, output: answer.output })
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
    pub async fn current_state(&self) -> anyhow::Result<String> {
        let answer = self
            .states
            .get_execution_history()
            .execution_arn(&self.arn)
            .reverse_order(true)
            .max_results(20)
            .send()
            .await
            .map_err(aws_sdk_sfn::Error::from)?;
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
    pub async fn report(&self, extension: &str) -> Option<Vec<u8>> {
        self.read_bytes(&RunKeys(&self.run_id).report(extension)).await
    }

    /// Returns the S3 location of the run's files.
    pub fn location(&self) -> String {
        format!("s3://{}/{}", self.bucket, RunKeys(&self.run_id).prefix())
    }

    async fn read_json<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_slice(&self.read_bytes(key).await?).ok()
    }

    async fn read_bytes(&self, key: &str) -> Option<Vec<u8>> {
        let object = self.files.get_object().bucket(&self.bucket).key(key).send().await.ok()?;
        Some(object.body.collect().await.ok()?.to_vec())
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
