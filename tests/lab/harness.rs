//! The lab for tests: starts runs, waits for them and reads their results.

use std::collections::HashMap;
use std::env;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ec2::types::Filter;
use aws_sdk_sfn::types::ExecutionStatus;
use dicomperf_aws::workflow::{LaunchedHost, LaunchedHosts};
use dicomperf_model::keys::RunKeys;
use dicomperf_model::results::RunError;
use dicomperf_model::step::{StepId, StepReport};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::sleep;

/// Longer than any run of these tests.
const MAX_WAIT: Duration = Duration::from_secs(900);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The deployed stack.
pub struct Lab {
    pub states: aws_sdk_sfn::Client,
    pub files: aws_sdk_s3::Client,
    pub functions: aws_sdk_lambda::Client,
    pub table: aws_sdk_dynamodb::Client,
    pub ec2: aws_sdk_ec2::Client,
    pub state_machine: String,
    pub bucket: String,
    pub table_name: String,
}

/// A run that was started.
pub struct Run<'a> {
    lab: &'a Lab,
    pub id: String,
    pub arn: String,
}

/// A run that is over.
pub struct Finished {
    pub id: String,
    pub arn: String,
    pub status: ExecutionStatus,
    /// Error of the execution, if it failed.
    pub error: Option<RunError>,
    /// report.json, if it was written.
    pub report: Option<Value>,
}

/// Returns a setting of the lab, from target/lab/env.
pub fn setting(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: `make test`, or source target/lab/env"))
}

/// Returns the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Changes a request to hosts that have Orthanc and DCMTK, and cannot reach a mirror to install them from.
pub fn with_packages(mut request: Value) -> Value {
    for host in ["server", "client"] {
        request[host]["ami"] = setting("DICOMPERF_LAB_AMI_WITH_PACKAGES").into();
    }
    request
}

/// Looks twice a second until there is an answer, and returns it. Fails after 15 minutes with what did not happen.
pub async fn eventually<T>(missing: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < MAX_WAIT, "{missing}");
        sleep(POLL_INTERVAL).await;
    }
}

