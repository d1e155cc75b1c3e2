//! The template's own schedule, which is off unless a test switches it on.

use serde_json::{Value, json};

use crate::dicomperf::answer;
use crate::harness::{Lab, Run, command, eventually, setting};
use crate::telling::aws;

/// The schedule, switched on. It is as it was when this is dropped, so that the tests can run again.
pub struct StackSchedule {
    group: String,
    name: String,
    before: Value,
    /// Name of the schedule in its runs' input.
    in_input: String,
    known: Vec<String>,
}

impl StackSchedule {
    /// Switches the schedule on, with this request.
    pub async fn switch_on(lab: &Lab, request: Value) -> Self {
        let group = setting("DICOMPERF_STACK_SCHEDULE_GROUP_NAME");
        let list = answer(&["schedule", "list"], "schedule-list", 0);
        let of_stack = list["schedules"].as_array().unwrap().iter().find(|one| one["ofStack"] == true);
        let name = of_stack.unwrap()["name"].as_str().unwrap().to_owned();
        assert!(name.starts_with("dicomperf-Schedule"), "{list}");
        let before = aws(&["scheduler", "get-schedule", "--group-name", &group, "--name", &name]);
        assert_eq!(before["State"], "DISABLED");
        // Another test's run has no lock of this name.
        let in_input = lab.new_id("schedule");
        let mut target = before["Target"].clone();
        let input: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
        assert_eq!(input["schedule"], "dicomperf");
        target["Input"] = json!(json!({ "schedule": in_input, "request": request }).to_string());
        let schedule = Self { group, name, before, in_input, known: executions(lab).await };
        let output = schedule.update("ENABLED", "rate(1 minute)", &target);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        schedule
    }

    /// Waits for the first run of the schedule, and switches it off.
    pub async fn first_run(self, lab: &Lab) -> Run<'_> {
        eventually("the schedule started nothing", async || {
            for arn in executions(lab).await.into_iter().filter(|arn| !self.known.contains(arn)) {
                let execution = lab.states.describe_execution().execution_arn(&arn).send().await.unwrap();
                if execution.input.unwrap_or_default().contains(&self.in_input) {
                    return Some(lab.started(arn.rsplit(':').next().unwrap(), &arn));
                }
            }
            None
        })
        .await
    }

    fn update(&self, state: &str, expression: &str, target: &Value) -> std::process::Output {
        let target = target.to_string();
        let of = ["scheduler", "update-schedule", "--group-name", &self.group, "--name", &self.name];
        let with = ["--state", state, "--schedule-expression", expression, "--flexible-time-window", "Mode=OFF"];
        command("aws", &[&of[..], &with[..], &["--target", &target]].concat())
    }
}

impl Drop for StackSchedule {
    fn drop(&mut self) {
        self.update("DISABLED", self.before["ScheduleExpression"].as_str().unwrap(), &self.before["Target"]);
    }
}

async fn executions(lab: &Lab) -> Vec<String> {
    let list = lab.states.list_executions().state_machine_arn(&lab.state_machine).max_results(200);
    list.send().await.unwrap().executions().iter().map(|execution| execution.execution_arn.clone()).collect()
}
