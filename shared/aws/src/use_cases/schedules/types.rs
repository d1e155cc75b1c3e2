//! Inputs and answers of the use cases of schedules, as the command line and the HTTP API show them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// States of a schedule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScheduleState {
    /// It starts runs.
    #[default]
    Enabled,
    /// It is paused.
    Disabled,
}

/// A schedule to create.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSchedule {
    /// Name of the schedule: 1 to 64 letters, digits and _ . -, of which the first is a letter or a digit.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]*$"))]
    pub name: String,
    /// Times at which it starts a run: a cron, rate or at expression of EventBridge Scheduler.
    #[schemars(length(min = 1, max = 256))]
    pub expression: String,
    /// Time zone of the expression, a name of the IANA database like Europe/Berlin.
    #[serde(default = "default_time_zone")]
    #[schemars(length(min = 1, max = 50))]
    pub time_zone: String,
    /// DISABLED to create it paused.
    #[serde(default)]
    pub state: ScheduleState,
    /// The request of its runs: schemas/request.schema.json.
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub request: Value,
}

/// Changes of a schedule. An absent field stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleChange {
    /// Times at which it starts a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 256))]
    pub expression: Option<String>,
    /// Time zone of the expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 50))]
    pub time_zone: Option<String>,
    /// DISABLED to pause it, ENABLED to resume it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ScheduleState")]
    pub state: Option<ScheduleState>,
    /// The request of its runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub request: Option<Value>,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Name of the schedule.
    pub name: String,
    /// Times at which it starts a run.
    pub expression: String,
    /// Time zone of the expression.
    pub time_zone: String,
    /// State of the schedule.
    pub state: ScheduleState,
    /// True for the schedule that the stack's own parameters set. Only they change it.
    pub of_stack: bool,
    /// The request of its runs; null if its input is not in the form of this project.
    pub request: Value,
    /// Time of its creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Option<Timestamp>,
    /// Time of its last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub changed_at: Option<Timestamp>,
}

/// The schedules of a stack, in alphabetical order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleList {
    /// The schedules.
    pub schedules: Vec<Schedule>,
}

fn default_time_zone() -> String {
    "UTC".to_owned()
}