/// Runs a program of this machine.
pub fn command(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

/// Runs a program that must succeed, and returns its output.
pub fn printed(program: &str, arguments: &[&str]) -> String {
    let output = command(program, arguments);
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Lab {
    pub async fn new() -> Self {
        let config = dicomperf_aws::clients::configuration().await;
        Self {
            states: aws_sdk_sfn::Client::new(&config),
            files: dicomperf_aws::clients::s3_client(&config),
            functions: aws_sdk_lambda::Client::new(&config),
            table: aws_sdk_dynamodb::Client::new(&config),
            ec2: aws_sdk_ec2::Client::new(&config),
            state_machine: setting("DICOMPERF_STACK_STATE_MACHINE_ARN"),
            bucket: setting("DICOMPERF_STACK_BUCKET_NAME"),
            table_name: setting("DICOMPERF_STACK_TABLE_NAME"),
        }
    }

    /// Returns a name that no other test's run has.
    pub fn new_id(&self, name: &str) -> String {
        format!("{name}-{}", Timestamp::now().as_nanosecond())
    }

    /// Starts a run with this input.
    pub async fn start(&self, name: &str, input: Value) -> Run<'_> {
        self.start_on(&self.state_machine, name, input).await
    }

    /// Starts a run on another state machine.
    pub async fn start_on(&self, state_machine: &str, name: &str, input: Value) -> Run<'_> {
        let id = self.new_id(name);
        let started = self
            .states
            .start_execution()
            .state_machine_arn(state_machine)
            .name(&id)
            .input(input.to_string())
            .send()
            .await
            .unwrap();
        Run { lab: self, id, arn: started.execution_arn }
    }

    /// Starts an execution of this name that does nothing, so that `reap` treats a run made by hand as running.
    pub async fn running_execution(&self, id: &str) -> String {
        let real = self.states.describe_state_machine().state_machine_arn(&self.state_machine).send().await.unwrap();
        let definition =
            r#"{ "StartAt": "Wait", "States": { "Wait": { "Type": "Wait", "Seconds": 900, "End": true } } }"#;
        let machine = self.states.create_state_machine().name(format!("waiting-{id}")).definition(definition);
        let machine = machine.role_arn(&real.role_arn).send().await.unwrap();
        let started = self.states.start_execution().state_machine_arn(machine.state_machine_arn).name(id).send().await;
        started.unwrap().execution_arn
    }

    /// Returns a run that another program started.
    pub fn started(&self, id: &str, arn: &str) -> Run<'_> {
        Run { lab: self, id: id.to_owned(), arn: arn.to_owned() }
    }

    /// Returns the instance ids of a run's hosts that are not terminated.
    pub async fn hosts_of(&self, run_id: &str) -> Vec<String> {
        let answer = self
            .ec2
            .describe_instances()
            .filters(Filter::builder().name("tag:dicomperf:run").values(run_id).build())
            .send()
            .await
            .unwrap();
        answer
            .reservations()
            .iter()
            .flat_map(|reservation| reservation.instances())
            .filter(|host| host.state().and_then(|state| state.name()).is_none_or(|name| name.as_str() != "terminated"))
            .filter_map(|host| host.instance_id().map(str::to_owned))
            .collect()
    }

    /// Returns a file of the bucket.
    pub async fn file(&self, key: &str) -> Option<Vec<u8>> {
        let object = self.files.get_object().bucket(&self.bucket).key(key).send().await.ok()?;
        Some(object.body.collect().await.ok()?.to_vec())
    }

    /// Returns a file of the bucket as JSON.
    pub async fn json<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        Some(serde_json::from_slice(&self.file(key).await?).unwrap())
    }

    /// Copies a run's report.html to the folder of the browser tests, and returns its size in bytes.
    pub async fn keep_page(&self, run_id: &str, name: &str) -> usize {
        let page = self.file(&RunKeys(run_id).report("html")).await.unwrap();
        let reports = root().join("target/reports");
        std::fs::create_dir_all(&reports).unwrap();
        std::fs::write(reports.join(name).with_extension("html"), &page).unwrap();
        page.len()
    }

    /// Returns the keys of a run's files, without their common prefix.
    pub async fn keys(&self, run_id: &str) -> Vec<String> {
        let prefix = RunKeys(run_id).prefix();
        let answer = self.files.list_objects_v2().bucket(&self.bucket).prefix(&prefix).send().await.unwrap();
        answer.contents().iter().map(|object| object.key().unwrap().trim_start_matches(&prefix).to_owned()).collect()
    }

    /// Returns a run's items with their sort keys.
    pub async fn items(&self, run_id: &str) -> Vec<(String, HashMap<String, AttributeValue>)> {
        let answer = self
            .table
            .query()
            .table_name(&self.table_name)
            .key_condition_expression("PK = :run")
            .expression_attribute_values(":run", AttributeValue::S(format!("RUN#{run_id}")))
            .consistent_read(true)
            .send()
            .await
            .unwrap();
        answer.items().iter().map(|item| (item["SK"].as_s().unwrap().clone(), item.clone())).collect()
    }

    /// Waits until a run's record meets a condition. It may change after the end of the execution.
    pub async fn recorded(&self, run_id: &str, what: &str, is_met: impl Fn(&HashMap<String, AttributeValue>) -> bool) {
        eventually(&format!("{run_id} never {what}"), async || {
            self.items(run_id).await.iter().any(|(key, item)| key == "META" && is_met(item)).then_some(())
        })
        .await;
    }

    /// Calls a function of the stack, and returns its output or its error.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value, RunError> {
        let resource = aws_sdk_lambda::primitives::Blob::new(event.to_string());
        let name = self.function_name(function).await;
        let answer = self.functions.invoke().function_name(name).payload(resource).send().await.unwrap();
        let payload: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
        if answer.function_error().is_some() {
            let text = |field: &str| payload[field].as_str().unwrap_or_default().to_owned();
            return Err(RunError { error: text("errorType"), cause: text("errorMessage") });
        }
        Ok(payload)
    }

    /// Returns the deployed name of a function, from its logical id.
    async fn function_name(&self, logical_id: &str) -> String {
        let mut pages = self.functions.list_functions().into_paginator().items().send();
        while let Some(function) = pages.next().await {
            let name = function.unwrap().function_name().unwrap_or_default().to_owned();
            if name.starts_with(&format!("dicomperf-{logical_id}")) {
                return name;
            }
        }
        panic!("{logical_id} is not deployed");
    }
}

