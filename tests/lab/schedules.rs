//! Schedules, by the command line.

use serde_json::{Value, json};

use crate::dicomperf::{answer, dicomperf, refusal};
use crate::harness::{Lab, root};

/// Deletes a schedule at the end, in whatever state the test leaves it.
struct Deleted(String);

impl Drop for Deleted {
    fn drop(&mut self) {
        dicomperf(&["schedule", "delete", &self.0]);
    }
}

fn listed(name: &str) -> Option<Value> {
    let list = answer(&["schedule", "list"], "schedule-list", 0);
    list["schedules"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned()
}

/// The schedule's own times are in January of another year. Its request is a dry run, which launches nothing.
#[tokio::test]
async fn a_schedule_is_created_listed_run_now_paused_resumed_and_deleted() {
    let lab = Lab::new().await;
    let name = lab.new_id("by-cli");
    let request = root().join("events/doctor.json").display().to_string();
    let (times, zone) = ("cron(15 3 1 1 ? 2099)", "Europe/Berlin");
    let create = ["schedule", "create", &name, times, &request, "--time-zone", zone];
    let made = answer(&create, "schedule", 0);
    let _deleted = Deleted(name.clone());
    assert_eq!(
        (&made["expression"], &made["timeZone"], &made["state"]),
        (&json!(times), &json!(zone), &json!("ENABLED"))
    );
    let output = dicomperf(&create);
    assert_eq!(output.status.code(), Some(1), "it exists: {output:?}");
    assert_eq!(listed(&name).unwrap()["request"]["dryRun"], true);

    let started = answer(&["schedule", "run", &name], "schedule-run", 0);
    let id = started["runId"].as_str().unwrap();
    let attached = answer(&["attach", id], "run", 0);
    assert_eq!((&attached["status"], &attached["verdict"]), (&json!("SUCCEEDED"), &json!("passed")), "{attached}");
    assert!(!attached["checks"].as_array().unwrap().is_empty(), "{attached}");
    // A dry run has no record. Its execution has its status.
    assert_eq!(answer(&["show", id], "show", 0)["status"], "SUCCEEDED");
    assert!(lab.hosts_of(id).await.is_empty());

    assert_eq!(answer(&["schedule", "pause", &name], "schedule", 0)["state"], "DISABLED");
    assert_eq!(listed(&name).unwrap()["state"], "DISABLED");
    let resumed = answer(&["schedule", "resume", &name], "schedule", 0);
    assert_eq!((&resumed["state"], &resumed["expression"]), (&json!("ENABLED"), &json!(times)));

    assert_eq!(answer(&["schedule", "delete", &name], "deleted", 0), json!({ "name": name, "deleted": true }));
    assert_eq!(listed(&name), None);
    for verb in ["pause", "resume", "delete", "run"] {
        let errors = refusal(&["schedule", verb, &name]);
        assert!(errors.contains("schedule") && errors.contains(&name), "{verb}: {errors}");
    }
}

#[test]
fn a_schedule_with_wrong_times_names_the_field_and_is_not_created() {
    let request = root().join("events/doctor.json").display().to_string();
    let errors =
        refusal(&["schedule", "create", "wrong-times", "cron(nightly)", &request, "--time-zone", "Moon/Tycho"]);
    assert!(errors.contains("expression: ") && errors.contains("timeZone: "), "{errors}");
    assert_eq!(listed("wrong-times"), None);
}
