//! Runs that compare the speed of settings, and therefore run alone. `make test` runs them with IAM policies enforced.
//! The demonstration's hosts install their packages.

mod builds;
mod doctor;

use dicomperf_model::results::{Change, Verdict};
use dicomperf_model::telling::FinishedRun;
use serde_json::{Value, json};

use crate::dicomperf::{answer, refusal, request_file};
use crate::harness::{Lab, printed, root, setting, with_packages};
use crate::reports::{compare, differences, short_run};
use crate::telling::{Told, alarm_state, metric, metric_comes};

/// A user without a policy must be refused. Otherwise no run here would prove that the template grants its permissions.
#[test]
fn policies_are_enforced() {
    let name = format!("nobody-{}", std::process::id());
    printed("aws", &["iam", "create-user", "--user-name", &name]);
    let key =
        printed("aws", &["iam", "create-access-key", "--user-name", &name, "--query", "AccessKey", "--output", "json"]);
    let key: Value = serde_json::from_str(&key).unwrap();
    let output = std::process::Command::new("aws")
        .args(["s3api", "list-objects-v2", "--bucket", &setting("DICOMPERF_STACK_BUCKET_NAME")])
        .env("AWS_ACCESS_KEY_ID", key["AccessKeyId"].as_str().unwrap())
        .env("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"].as_str().unwrap())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("AccessDenied"), "policies are not enforced: source target/lab/env-auth; {errors}");
}

