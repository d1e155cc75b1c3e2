use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemOutput;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
use aws_sdk_ec2::operation::terminate_instances::{TerminateInstancesError, TerminateInstancesOutput};
use aws_sdk_ec2::types::{Instance, InstanceState, Reservation, Tag};
use aws_smithy_mocks::{Rule, mock};

use super::*;
use crate::mocked::{client, error};

const QUICK: Polling = Polling { interval: Duration::ZERO, max_polls: 6 };

/// Returns EC2's answers to the polls, for the server and, if there are two, for the client. The last answer repeats.
fn looks(states: &'static [&'static [InstanceStateName]]) -> (Rule, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let rule = mock!(Ec2::describe_instances).then_compute_output(move |request| {
        assert!(request.filters().iter().any(|filter| filter.name() == Some("tag:dicomperf:run")));
        assert!(request.filters().iter().any(|filter| filter.name() == Some("tag:dicomperf:project")));
        let look = counted.fetch_add(1, Ordering::SeqCst).min(states.len() - 1);
        let hosts = states[look].iter().zip(["server", "client"]).enumerate().map(|(number, (state, role))| {
            let state = InstanceState::builder().name(state.clone()).build();
            let role = Tag::builder().key("dicomperf:role").value(role).build();
            Instance::builder().instance_id(format!("i-{number}")).state(state).tags(role).build()
        });
        let reservation = Reservation::builder().set_instances(Some(hosts.collect())).build();
        DescribeInstancesOutput::builder().reservations(reservation).build()
    });
    (rule, count)
}

fn terminations() -> Rule {
    mock!(Ec2::terminate_instances).then_output(|| TerminateInstancesOutput::builder().build())
}

fn unknown_run() -> Vec<Rule> {
    vec![
        mock!(DynamoDb::update_item).then_error(|| UpdateItemError::generic(error("ConditionalCheckFailedException"))),
        mock!(DynamoDb::get_item).then_output(|| GetItemOutput::builder().build()),
    ]
}

fn teardown(ec2: Vec<Rule>, dynamodb: Vec<Rule>) -> Teardown {
    Teardown {
        hosts: Hosts::new(client!(aws_sdk_ec2, rules: ec2), "stack".to_owned()),
        records: Records::new(client!(aws_sdk_dynamodb, rules: dynamodb), "table".to_owned()),
        polling: QUICK,
    }
}

#[tokio::test]
async fn teardown_succeeds_when_there_never_was_a_host() {
    let (nothing, count) = looks(&[&[]]);
    let answer = teardown(vec![nothing], unknown_run()).run("run-1").await.expect("done");
    assert_eq!(answer.hosts_left, 0);
    assert_eq!(count.load(Ordering::SeqCst), 2, "it looks twice before it believes that nothing is left");
}

#[tokio::test]
async fn teardown_succeeds_when_the_host_is_already_gone() {
    let (gone, _) = looks(&[&[InstanceStateName::Terminated, InstanceStateName::Terminated]]);
    teardown(vec![gone], unknown_run()).run("run-1").await.expect("done");
}

#[tokio::test]
async fn teardown_looks_until_the_hosts_are_gone_and_terminates_once() {
    use InstanceStateName::{Pending, Running, ShuttingDown, Terminated};
    let (hosts, count) =
        looks(&[&[Running, Pending], &[ShuttingDown, ShuttingDown], &[Terminated, ShuttingDown], &[Terminated]]);
    let terminate = terminations();
    teardown(vec![hosts, terminate.clone()], unknown_run()).run("run-1").await.expect("done");
    assert_eq!(terminate.num_calls(), 1);
    assert_eq!(count.load(Ordering::SeqCst), 4, "both hosts were seen, so their tags are");
}

#[tokio::test]
async fn the_client_goes_first_for_it_would_measure_a_server_that_goes() {
    use InstanceStateName::{Running, Terminated};
    let (hosts, _) = looks(&[&[Running, Running], &[Terminated, Terminated]]);
    let terminate = mock!(Ec2::terminate_instances)
        .match_requests(|request| request.instance_ids() == ["i-1", "i-0"])
        .then_output(|| TerminateInstancesOutput::builder().build());
    teardown(vec![hosts, terminate.clone()], unknown_run()).run("run-1").await.expect("done");
    assert_eq!(terminate.num_calls(), 1);
}

