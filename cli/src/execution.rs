//! One execution of the state machine, and the files of its run.

use anyhow::Context as _;
use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf::keys::RunKeys;
use dicomperf::plan::Plan;
use dicomperf::step::{StepId, StepReport};
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

/// How an execution stands.
pub struct Standing {
    pub status: ExecutionStatus,
    pub error: Option<String>,
    pub cause: Option<String>,
}

impl Execution {
    /// Starts one.
    pub async fn start(
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
            files: dicomperf::aws::s3_client(config),
            bucket: stack.bucket.clone(),
            arn: started.execution_arn,
            run_id,
        })
    }

    /// How it stands.
    pub async fn standing(&self) -> anyhow::Result<Standing> {
        let answer =
            self.states.describe_execution().execution_arn(&self.arn).send().await.map_err(aws_sdk_sfn::Error::from)?;
        Ok(Standing { status: answer.status, error: answer.error, cause: answer.cause })
    }

    /// The step that was started last. Its document is written just before its command is sent.
    pub async fn step(&self) -> Option<StepId> {
        let prefix = RunKeys(&self.run_id).steps();
        let answer = self.files.list_objects_v2().bucket(&self.bucket).prefix(&prefix).send().await.ok()?;
        let documents = answer.contents().iter().filter_map(|object| {
            let name = object.key()?.strip_prefix(&prefix)?.strip_suffix(".json")?;
            Some((object.last_modified().copied(), name.parse::<StepId>().ok()?))
        });
        documents.max_by_key(|(written, step)| (*written, place(step))).map(|(_, step)| step)
    }

    /// The state that the execution entered last, outside of its Map: what goes on inside, the steps tell.
    pub async fn state(&self) -> anyhow::Result<String> {
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

    /// The plan, once there is one.
    pub async fn plan(&self) -> Option<Plan> {
        self.json(&RunKeys(&self.run_id).plan()).await
    }

    /// What the agent last said of a step.
    pub async fn report_of(&self, step: &StepId) -> Option<StepReport> {
        let report: StepReport = self.json(&RunKeys(&self.run_id).step_report(step)).await?;
        (report.step == *step).then_some(report)
    }

    /// The report, in the form of this extension, if the run came so far.
    pub async fn report(&self, extension: &str) -> Option<Vec<u8>> {
        self.bytes(&RunKeys(&self.run_id).report(extension)).await
    }

    /// Where the run's files are.
    pub fn location(&self) -> String {
        format!("s3://{}/{}", self.bucket, RunKeys(&self.run_id).prefix())
    }

    async fn json<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_slice(&self.bytes(key).await?).ok()
    }

    async fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        let object = self.files.get_object().bucket(&self.bucket).key(key).send().await.ok()?;
        Some(object.body.collect().await.ok()?.to_vec())
    }
}

/// Of two steps that were started in the same second, the later one.
fn place(step: &StepId) -> (u32, u32, u32) {
    match step {
        StepId::ConfigureClient => (0, 0, 0),
        StepId::ConfigureServer { ordinal } => (1, *ordinal, 0),
        StepId::Measure { ordinal, part } => (1, *ordinal, part + 1),
        StepId::Collect => (2, 0, 0),
    }
}
