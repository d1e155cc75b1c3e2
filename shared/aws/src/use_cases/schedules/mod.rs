//! Creates, lists, changes, deletes and runs schedules, for the command line and the HTTP API.

mod expression;
mod types;

use jiff::Timestamp;
use rand::Rng;
use serde_json::Value;

use crate::clients::executions::Executions;
use crate::clients::schedules::{ScheduleGroup, StoredSchedule};
use crate::refusal::Refusal;
use crate::use_cases::runs::StartedRun;
use crate::workflow::Scheduled;
use dicomperf_model::plan::{Circumstances, try_plan};
use dicomperf_model::request::Request;
use dicomperf_model::results::RunStatus;
use dicomperf_model::run_id;
use dicomperf_model::validation::{FieldError, InvalidRequest};

pub use self::types::{NewSchedule, Schedule, ScheduleChange, ScheduleList, ScheduleState};

/// Schedules of a stack at most, so that a list reads each within the time of one call.
pub const MAX_SCHEDULES: usize = 50;
/// Characters of a schedule's name at most (EventBridge Scheduler API Reference, CreateSchedule).
const MAX_NAME_CHARACTERS: usize = 64;
const NAME_RULE: &str = "1 to 64 letters, digits and _ . -, of which the first is a letter or a digit";

/// The schedules of a stack.
#[derive(Debug, Clone)]
pub struct Schedules {
    /// The stack's group.
    pub group: ScheduleGroup,
    /// Executions of the state machine, for a run of a schedule outside of its times.
    pub executions: Executions,
}

impl Schedules {
    /// Creates a schedule. Its request is checked as far as that needs no AWS.
    ///
    /// # Errors
    /// A field is not allowed, a schedule of this name exists, there are too many, or AWS refuses it.
    pub async fn create(&self, new: &NewSchedule, now: Timestamp) -> Result<Schedule, Refusal> {
        let mut errors = Vec::new();
        if !is_name(&new.name) {
            errors.push(FieldError::new("name", format!("is {:?}", new.name), NAME_RULE));
        }
        errors.extend(expression::errors(&new.expression, &new.time_zone));
        errors.extend(request_errors(&new.request, now));
        refuse(errors)?;
        if self.group.names().await?.len() >= MAX_SCHEDULES {
            return Err(Refusal::Conflict(format!(
                "the stack has {MAX_SCHEDULES} schedules, the most that it may have"
            )));
        }
        let schedule = StoredSchedule {
            name: new.name.clone(),
            expression: new.expression.clone(),
            time_zone: new.time_zone.clone(),
            enabled: new.state == ScheduleState::Enabled,
            input: input(&new.name, new.request.clone()).to_string(),
            created_at: None,
            changed_at: None,
        };
        self.group.create(&schedule).await?;
        self.find(&new.name).await
    }

