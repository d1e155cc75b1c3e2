mod ends;
mod existing;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
use aws_sdk_ec2::types::{Instance, InstanceState, InstanceStateName, Reservation, StateReason};
use aws_sdk_ssm::Client as Ssm;
use aws_sdk_ssm::operation::get_command_invocation::{GetCommandInvocationError, GetCommandInvocationOutput};
use aws_sdk_ssm::operation::get_parameter::{GetParameterError, GetParameterOutput};
use aws_sdk_ssm::operation::send_command::{SendCommandError, SendCommandOutput};
use aws_sdk_ssm::types::{Command, CommandInvocationStatus, Parameter, ParameterType};
use aws_sdk_sts::Client as Sts;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_sdk_sts::types::Credentials;
use aws_smithy_mocks::{MockResponse, Rule, mock};
use serde_json::{Value, json};

use super::*;
use crate::clients::s3_configuration;
use crate::mocked::{Bucket, MovedClock, client, error, noon};
use crate::pace::{MAX_STEP_LOOKS, MAX_WATCH_SECONDS};
use crate::workflow::{CheckEvent, DryRun, LaunchedHosts};
use dicomperf_model::request::{Cleanup, Receipt};
use dicomperf_model::step::{Progress, StepError, StepId, StepReport, Work};
use dicomperf_model::time_limits::STEP_BUDGET_SECONDS;

const MEASURE: StepId = StepId::Measure { ordinal: 0, part: 1 };

fn state(status: CommandInvocationStatus, output: &'static str) -> Rule {
    mock!(Ssm::get_command_invocation).then_output(move || {
        let builder = GetCommandInvocationOutput::builder().status(status.clone());
        builder.status_details(status.as_str()).standard_error_content(output).build()
    })
}

fn hosts(client: InstanceStateName) -> Rule {
    mock!(Ec2::describe_instances).then_output(move || {
        let host = |id: &str, state: InstanceStateName| {
            let reason = StateReason::builder().message("Client.UserInitiatedShutdown").build();
            let state = InstanceState::builder().name(state).build();
            Instance::builder().instance_id(id).state(state).state_reason(reason).build()
        };
        let reservation = Reservation::builder()
            .instances(host("i-server", InstanceStateName::Running))
            .instances(host("i-client", client.clone()));
        DescribeInstancesOutput::builder().reservations(reservation.build()).build()
    })
}

/// Returns the only host of a run against an existing server.
fn running_client() -> Rule {
    mock!(Ec2::describe_instances).then_output(|| {
        let state = InstanceState::builder().name(InstanceStateName::Running).build();
        let host = Instance::builder().instance_id("i-client").state(state).build();
        DescribeInstancesOutput::builder().reservations(Reservation::builder().instances(host).build()).build()
    })
}

fn session() -> Rule {
    mock!(Sts::assume_role).then_compute_output(|request| {
        let policy: Value = serde_json::from_str(request.policy().expect("a policy")).expect("JSON");
        assert_eq!(policy["Statement"][0]["Resource"], json!("arn:aws:s3:::bucket/runs/run-1/*"));
        let expiry = aws_sdk_sts::primitives::DateTime::from_secs(0);
        let credentials = Credentials::builder().access_key_id("id").secret_access_key("secret").session_token("token");
        let credentials = credentials.expiration(expiry).build().expect("credentials");
        AssumeRoleOutput::builder().credentials(credentials).build()
    })
}