impl Run<'_> {
    /// Waits for the end of the run.
    pub async fn finish(self) -> Finished {
        let answer = eventually(&format!("{} is still running", self.id), async || {
            let answer = self.lab.states.describe_execution().execution_arn(&self.arn).send().await.unwrap();
            (answer.status != ExecutionStatus::Running).then_some(answer)
        })
        .await;
        let cause = answer.cause.as_deref().unwrap_or_default();
        let error = answer.error.as_deref().map(|error| RunError::from_states(error, cause));
        let report = self.lab.json(&RunKeys(&self.id).report("json")).await;
        Finished { id: self.id, arn: self.arn, status: answer.status, error, report }
    }

    /// Waits until the agent has reported `least` iterations of a block run.
    pub async fn measured(&self, ordinal: u32, least: u32) {
        self.until("measures", async || {
            let report = self.report_of(&StepId::Measure { ordinal, part: 0 }).await;
            report.is_some_and(|report| report.progress.done >= least)
        })
        .await;
    }

    /// Returns the agent's last report of a step.
    pub async fn report_of(&self, step: &StepId) -> Option<StepReport> {
        self.lab.json(&RunKeys(&self.id).step_report(step)).await
    }

    /// Waits until both hosts exist, and returns them.
    pub async fn hosts(&self) -> LaunchedHosts {
        self.until("has two hosts", async || self.lab.hosts_of(&self.id).await.len() == 2).await;
        let find = async |role: &str| {
            let answer = self
                .lab
                .ec2
                .describe_instances()
                .filters(Filter::builder().name("tag:dicomperf:run").values(&self.id).build())
                .filters(Filter::builder().name("tag:dicomperf:role").values(role).build())
                .send()
                .await
                .unwrap();
            let host = answer.reservations()[0].instances()[0].clone();
            Some(LaunchedHost {
                id: host.instance_id().unwrap().to_owned(),
                address: host.private_ip_address().unwrap().to_owned(),
                zone: String::new(),
            })
        };
        LaunchedHosts { server: find("server").await, client: find("client").await }
    }

    /// Waits for a condition. Fails if the run ends first.
    async fn until(&self, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        eventually(&format!("{} never {what}", self.id), async || {
            if condition().await {
                return Some(());
            }
            let answer = self.lab.states.describe_execution().execution_arn(&self.arn).send().await.unwrap();
            let cause = answer.cause.unwrap_or_default();
            assert_eq!(answer.status, ExecutionStatus::Running, "{} ended before it {what}: {cause}", self.id);
            None
        })
        .await;
    }
}

impl Finished {
    /// Returns the error of a run that must have failed. Its report must have the same error.
    pub fn failed_with(&self, name: &str) -> &RunError {
        assert_eq!(self.status, ExecutionStatus::Failed, "{} did not fail", self.id);
        let error = self.error.as_ref().unwrap();
        assert_eq!(error.error, name, "{}", error.cause);
        if let Some(report) = &self.report {
            assert_eq!(report["status"], "FAILED");
            assert_eq!(report["error"]["error"], name);
        }
        error
    }

    /// Returns the report of a run that must have succeeded.
    pub fn succeeded(&self) -> &Value {
        assert_eq!(self.status, ExecutionStatus::Succeeded, "{}: {:?}", self.id, self.error);
        self.report.as_ref().unwrap()
    }
}

/// Returns the container of a host. The emulator labels it with the host's id.
pub fn container_of(host: &LaunchedHost) -> String {
    let container = printed("docker", &["ps", "-q", "--filter", &format!("label=instance_id={}", host.id)]);
    assert!(!container.is_empty(), "no container is {}", host.id);
    container
}
