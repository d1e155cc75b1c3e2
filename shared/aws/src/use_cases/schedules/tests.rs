use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::operation::create_schedule::{CreateScheduleError, CreateScheduleOutput};
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::operation::list_schedules::ListSchedulesOutput;
use aws_sdk_scheduler::operation::update_schedule::UpdateScheduleOutput;
use aws_sdk_scheduler::types::{ScheduleState as State, ScheduleSummary, Target};
use aws_sdk_sfn::operation::start_execution::StartExecutionOutput;
use aws_smithy_mocks::{Rule, mock};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::*;
use crate::mocked::{client, error, noon};

const MACHINE: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:runs";
const ROLE: &str = "arn:aws:iam::123456789012:role/schedule";
const QUEUE: &str = "arn:aws:sqs:eu-central-1:123456789012:queue";

fn schedules(scheduler: Vec<Rule>, sfn: Vec<Rule>) -> Schedules {
    Schedules {
        group: ScheduleGroup {
            client: client!(aws_sdk_scheduler, rules: scheduler),
            group: "group".to_owned(),
            state_machine_arn: MACHINE.to_owned(),
            role_arn: ROLE.to_owned(),
            dead_letter_arn: Some(QUEUE.to_owned()),
        },
        executions: Executions::new(client!(aws_sdk_sfn, rules: sfn), MACHINE.to_owned()),
    }
}

fn listed(count: usize) -> Rule {
    mock!(Client::list_schedules).match_requests(|request| request.group_name() == Some("group")).then_output(
        move || {
            let summaries = (0..count).map(|index| ScheduleSummary::builder().name(format!("s-{index}")).build());
            ListSchedulesOutput::builder().set_schedules(Some(summaries.collect())).build().expect("a list")
        },
    )
}

/// The schedule `nightly`, with the name of a schedule in its input.
fn stored(in_input: &'static str) -> Rule {
    mock!(Client::get_schedule).match_requests(|request| request.group_name() == Some("group")).then_output(move || {
        let input = json!({ "schedule": in_input, "request": { "name": "nightly" } }).to_string();
        GetScheduleOutput::builder()
            .name("nightly")
            .schedule_expression("rate(1 day)")
            .schedule_expression_timezone("Europe/Berlin")
            .state(State::Enabled)
            .target(Target::builder().arn(MACHINE).role_arn(ROLE).input(input).build().expect("a target"))
            .build()
    })
}

fn nightly() -> NewSchedule {
    NewSchedule {
        name: "nightly".to_owned(),
        expression: "cron(0 3 * * ? *)".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        state: ScheduleState::Disabled,
        request: json!({ "name": "nightly" }),
    }
}

#[tokio::test]
async fn a_schedule_is_created_in_the_stacks_group_with_its_role_its_queue_and_its_lock() {
    let create = mock!(Client::create_schedule)
        .match_requests(|request| {
            let target = request.target().expect("a target");
            let queue = target.dead_letter_config().and_then(|queue| queue.arn());
            let input: Value = serde_json::from_str(target.input().expect("an input")).expect("JSON");
            request.group_name() == Some("group")
                && request.state() == Some(&State::Disabled)
                && request.schedule_expression_timezone() == Some("Europe/Berlin")
                && (target.arn(), target.role_arn(), queue) == (MACHINE, ROLE, Some(QUEUE))
                && input == json!({ "schedule": "nightly", "request": { "name": "nightly" } })
        })
        .then_output(|| CreateScheduleOutput::builder().schedule_arn("arn").build().expect("an answer"));
    let created = schedules(vec![listed(0), create, stored("nightly")], Vec::new()).create(&nightly(), noon()).await;
    assert!(!created.expect("created").of_stack);
}

#[tokio::test]
async fn a_field_that_only_aws_refuses_is_an_error_of_the_field() {
    let refused =
        mock!(Client::create_schedule).then_error(|| CreateScheduleError::generic(error("ValidationException")));
    let past = NewSchedule { expression: "at(2020-01-01T00:00:00)".to_owned(), ..nightly() };
    let refusal = schedules(vec![listed(0), refused], Vec::new()).create(&past, noon()).await.expect_err("refused");
    let Refusal::Invalid(InvalidRequest { errors }) = refusal else { panic!("{refusal}") };
    assert_eq!(errors[0].path, "expression");
}

#[tokio::test]
async fn a_stack_has_no_more_schedules_than_a_list_can_read() {
    let refusal =
        schedules(vec![listed(MAX_SCHEDULES)], Vec::new()).create(&nightly(), noon()).await.expect_err("refused");
    assert!(matches!(refusal, Refusal::Conflict(_)), "{refusal}");
}

#[tokio::test]
async fn a_pause_keeps_the_times_the_request_and_the_queue() {
    let update = mock!(Client::update_schedule)
        .match_requests(|request| {
            let target = request.target().expect("a target");
            request.state() == Some(&State::Disabled)
                && request.schedule_expression() == Some("rate(1 day)")
                && request.schedule_expression_timezone() == Some("Europe/Berlin")
                && target.input().is_some_and(|input| input.contains(r#""name":"nightly""#))
                && target.dead_letter_config().is_some()
        })
        .then_output(|| UpdateScheduleOutput::builder().schedule_arn("arn").build().expect("an answer"));
    let change = ScheduleChange { state: Some(ScheduleState::Disabled), ..ScheduleChange::default() };
    let changed = schedules(vec![stored("nightly"), update], Vec::new()).change("nightly", &change, noon()).await;
    changed.expect("changed");
}

#[tokio::test]
async fn the_stacks_own_schedule_is_shown_and_not_changed() {
    let of_stack = || schedules(vec![stored("dicomperf")], Vec::new());
    assert!(of_stack().find("nightly").await.expect("shown").of_stack);
    let refusals = [
        of_stack().change("nightly", &ScheduleChange::default(), noon()).await.expect_err("refused"),
        of_stack().delete("nightly").await.expect_err("refused"),
    ];
    for refusal in refusals {
        assert!(matches!(&refusal, Refusal::Conflict(says) if says.contains("ScheduleState")), "{refusal}");
    }
}

#[tokio::test]
async fn a_run_now_has_the_input_of_the_schedule_so_that_it_takes_its_lock() {
    let begun = mock!(aws_sdk_sfn::Client::start_execution)
        .match_requests(|request| {
            let input: Value = serde_json::from_str(request.input().expect("an input")).expect("JSON");
            input == json!({ "schedule": "dicomperf", "request": { "name": "nightly" } })
        })
        .then_output(|| {
            let started = StartExecutionOutput::builder().execution_arn("arn:started");
            started.start_date(aws_sdk_sfn::primitives::DateTime::from_secs(0)).build().expect("an execution")
        });
    let random = &mut ChaCha8Rng::seed_from_u64(1);
    let run = schedules(vec![stored("dicomperf")], vec![begun]).run_now("nightly", noon(), random).await;
    assert!(run.expect("started").run_id.contains("-nightly-"));
}