/// Makes a user with `policies/start-runs.json` for the lab's stack and no other permission. Returns the keys.
fn user_who_may_start_runs() -> [(&'static str, String); 2] {
    let state_machine = setting("DICOMPERF_STACK_STATE_MACHINE_ARN");
    let parts: Vec<_> = state_machine.split(':').collect();
    let mut policy = std::fs::read_to_string(root().join("policies/start-runs.json")).unwrap();
    for (word, value) in [
        // Before the names that it contains.
        ("STATE_MACHINE", parts[6]),
        ("REGION", parts[3]),
        ("ACCOUNT", parts[4]),
        ("STACK", "dicomperf"),
        ("TABLE", &setting("DICOMPERF_STACK_TABLE_NAME")),
        ("BUCKET", &setting("DICOMPERF_STACK_BUCKET_NAME")),
        ("GROUP", &setting("DICOMPERF_STACK_SCHEDULE_GROUP_NAME")),
        ("API", &setting("DICOMPERF_STACK_API_ID")),
    ] {
        policy = policy.replace(word, value);
    }
    let name = format!("starts-runs-{}", std::process::id());
    printed("aws", &["iam", "create-user", "--user-name", &name]);
    let document = ["--policy-name", "start-runs", "--policy-document", &policy];
    printed("aws", &[&["iam", "put-user-policy", "--user-name", &name], &document[..]].concat());
    let key = printed("aws", &["iam", "create-access-key", "--user-name", &name, "--output", "json"]);
    let key: Value = serde_json::from_str(&key).unwrap();
    let text = |field: &str| key["AccessKey"][field].as_str().unwrap().to_owned();
    [("AWS_ACCESS_KEY_ID", text("AccessKeyId")), ("AWS_SECRET_ACCESS_KEY", text("SecretAccessKey"))]
}

/// The demonstration, as a person would run it: the command line starts it, follows it and downloads its report. That
/// person may start runs, and do nothing else.
#[tokio::test]
async fn demonstration_is_valid_and_leaves_nothing_but_its_results() {
    let out = root().join("target/tests/demo");
    let output = std::process::Command::new(root().join("target/debug/dicomperf"))
        .args(["run", root().join("events/demo.json").to_str().unwrap(), "--out", out.to_str().unwrap()])
        .envs(user_who_may_start_runs())
        .output()
        .unwrap();
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{printed}\n{errors}");
    // Without a terminal, each state and iteration is a line.
    assert!(errors.contains("Measure block") && errors.contains("iteration"), "{errors}");
    assert!(printed.contains("instances/s"), "{printed}");

    let report: Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["status"], "SUCCEEDED");
    assert_eq!(report["verdict"], "passed");
    assert_eq!(report["hostsLeft"], 0);
    let scenarios = report["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 4);
    for iteration in scenarios.iter().flat_map(|scenario| scenario["iterations"].as_array().unwrap()) {
        assert_eq!(iteration["valid"], true, "{iteration}");
        assert_eq!(iteration["instancesStored"], 100);
    }

    // With one association, TCP_NODELAY at both ends removes a timer of 40 ms from every C-STORE.
    let one = |tcp_no_delay: bool| {
        let matches = |settings: &Value| settings["associations"] == 1 && settings["tcpNoDelay"] == tcp_no_delay;
        scenarios.iter().find(|scenario| matches(&scenario["settings"])).unwrap()["scenario"].clone()
    };
    let comparison = report["comparisons"].as_array().unwrap().iter();
    let ratio = comparison.clone().find(|pair| pair["a"] == one(false) && pair["b"] == one(true)).unwrap();
    assert!(ratio["ratio"]["median"].as_f64().unwrap() >= 5.0, "{ratio}");
    assert_eq!(ratio["verdict"], "improved");

    // Every scenario has the hosts' resource use and the network's capacity.
    for scenario in scenarios {
        for host in ["server", "client"] {
            let used = &scenario["resources"][host];
            assert!(used["cpu"]["user"].as_f64().unwrap() > 0.0, "{host}: {used}");
        }
        let orthanc = &scenario["resources"]["server"]["orthanc"];
        assert!(orthanc["cpuCores"].as_f64().unwrap() > 0.0, "{orthanc}");
        let parts = &scenario["decomposition"];
        assert!(parts["startupMs"]["p50"].as_f64().unwrap() > 1.0, "{parts}");
        assert!(parts["networkFloorMs"].as_f64().unwrap() < scenario["latencyMs"]["p50"].as_f64().unwrap(), "{parts}");
    }
    let network = report["network"].as_array().unwrap();
    assert_eq!(network.len(), 4);
    assert!(network.iter().all(|one| one["baseline"]["toServerBytesPerSecond"].as_f64().unwrap() > 1e7), "{network:?}");

    let lab = Lab::new().await;
    let id = report["runId"].as_str().unwrap();
    assert!(lab.hosts_of(id).await.is_empty());
    lab.keep_page(id, "lab-demo").await;
    let keys = lab.keys(id).await;
    for key in [
        "request.json",
        "plan.json",
        "report.html",
        "report.json",
        "report.md",
        "blocks/0.json",
        "blocks/3.json",
        "logs/client/client-measure-0.log",
        "logs/server/server-configure-0.log",
        "logs/server/orthanc.log",
        "samples/client.jsonl.zst",
        "samples/server.jsonl.zst",
    ] {
        assert!(keys.iter().any(|known| known == key), "{key} is missing: {keys:?}");
    }
    let items = lab.items(id).await;
    let blocks = items.iter().filter(|(key, _)| key.starts_with("BLOCK#")).count();
    assert_eq!(blocks, 4, "{:?}", items.iter().map(|(key, _)| key).collect::<Vec<_>>());
    let (_, meta) = items.iter().find(|(key, _)| key == "META").unwrap();
    assert_eq!(meta["status"].as_s().unwrap(), "SUCCEEDED");
    assert_eq!(meta["verdict"].as_s().unwrap(), "passed");
}

/// The event, the metrics and the alarm of a run that is slower than its baseline.
async fn regression_is_told(event: &FinishedRun, report: &Value, baseline: &str, name: &str) {
    assert_eq!((&report["verdict"], event.verdict), (&json!("regressed"), Verdict::Regressed));
    let against = event.against.as_ref().unwrap();
    assert_eq!((against.run_id.as_str(), against.verdict), (baseline, Change::Regressed));
    assert!(!against.says.is_empty());
    assert_eq!(json!(event.fingerprint), report["fingerprint"]);
    let scenario = event.scenarios.iter().find(|scenario| !scenario.probe).unwrap();
    let measured = &report["scenarios"][0];
    assert_eq!(json!(scenario.instances_per_second), measured["instancesPerSecond"]);
    assert_eq!(json!(scenario.latency_ms), measured["latencyMs"]);
    let place = event.report.as_ref().unwrap();
    let url = place.url.as_ref().unwrap();
    assert!(url.ends_with(&format!("/runs/{}/report", event.run_id)), "{url}");

    let of_run = [("Stack", "dicomperf"), ("Name", name)];
    metric_comes("Runs", &of_run).await;
    for (metric_name, value) in [("Runs", 1.0), ("Regressed", 1.0), ("Passed", 0.0), ("Failed", 0.0)] {
        assert_eq!(metric(metric_name, &of_run), Some(value), "{metric_name}");
    }
    let of_scenario = [&of_run[..], &[("Scenario", scenario.settings.as_str())]].concat();
    let median = scenario.instances_per_second.unwrap().median;
    assert_eq!(metric("InstancesPerSecond", &of_scenario), Some(median));
    assert!(metric("Regressed", &[("Stack", "dicomperf")]).unwrap() >= 1.0);
    assert_eq!(alarm_state(), "ALARM");
}

/// A named baseline, made by the command line.
struct Named {
    name: String,
}

impl Named {
    fn set(lab: &Lab, run_id: &str) -> Self {
        let name = lab.new_id("fast");
        let set = answer(&["baseline", "set", &name, run_id], "baseline", 0);
        assert_eq!((&set["name"], &set["runId"]), (&json!(name), &json!(run_id)));
        let list = answer(&["baseline", "list"], "baseline-list", 0);
        assert!(list["baselines"].as_array().unwrap().contains(&set), "{list}");
        let errors = refusal(&["baseline", "set", &name, "no-such-run"]);
        assert!(errors.contains("run: no-such-run is unknown"), "{errors}");
        Self { name }
    }

    fn delete(self) {
        let delete = ["baseline", "delete", &self.name];
        assert_eq!(answer(&delete, "deleted", 0), json!({ "name": self.name, "deleted": true }));
        assert_eq!(answer(&delete, "deleted", 2)["deleted"], false);
        let list = answer(&["baseline", "list"], "baseline-list", 0);
        assert!(list["baselines"].as_array().unwrap().iter().all(|one| one["name"] != self.name.as_str()), "{list}");
    }
}

#[tokio::test]
async fn runs_that_differ_in_tcp_nodelay_are_compared_and_the_cause_is_named() {
    let lab = Lab::new().await;
    let mut told = Told::new(&lab, "regressed").await;
    let with = lab.start("no-delay", with_packages(short_run(&json!({})))).await.finish().await;
    told.finished(&with.id).await;
    let name = lab.new_id("slower");
    let baseline = Named::set(&lab, &with.id);
    let slower = json!({ "name": name, "matrix": { "tcpNoDelay": [false] }, "baseline": { "named": baseline.name } });
    let file = request_file("regressed", &with_packages(short_run(&slower)));
    let ended = answer(&["run", &file], "run", 3);
    assert_eq!((&ended["status"], &ended["verdict"]), (&json!("SUCCEEDED"), &json!("regressed")));
    baseline.delete();
    let id = ended["runId"].as_str().unwrap();
    let arn = format!("{}:{id}", lab.state_machine.replace(":stateMachine:", ":execution:"));
    let without = lab.started(id, &arn).finish().await;
    let event = told.finished(&without.id).await;
    told.end().await;
    regression_is_told(&event, without.succeeded(), &with.id, &name).await;
    let found = without.succeeded()["diagnosis"].as_array().unwrap();
    let nagle = found.iter().find(|one| one["rule"] == "nagle-delayed-ack").unwrap_or_else(|| panic!("{found:?}"));
    // The matrix has no other value to compare with, so that the plan added a probe.
    assert_eq!(nagle["confidence"], "proven", "{nagle}");
    assert!(nagle["gain"]["times"].as_f64().unwrap() > 3.0, "{nagle}");
    let elsewhere = with.succeeded()["diagnosis"].as_array().unwrap();
    assert!(elsewhere.iter().all(|one| one["rule"] != "nagle-delayed-ack"), "{elsewhere:?}");

    let (output, comparison) = compare(&without, &with, "tcp-nodelay");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("TCP_NODELAY") && said.contains("Nagle"), "{said}");
    assert_eq!(differences(&comparison, "versions"), []);
    let pairs = comparison["scenarios"].as_array().unwrap();
    assert_eq!(pairs.len(), 1);
    assert_eq!(pairs[0]["verdict"], "improved");
    let ratio = &pairs[0]["ratioBetweenRuns"];
    assert!(ratio["low"].as_f64().unwrap() > 2.0 && ratio["high"].is_number(), "{ratio}");
    assert_eq!(pairs[0]["because"][0]["rule"], "nagle-delayed-ack");

    let (output, _) = compare(&with, &without, "tcp-nodelay-backwards");
    assert_eq!(output.status.code(), Some(3), "slower than before is an exit code");
}