fn credentials() -> Rule {
    mock!(Ssm::get_parameter).match_requests(|request| request.name() == Some("/dicomperf/pacs")).then_output(|| {
        let parameter = Parameter::builder().r#type(ParameterType::SecureString);
        let parameter = parameter.value(r#"{ "user": "perf", "password": "hunter2" }"#).build();
        GetParameterOutput::builder().parameter(parameter).build()
    })
}

fn runner(bucket: &Bucket, ssm: Vec<Rule>, ec2: &Rule, clock: &MovedClock) -> StepRunner {
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-central-1"))
        .build();
    let update = mock!(DynamoDb::update_item).then_output(|| UpdateItemOutput::builder().build());
    StepRunner {
        artifacts: bucket.artifacts(),
        commands: Commands::new(client!(aws_sdk_ssm, rules: ssm)),
        hosts: Hosts::new(client!(aws_sdk_ec2, [ec2]), "stack".to_owned()),
        records: Records::new(client!(aws_sdk_dynamodb, [update]), "table".to_owned()),
        signatures: Signatures::new(
            client!(aws_sdk_sts, [session()]),
            "arn:aws:iam::123456789012:role/urls".to_owned(),
            s3_configuration(&config),
            "bucket".to_owned(),
        ),
        parameters: Parameters::new(client!(aws_sdk_ssm, [credentials()])),
        // The tests only publish it.
        agent: Agent::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/use_cases/run_step/agent.fixture").into()),
        clock: Clock::Moved(clock.clone()),
    }
}

fn event(step: StepId, look: u32) -> StepEvent {
    let host = |id: &str, address: &str| {
        Some(LaunchedHost { id: id.to_owned(), address: address.to_owned(), zone: "a".to_owned() })
    };
    StepEvent {
        run_id: "run-1".to_owned(),
        step,
        hosts: LaunchedHosts { server: host("i-server", "10.0.0.4"), client: host("i-client", "10.0.0.5") },
        expires_at: "2026-01-01T13:00:00Z".parse().expect("a time"),
        look,
    }
}

fn report(step: StepId, state: StepState) -> StepReport {
    StepReport {
        run_id: "run-1".to_owned(),
        step,
        error: None,
        state,
        progress: Progress { done: 2, total: 8, doing: "iteration 3 of 8".to_owned() },
        elapsed_seconds: 20.0,
        output: None,
    }
}

/// Returns the bucket of a run whose step was started at noon.
fn started(step: &StepId) -> Bucket {
    let bucket = Bucket::default();
    let command = SentCommand { command_id: "command-1".to_owned(), sent_at: noon() };
    bucket.put(&RunKeys("run-1").step_command(step), &json!(command));
    bucket
}

/// Returns the second look at a measurement, 40 s after its start.
async fn look(bucket: &Bucket, ssm: Rule, ec2: &Rule) -> Result<StepAnswer, Failure> {
    runner(bucket, vec![ssm], ec2, &clock(40)).look(&event(MEASURE, 1)).await
}

fn clock(seconds: i64) -> MovedClock {
    MovedClock::starting_at(after(seconds))
}

fn after(seconds: i64) -> Timestamp {
    noon() + jiff::SignedDuration::from_secs(seconds)
}

fn sending() -> Rule {
    mock!(Ssm::send_command).then_output(|| {
        SendCommandOutput::builder().command(Command::builder().command_id("command-1").build()).build()
    })
}

fn in_progress() -> Rule {
    state(CommandInvocationStatus::InProgress, "")
}

const REPORT: &str = "runs/run-1/blocks/0.json";
const RUNNING: InstanceStateName = InstanceStateName::Running;

#[tokio::test]
async fn looking_twice_writes_one_document_and_sends_one_command() {
    let bucket = Bucket::with_plan(json!({}));
    let send = mock!(Ssm::send_command).then_compute_output(|request| {
        assert_eq!(request.instance_ids(), ["i-client"]);
        let script = &request.parameters().expect("parameters")["commands"][0];
        let url = "agent_url='https://bucket.s3.eu-central-1.amazonaws.com/agent/";
        assert!(script.starts_with(url), "{script}");
        assert!(script.contains("\nset -eu\n"), "{script}");
        SendCommandOutput::builder().command(Command::builder().command_id("command-1").build()).build()
    });
    let runner = runner(&bucket, vec![send.clone(), in_progress()], &hosts(RUNNING), &clock(0));
    let first = runner.look(&event(StepId::ConfigureClient, 0)).await.expect("started");
    assert_eq!((first.state, first.look, first.doing.as_str()), (StepState::Running, 1, "starting"));
    let document: StepDocument = bucket.get("ephemeral/run-1/steps/client-configure.json").expect("a document");
    runner.look(&event(StepId::ConfigureClient, 1)).await.expect("started before");
    assert_eq!(send.num_calls(), 1);
    assert_eq!(bucket.get::<StepDocument>("ephemeral/run-1/steps/client-configure.json"), Some(document.clone()));
    assert_eq!((document.deadline_seconds, document.grace_seconds), (1800, 120));
    assert!(matches!(document.work, Work::ConfigureClient(_)));
    assert!(
        bucket.keys().contains(&dicomperf_model::keys::agent(
            "d4f0bc5a29de06b510f9aa428f1eedba926012b591fef7a518e776a7c9bd1824"
        ))
    );
}

#[tokio::test]
async fn the_look_that_starts_a_short_step_sees_its_end() {
    let (bucket, clock) = (Bucket::with_plan(json!({})), clock(0));
    let ended = (bucket.clone(), json!(report(StepId::Collect, StepState::Succeeded)));
    clock.schedule(after(3), move || ended.0.put("runs/run-1/steps/server-collect.report.json", &ended.1));
    let runner = runner(&bucket, vec![sending()], &hosts(RUNNING), &clock);
    let answer = runner.look(&event(StepId::Collect, 0)).await.expect("over");
    assert_eq!((answer.state, answer.look), (StepState::Succeeded, 0));
    assert!(clock.now() <= after(4), "{}", clock.now());
}

#[tokio::test]
async fn a_step_has_no_more_time_than_its_hosts() {
    let bucket = Bucket::with_plan(json!({}));
    let runner = runner(&bucket, vec![sending(), in_progress()], &hosts(RUNNING), &clock(3000));
    runner.look(&event(StepId::ConfigureServer { ordinal: 0 }, 0)).await.expect("started");
    let document: StepDocument = bucket.get("ephemeral/run-1/steps/server-configure-0.json").expect("a document");
    assert_eq!((document.deadline_seconds, document.grace_seconds), (540, 0));
    let Work::ConfigureServer(work) = document.work else { panic!("another step") };
    assert_eq!((work.server.address.as_str(), work.server.rest_password.as_str()), ("10.0.0.4", "password"));
}

/// Returns the bucket of a run against an existing server, and its one host.
#[tokio::test]
async fn nothing_is_started_when_the_run_is_about_to_expire() {
    let bucket = Bucket::with_plan(json!({}));
    let runner = runner(&bucket, Vec::new(), &hosts(RUNNING), &clock(3545));
    let failure = runner.look(&event(MEASURE, 0)).await.expect_err("expired");
    assert_eq!(failure.name(), "RunExpired");
}

#[tokio::test]
async fn a_host_that_ssm_lost_is_told_from_one_that_is_late() {
    let unmanaged = || mock!(Ssm::send_command).then_error(|| SendCommandError::generic(error("InvalidInstanceId")));
    for (state, name) in [(RUNNING, "AwsError"), (InstanceStateName::Terminated, "HostLost")] {
        let runner = runner(&Bucket::with_plan(json!({})), vec![unmanaged()], &hosts(state), &clock(0));
        let failure = runner.look(&event(MEASURE, 0)).await.expect_err("not sent");
        assert_eq!(failure.name(), name, "{failure}");
    }
}

#[tokio::test]
async fn an_invocation_that_ssm_does_not_know_yet_is_pending() {
    let unknown = mock!(Ssm::get_command_invocation)
        .then_error(|| GetCommandInvocationError::generic(error("InvocationDoesNotExist")));
    let answer = look(&started(&MEASURE), unknown, &hosts(RUNNING)).await.expect("pending");
    assert_eq!((answer.state, answer.look), (StepState::Running, 2));
}

#[tokio::test]
async fn the_report_of_an_earlier_part_is_not_taken() {
    let bucket = started(&MEASURE);
    let earlier = report(StepId::Measure { ordinal: 0, part: 0 }, StepState::Incomplete);
    bucket.put(REPORT, &json!(earlier));
    let answer = look(&bucket, in_progress(), &hosts(RUNNING)).await.expect("running");
    assert_eq!(answer.state, StepState::Running);
    assert_eq!(answer.doing, "starting");
}

#[tokio::test]
async fn a_look_whose_end_is_far_leaves_at_once_and_says_when_to_look_again() {
    let (bucket, clock) = (started(&MEASURE), clock(40));
    let progress = Progress { done: 4, total: 20, doing: "iteration 5 of 20".to_owned() };
    bucket.put(REPORT, &json!(StepReport { progress, elapsed_seconds: 40.0, ..report(MEASURE, StepState::Running) }));
    let runner = runner(&bucket, vec![in_progress()], &hosts(RUNNING), &clock);
    let answer = runner.look(&event(MEASURE, 1)).await.expect("running");
    // 40 s for 4 of 20 units: the other 16 would take 160 s, but a wait is at most twice the elapsed time.
    assert_eq!((answer.wait_seconds, answer.doing.as_str()), (80, "iteration 5 of 20"));
    assert_eq!(clock.now(), after(40));
}

#[tokio::test]
async fn a_look_whose_end_is_near_waits_for_it() {
    let (bucket, clock) = (started(&MEASURE), clock(100));
    let progress = Progress { done: 19, total: 20, doing: "iteration 20 of 20".to_owned() };
    bucket.put(REPORT, &json!(StepReport { progress, elapsed_seconds: 100.0, ..report(MEASURE, StepState::Running) }));
    let ended = (bucket.clone(), json!(report(MEASURE, StepState::Succeeded)));
    clock.schedule(after(107), move || ended.0.put(REPORT, &ended.1));
    let runner = runner(&bucket, vec![in_progress()], &hosts(RUNNING), &clock);
    let answer = runner.look(&event(MEASURE, 3)).await.expect("over");
    assert_eq!(answer.state, StepState::Succeeded);
    assert!(clock.now() <= after(108), "{}", clock.now());
}

#[tokio::test]
async fn a_look_takes_no_longer_than_it_may_and_checks_the_hosts_now_and_then() {
    let (clock, hosts, command) = (clock(40), hosts(RUNNING), in_progress());
    let runner = runner(&started(&MEASURE), vec![command.clone()], &hosts, &clock);
    let answer = runner.look(&event(MEASURE, 1)).await.expect("running");
    assert_eq!(answer.state, StepState::Running);
    assert_eq!(
        clock.now(),
        after(40) + jiff::SignedDuration::from_secs(i64::try_from(MAX_WATCH_SECONDS).expect("few"))
    );
    assert_eq!((command.num_calls(), hosts.num_calls()), (11, 11));
}

#[tokio::test]
async fn a_final_report_is_believed_whatever_ssm_says() {
    for part in [StepState::Succeeded, StepState::Incomplete] {
        let bucket = started(&MEASURE);
        bucket.put(REPORT, &json!(report(MEASURE, part)));
        let runner = runner(&bucket, Vec::new(), &hosts(RUNNING), &clock(40));
        let answer = runner.look(&event(MEASURE, 4)).await.expect("over");
        assert_eq!((answer.state, answer.look), (part, 0), "the next step counts from 0");
    }
}

#[tokio::test]
async fn a_step_that_failed_says_why_in_the_agents_words() {
    let bucket = started(&MEASURE);
    let mut failed = report(MEASURE, StepState::Failed);
    failed.error =
        Some(StepError { name: "AssociationFailed".to_owned(), message: "peer aborted association".to_owned() });
    bucket.put(REPORT, &json!(failed));
    let failure = look(&bucket, state(CommandInvocationStatus::Failed, ""), &hosts(RUNNING)).await.expect_err("failed");
    assert_eq!(failure.name(), "StepFailed");
    assert_eq!(
        failure.to_string(),
        "client host i-client, step client-measure-0-part-1: AssociationFailed: peer aborted association"
    );
}

#[test]
fn an_agent_that_a_signal_ended_is_described_with_its_work() {
    assert_eq!(
        describe_end("Failed", Some(137), "", Some("iteration 2 of 3, storescu, 4 associations")),
        "the agent was ended by SIGKILL (exit code 137), as the kernel does when memory runs out, while iteration 2 of 3, \
         storescu, 4 associations"
    );
    let overflow = describe_end("Failed", Some(134), "thread 'main' has overflowed its stack", None);
    let expected = "the agent was ended by SIGABRT (exit code 134): thread 'main' has overflowed its stack";
    assert_eq!(overflow, expected);
    assert_eq!(describe_end("Failed", Some(1), "", None), "SSM reports Failed with exit code 1 and no output");
    assert_eq!(describe_end("Undeliverable", None, "", None), "SSM reports Undeliverable");
}

#[tokio::test]
async fn a_command_that_failed_without_a_report_says_what_it_wrote() {
    let failed = state(CommandInvocationStatus::Failed, "curl is missing on this host\n");
    let failure = look(&started(&MEASURE), failed, &hosts(RUNNING)).await.expect_err("failed");
    assert_eq!(failure.name(), "StepFailed");
    assert!(failure.to_string().ends_with("SSM reports Failed: curl is missing on this host"), "{failure}");
}

#[tokio::test]
async fn a_command_that_failed_because_its_host_is_gone_is_a_lost_host() {
    let killed = state(CommandInvocationStatus::Failed, "137");
    let failure = look(&started(&MEASURE), killed, &hosts(InstanceStateName::Terminated)).await.expect_err("lost");
    assert_eq!(failure.name(), "HostLost");
    assert!(failure.to_string().contains("it is terminated: Client.UserInitiatedShutdown"), "{failure}");
}

#[tokio::test]
async fn a_host_that_goes_while_a_step_runs_is_noticed() {
    let gone = hosts(InstanceStateName::ShuttingDown);
    let failure = look(&started(&MEASURE), in_progress(), &gone).await.expect_err("lost");
    assert_eq!(failure.name(), "HostLost");
}

#[tokio::test]
async fn a_record_that_cannot_be_written_does_not_stop_a_step() {
    let bucket = started(&MEASURE);
    bucket.put(REPORT, &json!(report(MEASURE, StepState::Succeeded)));
    let refused = mock!(DynamoDb::update_item).then_compute_response(|_| {
        MockResponse::Error(aws_sdk_dynamodb::operation::update_item::UpdateItemError::generic(error("AccessDenied")))
    });
    let mut runner = runner(&bucket, Vec::new(), &hosts(RUNNING), &clock(40));
    runner.records = Records::new(client!(aws_sdk_dynamodb, [refused]), "table".to_owned());
    runner.look(&event(MEASURE, 1)).await.expect("over");
}
