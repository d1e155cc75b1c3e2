use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
use aws_sdk_ec2::types::{Instance, InstanceState, InstanceStateName, Reservation, StateReason};
use aws_sdk_ssm::Client as Ssm;
use aws_sdk_ssm::operation::get_command_invocation::{GetCommandInvocationError, GetCommandInvocationOutput};
use aws_sdk_ssm::operation::send_command::{SendCommandError, SendCommandOutput};
use aws_sdk_ssm::types::{Command, CommandInvocationStatus};
use aws_sdk_sts::Client as Sts;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_sdk_sts::types::Credentials;
use aws_smithy_mocks::{MockResponse, Rule, mock};
use serde_json::{Value, json};

use super::*;
use crate::aws::mocked::{Bucket, client, error, noon};
use crate::aws::s3_configuration;
use crate::step::{Progress, StepError, StepId, Work};
use crate::workflow::LaunchedHosts;

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

fn runner(bucket: &Bucket, ssm: Vec<Rule>, ec2: &Rule) -> StepRunner {
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
        // Published, and not run.
        agent: Agent::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws/run_step/agent.fixture").into()),
    }
}

fn event(action: StepAction, step: StepId) -> StepEvent {
    let host = |id: &str, address: &str| {
        Some(LaunchedHost { id: id.to_owned(), address: address.to_owned(), zone: "a".to_owned() })
    };
    StepEvent {
        action,
        run_id: "run-1".to_owned(),
        step,
        hosts: LaunchedHosts { server: host("i-server", "10.0.0.4"), client: host("i-client", "10.0.0.5") },
        expires_at: "2026-01-01T13:00:00Z".parse().expect("a time"),
        command_id: Some("command-1".to_owned()),
        sent_at: Some(noon()),
        look: 0,
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

async fn poll(bucket: &Bucket, ssm: Rule, ec2: &Rule) -> Result<StepAnswer, Failure> {
    runner(bucket, vec![ssm], ec2).run(&event(StepAction::Poll, MEASURE), after(40)).await
}

fn after(seconds: i64) -> Timestamp {
    noon() + jiff::SignedDuration::from_secs(seconds)
}

const RUNNING: InstanceStateName = InstanceStateName::Running;

#[tokio::test]
async fn starting_twice_writes_one_document_and_sends_one_command() {
    let bucket = Bucket::with_plan(json!({}));
    let send = mock!(Ssm::send_command).then_compute_output(|request| {
        assert_eq!(request.instance_ids(), ["i-client"]);
        let script = &request.parameters().expect("parameters")["commands"][0];
        let url = "agent_url='https://bucket.s3.eu-central-1.amazonaws.com/agent/";
        assert!(script.starts_with(url), "{script}");
        assert!(script.contains("\nset -eu\n"), "{script}");
        SendCommandOutput::builder().command(Command::builder().command_id("command-1").build()).build()
    });
    let runner = runner(&bucket, vec![send.clone()], &hosts(RUNNING));
    let event = event(StepAction::Start, StepId::ConfigureClient);
    let first = runner.run(&event, after(0)).await.expect("started");
    let document: StepDocument = bucket.get("runs/run-1/steps/client-configure.json").expect("a document");
    let second = runner.run(&event, after(9)).await.expect("started before");
    assert_eq!(first, second);
    assert_eq!(send.num_calls(), 1);
    assert_eq!(bucket.get::<StepDocument>("runs/run-1/steps/client-configure.json"), Some(document.clone()));
    assert_eq!(document.deadline_seconds, 1800);
    assert!(matches!(document.work, Work::ConfigureClient(_)));
    assert!(
        bucket.keys().contains(&crate::keys::agent("d4f0bc5a29de06b510f9aa428f1eedba926012b591fef7a518e776a7c9bd1824"))
    );
}

#[tokio::test]
async fn a_step_has_no_more_time_than_its_hosts() {
    let bucket = Bucket::with_plan(json!({}));
    let send = mock!(Ssm::send_command).then_output(|| {
        SendCommandOutput::builder().command(Command::builder().command_id("command-1").build()).build()
    });
    let runner = runner(&bucket, vec![send], &hosts(RUNNING));
    let event = event(StepAction::Start, StepId::ConfigureServer { ordinal: 0 });
    runner.run(&event, after(3000)).await.expect("started");
    let document: StepDocument = bucket.get("runs/run-1/steps/server-configure-0.json").expect("a document");
    assert_eq!(document.deadline_seconds, 540);
    let Work::ConfigureServer(work) = document.work else { panic!("another step") };
    assert_eq!((work.server.address.as_str(), work.server.rest_password.as_str()), ("10.0.0.4", "password"));
}

#[tokio::test]
async fn nothing_is_started_when_the_run_is_about_to_expire() {
    let bucket = Bucket::with_plan(json!({}));
    let runner = runner(&bucket, Vec::new(), &hosts(RUNNING));
    let failure = runner.run(&event(StepAction::Start, MEASURE), after(3545)).await.expect_err("expired");
    assert_eq!(failure.name(), "RunExpired");
}

#[tokio::test]
async fn a_host_that_ssm_lost_is_told_from_one_that_is_late() {
    let unmanaged = || mock!(Ssm::send_command).then_error(|| SendCommandError::generic(error("InvalidInstanceId")));
    for (state, name) in [(RUNNING, "AwsError"), (InstanceStateName::Terminated, "HostLost")] {
        let runner = runner(&Bucket::with_plan(json!({})), vec![unmanaged()], &hosts(state));
        let failure = runner.run(&event(StepAction::Start, MEASURE), after(0)).await.expect_err("not sent");
        assert_eq!(failure.name(), name, "{failure}");
    }
}

#[tokio::test]
async fn an_invocation_that_ssm_does_not_know_yet_is_pending() {
    let unknown = mock!(Ssm::get_command_invocation)
        .then_error(|| GetCommandInvocationError::generic(error("InvocationDoesNotExist")));
    let answer = poll(&Bucket::default(), unknown, &hosts(RUNNING)).await.expect("pending");
    assert_eq!((answer.state, answer.look), (StepState::Running, 1));
}

#[tokio::test]
async fn the_report_of_an_earlier_part_is_not_taken() {
    let bucket = Bucket::default();
    let earlier = report(StepId::Measure { ordinal: 0, part: 0 }, StepState::Incomplete);
    bucket.put("runs/run-1/blocks/0.json", &json!(earlier));
    let answer = poll(&bucket, state(CommandInvocationStatus::InProgress, ""), &hosts(RUNNING)).await.expect("running");
    assert_eq!(answer.state, StepState::Running);
    assert_eq!(answer.doing, "starting");
}

#[tokio::test]
async fn progress_says_when_to_look_again() {
    let bucket = Bucket::default();
    bucket.put("runs/run-1/blocks/0.json", &json!(report(MEASURE, StepState::Running)));
    let runner = runner(&bucket, vec![state(CommandInvocationStatus::InProgress, "")], &hosts(RUNNING));
    let sixth = StepEvent { look: 5, ..event(StepAction::Poll, MEASURE) };
    let answer = runner.run(&sixth, after(40)).await.expect("running");
    // 20 s for 2 of 8: the other 6 take a minute, where 128 s would be waited without a word.
    assert_eq!((answer.wait_seconds, answer.doing.as_str()), (61, "iteration 3 of 8"));
}

#[tokio::test]
async fn a_final_report_is_believed_whatever_ssm_says() {
    for part in [StepState::Succeeded, StepState::Incomplete] {
        let bucket = Bucket::default();
        bucket.put("runs/run-1/blocks/0.json", &json!(report(MEASURE, part)));
        let runner = runner(&bucket, Vec::new(), &hosts(RUNNING));
        let answer = runner.run(&event(StepAction::Poll, MEASURE), after(40)).await.expect("over");
        assert_eq!(answer.state, part);
    }
}

#[tokio::test]
async fn a_step_that_failed_says_why_in_the_agents_words() {
    let bucket = Bucket::default();
    let mut failed = report(MEASURE, StepState::Failed);
    failed.error =
        Some(StepError { name: "AssociationFailed".to_owned(), message: "peer aborted association".to_owned() });
    bucket.put("runs/run-1/blocks/0.json", &json!(failed));
    let failure = poll(&bucket, state(CommandInvocationStatus::Failed, ""), &hosts(RUNNING)).await.expect_err("failed");
    assert_eq!(failure.name(), "StepFailed");
    assert_eq!(
        failure.to_string(),
        "client host i-client, step client-measure-0-part-1: AssociationFailed: peer aborted association"
    );
}

#[tokio::test]
async fn a_command_that_failed_without_a_report_says_what_it_wrote() {
    let failed = state(CommandInvocationStatus::Failed, "curl is missing on this host\n");
    let failure = poll(&Bucket::default(), failed, &hosts(RUNNING)).await.expect_err("failed");
    assert_eq!(failure.name(), "StepFailed");
    assert!(failure.to_string().ends_with("SSM says Failed: curl is missing on this host"), "{failure}");
}

#[tokio::test]
async fn a_command_that_failed_because_its_host_is_gone_is_a_lost_host() {
    let killed = state(CommandInvocationStatus::Failed, "137");
    let failure = poll(&Bucket::default(), killed, &hosts(InstanceStateName::Terminated)).await.expect_err("lost");
    assert_eq!(failure.name(), "HostLost");
    assert!(failure.to_string().contains("it is terminated: Client.UserInitiatedShutdown"), "{failure}");
}

#[tokio::test]
async fn a_host_that_goes_while_a_step_runs_is_noticed() {
    let running = state(CommandInvocationStatus::InProgress, "");
    let failure = poll(&Bucket::default(), running, &hosts(InstanceStateName::ShuttingDown)).await.expect_err("lost");
    assert_eq!(failure.name(), "HostLost");
}

#[tokio::test]
async fn the_last_look_times_out_with_what_was_seen_last() {
    let bucket = Bucket::default();
    bucket.put("runs/run-1/blocks/0.json", &json!(report(MEASURE, StepState::Running)));
    let runner = runner(&bucket, vec![state(CommandInvocationStatus::Success, "")], &hosts(RUNNING));
    let mut event = event(StepAction::Poll, MEASURE);
    event.look = STEP_LOOKS - 1;
    let failure = runner.run(&event, after(2100)).await.expect_err("timed out");
    assert_eq!(failure.name(), "StepTimedOut");
    assert!(failure.to_string().ends_with("not done after 2100 s; last seen: iteration 3 of 8"), "{failure}");
}

#[tokio::test]
async fn a_run_that_expires_while_a_step_runs_says_so() {
    let runner = runner(&Bucket::default(), vec![state(CommandInvocationStatus::InProgress, "")], &hosts(RUNNING));
    let failure = runner.run(&event(StepAction::Poll, MEASURE), after(3600)).await.expect_err("expired");
    assert_eq!(failure.name(), "RunExpired");
}

#[tokio::test]
async fn a_record_that_cannot_be_written_does_not_stop_a_step() {
    let bucket = Bucket::default();
    bucket.put("runs/run-1/blocks/0.json", &json!(report(MEASURE, StepState::Succeeded)));
    let refused = mock!(DynamoDb::update_item).then_compute_response(|_| {
        MockResponse::Error(aws_sdk_dynamodb::operation::update_item::UpdateItemError::generic(error("AccessDenied")))
    });
    let mut runner = runner(&bucket, Vec::new(), &hosts(RUNNING));
    runner.records = Records::new(client!(aws_sdk_dynamodb, [refused]), "table".to_owned());
    runner.run(&event(StepAction::Poll, MEASURE), after(40)).await.expect("over");
}