    /// Returns every schedule of the stack, its own one included.
    ///
    /// # Errors
    /// AWS does not answer.
    pub async fn list(&self) -> Result<ScheduleList, Refusal> {
        let mut schedules = Vec::new();
        for name in self.group.names().await? {
            match self.group.find(&name).await {
                Ok(stored) => schedules.push(shown(stored)),
                // Deleted since it was listed.
                Err(Refusal::NotFound { .. }) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(ScheduleList { schedules })
    }

    /// Returns a schedule.
    ///
    /// # Errors
    /// There is no such schedule, or AWS does not answer.
    pub async fn find(&self, name: &str) -> Result<Schedule, Refusal> {
        Ok(shown(self.stored(name).await?))
    }

    /// Changes fields of a schedule: pauses and resumes it, sets other times or another request.
    ///
    /// # Errors
    /// A field is not allowed, there is no such schedule, it is the stack's own, or AWS refuses it.
    pub async fn change(&self, name: &str, change: &ScheduleChange, now: Timestamp) -> Result<Schedule, Refusal> {
        let mut stored = self.own(name).await?;
        if let Some(expression) = &change.expression {
            stored.expression.clone_from(expression);
        }
        if let Some(time_zone) = &change.time_zone {
            stored.time_zone.clone_from(time_zone);
        }
        if let Some(state) = change.state {
            stored.enabled = state == ScheduleState::Enabled;
        }
        let mut errors = Vec::new();
        if change.expression.is_some() || change.time_zone.is_some() {
            errors.extend(expression::errors(&stored.expression, &stored.time_zone));
        }
        if let Some(request) = &change.request {
            errors.extend(request_errors(request, now));
            stored.input = input(name, request.clone()).to_string();
        }
        refuse(errors)?;
        self.group.replace(&stored).await?;
        self.find(name).await
    }

    /// Deletes a schedule. Its runs and their results stay.
    ///
    /// # Errors
    /// There is no such schedule, it is the stack's own, or AWS refuses it.
    pub async fn delete(&self, name: &str) -> Result<(), Refusal> {
        self.own(name).await?;
        self.group.delete(name).await
    }

    /// Starts a run of a schedule now, paused or not. It does not overlap a run of the same schedule: its plan fails
    /// then.
    ///
    /// # Errors
    /// There is no such schedule, its input is in another form, or AWS refuses the execution.
    pub async fn run_now(&self, name: &str, now: Timestamp, random: &mut impl Rng) -> Result<StartedRun, Refusal> {
        let stored = self.stored(name).await?;
        let scheduled: Scheduled = serde_json::from_str(&stored.input)
            .map_err(|error| Refusal::Conflict(format!("schedule {name} has an input in another form: {error}")))?;
        let request = Request::from_json(&scheduled.request)?;
        let run_id = run_id::new(now, &request.name, random);
        let input = input(&scheduled.schedule, scheduled.request);
        let execution_arn = self.executions.start(&run_id, &input).await?;
        Ok(StartedRun { run_id, execution_arn, status: RunStatus::Running })
    }

    async fn stored(&self, name: &str) -> Result<StoredSchedule, Refusal> {
        if !is_name(name) {
            return Err(Refusal::not_found("schedule", name));
        }
        self.group.find(name).await
    }

    /// Returns a schedule that people made. A change of the stack's own would be undone by its next update.
    async fn own(&self, name: &str) -> Result<StoredSchedule, Refusal> {
        let stored = self.stored(name).await?;
        if is_of_stack(&stored) {
            return Err(Refusal::Conflict(format!(
                "schedule {name} belongs to the stack; change its parameters ScheduleState, ScheduleExpression, \
                 ScheduleTimeZone and ScheduleRequest"
            )));
        }
        Ok(stored)
    }
}

/// Returns the input of a schedule's executions. Runs with the same name of a schedule do not overlap.
fn input(schedule: &str, request: Value) -> Value {
    serde_json::json!(Scheduled { schedule: schedule.to_owned(), request })
}

fn shown(stored: StoredSchedule) -> Schedule {
    let of_stack = is_of_stack(&stored);
    let request = serde_json::from_str::<Scheduled>(&stored.input).map(|scheduled| scheduled.request);
    Schedule {
        name: stored.name,
        expression: stored.expression,
        time_zone: stored.time_zone,
        state: if stored.enabled { ScheduleState::Enabled } else { ScheduleState::Disabled },
        of_stack,
        request: request.unwrap_or(Value::Null),
        created_at: stored.created_at,
        changed_at: stored.changed_at,
    }
}

/// Returns true for the stack's own schedule. CloudFormation names it, and its input has the stack's name; the input of
/// one that people made has the schedule's own name.
fn is_of_stack(stored: &StoredSchedule) -> bool {
    serde_json::from_str::<Scheduled>(&stored.input).is_ok_and(|scheduled| scheduled.schedule != stored.name)
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_CHARACTERS).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// Returns the errors of a schedule's request, with the path of each in the schedule.
fn request_errors(request: &Value, now: Timestamp) -> Vec<FieldError> {
    let checked = Request::from_json(request)
        .and_then(|request| try_plan(&request, Circumstances::offline("not-started", now)).map(|_| ()));
    let Err(InvalidRequest { errors }) = checked else { return Vec::new() };
    let inside = |path: &str| match path {
        "" => "request".to_owned(),
        _ if path.starts_with('[') => format!("request{path}"),
        _ => format!("request.{path}"),
    };
    errors.into_iter().map(|error| FieldError { path: inside(&error.path), ..error }).collect()
}

fn refuse(errors: Vec<FieldError>) -> Result<(), Refusal> {
    if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(InvalidRequest { errors })) }
}

#[cfg(test)]
mod tests;
