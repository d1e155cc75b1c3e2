//! `dicomperf schedule`: the schedules of a stack.

use std::process::ExitCode;

use dicomperf_aws::refusal::Refusal;
use dicomperf_aws::use_cases::schedules::{NewSchedule, Schedule, ScheduleChange, ScheduleState};
use jiff::Timestamp;
use rand::rngs::StdRng;

use crate::answers::{Deleted, print_json};
use crate::arguments::{CreateSchedule, ListNamed, OneName, ScheduleCommand};
use crate::service::Service;
use crate::{request, table};

/// `dicomperf schedule ...`
pub async fn run(command: &ScheduleCommand) -> anyhow::Result<ExitCode> {
    match command {
        ScheduleCommand::List(arguments) => list(arguments).await,
        ScheduleCommand::Create(arguments) => create(arguments).await,
        ScheduleCommand::Pause(arguments) => set_state(arguments, ScheduleState::Disabled).await,
        ScheduleCommand::Resume(arguments) => set_state(arguments, ScheduleState::Enabled).await,
        ScheduleCommand::Delete(arguments) => delete(arguments).await,
        ScheduleCommand::Run(arguments) => run_now(arguments).await,
    }
}

async fn list(arguments: &ListNamed) -> anyhow::Result<ExitCode> {
    let list = Service::find(&arguments.stack).await?.schedules().list().await?;
    if arguments.json {
        print_json(&list)?;
        return Ok(ExitCode::SUCCESS);
    }
    if list.schedules.is_empty() {
        println!("no schedule");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = table::new(&["schedule", "times", "time zone", "state", "request", "of"]);
    for schedule in &list.schedules {
        table.add_row([
            schedule.name.as_str(),
            &schedule.expression,
            &schedule.time_zone,
            words(schedule.state),
            schedule.request["name"].as_str().unwrap_or("-"),
            if schedule.of_stack { "the stack's parameters" } else { "" },
        ]);
    }
    println!("{table}");
    Ok(ExitCode::SUCCESS)
}

async fn create(arguments: &CreateSchedule) -> anyhow::Result<ExitCode> {
    let checked = match request::read(&arguments.file) {
        Ok(checked) => checked,
        Err(invalid) => return Ok(request::refuse(&arguments.file, &invalid)),
    };
    let new = NewSchedule {
        name: arguments.name.clone(),
        expression: arguments.expression.clone(),
        time_zone: arguments.time_zone.clone(),
        state: if arguments.paused { ScheduleState::Disabled } else { ScheduleState::Enabled },
        request: checked.document,
    };
    let schedules = Service::find(&arguments.stack).await?.schedules();
    print(&schedules.create(&new, Timestamp::now()).await?, arguments.json)
}

async fn set_state(arguments: &OneName, state: ScheduleState) -> anyhow::Result<ExitCode> {
    let schedules = Service::find(&arguments.stack).await?.schedules();
    let change = ScheduleChange { state: Some(state), ..ScheduleChange::default() };
    print(&schedules.change(&arguments.name, &change, Timestamp::now()).await?, arguments.json)
}

async fn delete(arguments: &OneName) -> anyhow::Result<ExitCode> {
    let deletion = Service::find(&arguments.stack).await?.schedules().delete(&arguments.name).await;
    if arguments.json && matches!(deletion, Ok(()) | Err(Refusal::NotFound { .. })) {
        print_json(&Deleted { name: arguments.name.clone(), deleted: deletion.is_ok() })?;
    }
    deletion?;
    if !arguments.json {
        println!("schedule {} is deleted", arguments.name);
    }
    Ok(ExitCode::SUCCESS)
}

async fn run_now(arguments: &OneName) -> anyhow::Result<ExitCode> {
    let service = Service::find(&arguments.stack).await?;
    let mut random = rand::make_rng::<StdRng>();
    let started = service.schedules().run_now(&arguments.name, Timestamp::now(), &mut random).await?;
    if arguments.json {
        print_json(&started)?;
    } else {
        println!("{}", started.run_id);
        eprintln!("dicomperf attach {}{} follows it", started.run_id, service.option());
    }
    Ok(ExitCode::SUCCESS)
}

fn print(schedule: &Schedule, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        print_json(schedule)?;
    } else {
        let Schedule { name, expression, time_zone, state, .. } = schedule;
        println!("schedule {name} is {}: {expression}, {time_zone}", words(*state));
    }
    Ok(ExitCode::SUCCESS)
}

const fn words(state: ScheduleState) -> &'static str {
    match state {
        ScheduleState::Enabled => "enabled",
        ScheduleState::Disabled => "paused",
    }
}
