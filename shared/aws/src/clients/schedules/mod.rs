//! Schedules of EventBridge Scheduler, in the group of the stack. No other group is read or changed.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::ProvideErrorMetadata as _;
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::primitives::DateTime;
use aws_sdk_scheduler::types::{DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, ScheduleState, Target};
use jiff::Timestamp;

use super::aws_failure;
use crate::failure::Failure;
use crate::refusal::Refusal;

/// The group of the stack, and the target of its schedules.
#[derive(Debug, Clone)]
pub struct ScheduleGroup {
    /// The client of EventBridge Scheduler.
    pub client: Client,
    /// Name of the group.
    pub group: String,
    /// ARN of the state machine that a schedule starts.
    pub state_machine_arn: String,
    /// ARN of the role with which a schedule starts it.
    pub role_arn: String,
    /// ARN of the queue for events that started no run.
    pub dead_letter_arn: Option<String>,
}

/// A schedule, as EventBridge Scheduler stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSchedule {
    /// Name of the schedule in its group.
    pub name: String,
    /// Times at which it starts a run.
    pub expression: String,
    /// Time zone of the expression.
    pub time_zone: String,
    /// False if the schedule is paused.
    pub enabled: bool,
    /// Input of the executions.
    pub input: String,
    /// Time of its creation.
    pub created_at: Option<Timestamp>,
    /// Time of its last change.
    pub changed_at: Option<Timestamp>,
}

impl ScheduleGroup {
    /// Creates a schedule.
    ///
    /// # Errors
    /// A schedule of this name exists, or EventBridge Scheduler refuses it.
    pub async fn create(&self, schedule: &StoredSchedule) -> Result<(), Refusal> {
        let name = &schedule.name;
        let request = self
            .client
            .create_schedule()
            .group_name(&self.group)
            .name(name)
            .schedule_expression(&schedule.expression)
            .schedule_expression_timezone(&schedule.time_zone)
            .state(state(schedule.enabled))
            .flexible_time_window(no_window()?)
            .target(self.target(&schedule.input)?);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConflictException") => {
                Err(Refusal::Conflict(format!("schedule {name} exists; change it, or delete it first")))
            }
            Err(error) if error.code() == Some("ValidationException") => Err(refused_field(error.message())),
            Err(error) => Err(aws_failure(format!("creating schedule {name}"))(error).into()),
        }
    }

    /// Replaces every field of a schedule. EventBridge Scheduler has no change of one field (API Reference,
    /// UpdateSchedule).
    ///
    /// # Errors
    /// There is no such schedule, or EventBridge Scheduler refuses it.
    pub async fn replace(&self, schedule: &StoredSchedule) -> Result<(), Refusal> {
        let name = &schedule.name;
        let request = self
            .client
            .update_schedule()
            .group_name(&self.group)
            .name(name)
            .schedule_expression(&schedule.expression)
            .schedule_expression_timezone(&schedule.time_zone)
            .state(state(schedule.enabled))
            .flexible_time_window(no_window()?)
            .target(self.target(&schedule.input)?);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Err(not_found(name)),
            Err(error) if error.code() == Some("ConflictException") => {
                Err(Refusal::Conflict(format!("schedule {name} is being changed by another call; try again")))
            }
            Err(error) if error.code() == Some("ValidationException") => Err(refused_field(error.message())),
            Err(error) => Err(aws_failure(format!("changing schedule {name}"))(error).into()),
        }
    }

    /// Returns a schedule.
    ///
    /// # Errors
    /// There is no such schedule, or EventBridge Scheduler does not answer.
    pub async fn find(&self, name: &str) -> Result<StoredSchedule, Refusal> {
        match self.client.get_schedule().group_name(&self.group).name(name).send().await {
            Ok(answer) => Ok(stored(answer)),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Err(not_found(name)),
            Err(error) => Err(aws_failure(format!("reading schedule {name}"))(error).into()),
        }
    }

    /// Returns the names of the group's schedules, in alphabetical order.
    ///
    /// # Errors
    /// EventBridge Scheduler does not answer.
    pub async fn names(&self) -> Result<Vec<String>, Refusal> {
        let mut pages = self.client.list_schedules().group_name(&self.group).into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(schedule) = pages.next().await {
            names.extend(schedule.map_err(aws_failure("listing schedules"))?.name);
        }
        names.sort();
        Ok(names)
    }

    /// Deletes a schedule.
    ///
    /// # Errors
    /// There is no such schedule, or EventBridge Scheduler refuses it.
    pub async fn delete(&self, name: &str) -> Result<(), Refusal> {
        match self.client.delete_schedule().group_name(&self.group).name(name).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Err(not_found(name)),
            Err(error) => Err(aws_failure(format!("deleting schedule {name}"))(error).into()),
        }
    }

    fn target(&self, input: &str) -> Result<Target, Failure> {
        let queue = self.dead_letter_arn.as_ref().map(|arn| DeadLetterConfig::builder().arn(arn).build());
        let target = Target::builder().arn(&self.state_machine_arn).role_arn(&self.role_arn).input(input);
        target.set_dead_letter_config(queue).build().map_err(|error| incomplete(&error))
    }
}

fn no_window() -> Result<FlexibleTimeWindow, Failure> {
    FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().map_err(|error| incomplete(&error))
}

fn incomplete(error: &dyn std::error::Error) -> Failure {
    Failure::Aws { doing: "building a schedule".to_owned(), reason: error.to_string() }
}

const fn state(enabled: bool) -> ScheduleState {
    if enabled { ScheduleState::Enabled } else { ScheduleState::Disabled }
}

fn not_found(name: &str) -> Refusal {
    Refusal::not_found("schedule", name)
}

/// Returns the refusal for a field that only EventBridge Scheduler knows to be wrong, like a time that has passed.
fn refused_field(message: Option<&str>) -> Refusal {
    let problem = format!("is refused by EventBridge Scheduler: {}", message.unwrap_or("it gives no reason"));
    Refusal::field("expression", problem, "an expression of EventBridge Scheduler, see docs/schedules.md")
}

fn stored(answer: GetScheduleOutput) -> StoredSchedule {
    let time = |time: Option<DateTime>| time.and_then(|time| Timestamp::from_second(time.secs()).ok());
    StoredSchedule {
        name: answer.name.unwrap_or_default(),
        expression: answer.schedule_expression.unwrap_or_default(),
        time_zone: answer.schedule_expression_timezone.unwrap_or_else(|| "UTC".to_owned()),
        enabled: answer.state != Some(ScheduleState::Disabled),
        input: answer.target.and_then(|target| target.input).unwrap_or_default(),
        created_at: time(answer.creation_date),
        changed_at: time(answer.last_modification_date),
    }
}