#[tokio::test]
async fn a_host_that_shows_up_late_is_terminated_too() {
    use InstanceStateName::{Running, Terminated};
    let (hosts, _) = looks(&[&[], &[Running], &[Terminated], &[Terminated]]);
    let terminate = terminations();
    teardown(vec![hosts, terminate.clone()], unknown_run()).run("run-1").await.expect("done");
    assert_eq!(terminate.num_calls(), 1);
}

#[tokio::test]
async fn a_host_that_is_gone_when_it_is_to_be_terminated_is_no_error() {
    let (hosts, _) = looks(&[&[InstanceStateName::Running], &[]]);
    let terminate = mock!(Ec2::terminate_instances)
        .then_error(|| TerminateInstancesError::generic(error("InvalidInstanceID.NotFound")));
    teardown(vec![hosts, terminate], unknown_run()).run("run-1").await.expect("done");
}

#[tokio::test]
async fn hosts_that_stay_are_named_and_recorded() {
    let (hosts, _) = looks(&[&[InstanceStateName::ShuttingDown]]);
    let update = mock!(DynamoDb::update_item)
        .match_requests(|request| {
            let values = request.expression_attribute_values().expect("values");
            values[":hosts"] == AttributeValue::N("1".to_owned())
        })
        .then_output(|| UpdateItemOutput::builder().build());
    let get = mock!(DynamoDb::get_item).then_output(|| GetItemOutput::builder().build());
    let failure = teardown(vec![hosts], vec![update.clone(), get]).run("run-1").await.expect_err("left");
    assert_eq!(failure.name(), "TeardownIncomplete");
    assert!(failure.to_string().contains("i-0 (shutting-down)"), "{failure}");
    assert_eq!(update.num_calls(), 1);
}

#[tokio::test]
async fn the_schedules_lock_is_given_back() {
    let (nothing, _) = looks(&[&[]]);
    let update = mock!(DynamoDb::update_item).then_output(|| UpdateItemOutput::builder().build());
    let get = mock!(DynamoDb::get_item).then_output(|| {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        GetItemOutput::builder()
            .item("runId", text("run-1"))
            .item("status", text("RUNNING"))
            .item("createdAt", text("2026-01-01T12:00:00.000Z"))
            .item("schedule", text("nightly"))
            .build()
    });
    let delete = mock!(DynamoDb::delete_item)
        .match_requests(|request| {
            let key = request.key().expect("a key");
            key["PK"] == AttributeValue::S("LOCK#nightly".to_owned())
                && request.condition_expression() == Some("runId = :run")
        })
        .then_output(|| DeleteItemOutput::builder().build());
    teardown(vec![nothing], vec![update, get, delete.clone()]).run("run-1").await.expect("done");
    assert_eq!(delete.num_calls(), 1);
}

#[tokio::test]
async fn a_run_stops_counting_when_its_hosts_are_gone() {
    for (states, leaves) in [(&[][..], 1), (&[InstanceStateName::ShuttingDown][..], 0)] {
        let hosts = mock!(Ec2::describe_instances).then_output(move || {
            let host = |state: &InstanceStateName| {
                let state = InstanceState::builder().name(state.clone()).build();
                Instance::builder().instance_id("i-0").state(state).build()
            };
            let reservation = Reservation::builder().set_instances(Some(states.iter().map(host).collect())).build();
            DescribeInstancesOutput::builder().reservations(reservation).build()
        });
        let leave = mock!(DynamoDb::update_item)
            .match_requests(|request| request.update_expression() == Some("REMOVE runs.#run"))
            .then_output(|| UpdateItemOutput::builder().build());
        let mut records = vec![leave.clone()];
        records.extend(unknown_run());
        let answered = teardown(vec![hosts], records).run("run-1").await;
        assert_eq!((answered.is_ok(), leave.num_calls()), (leaves == 1, leaves));
    }
}
