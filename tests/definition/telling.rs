//! The examples of docs/telling.md, read by the types and by GitHub's and GitLab's schemas.

use std::process::{Command, Stdio};

use dicomperf_model::telling::{FinishedRun, UnstartedRun};
use dicomperf_testkit::{Cause, not_tested};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Returns the indented blocks of a page that are JSON objects.
fn json_blocks(page: &str) -> Vec<Value> {
    let mut blocks = vec![String::new()];
    for line in page.lines() {
        match line.strip_prefix("    ") {
            Some(line) => blocks.last_mut().unwrap().push_str(line),
            None => blocks.push(String::new()),
        }
    }
    blocks.iter().filter_map(|block| serde_json::from_str(block).ok()).filter(Value::is_object).collect()
}

fn is_whole<T: Serialize + DeserializeOwned>(example: &Value) {
    let read: T = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&read).unwrap(), example);
}

#[test]
fn the_events_of_the_documentation_are_events_of_the_stack() {
    let blocks = json_blocks(&crate::read("docs/telling.md"));
    assert_eq!(blocks.len(), 2, "{blocks:?}");
    is_whole::<FinishedRun>(&blocks[0]);
    is_whole::<UnstartedRun>(&blocks[1]);
}

#[test]
fn the_gates_of_the_documentation_are_jobs_of_github_and_gitlab() {
    let program = crate::root().join(".venv/bin/check-jsonschema");
    for (schema, file) in [("vendor.github-workflows", "github.yml"), ("vendor.gitlab-ci", "gitlab.yml")] {
        let check = Command::new(&program)
            .current_dir(crate::root().join("docs/gates"))
            .args(["--builtin-schema", schema, file])
            .output();
        let Ok(output) = check else {
            return not_tested(Cause::Missing("check-jsonschema is not installed: make install"));
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Returns the shell commands of a job.
fn scripts(job: &Value) -> Vec<String> {
    let steps = job["jobs"]["measure"]["steps"].as_array();
    let runs = steps.into_iter().flatten().filter_map(|step| step["run"].as_str());
    let lines = job["measure"]["script"].as_array().into_iter().flatten().filter_map(Value::as_str);
    runs.chain(lines).map(str::to_owned).collect()
}

#[test]
fn the_gates_start_a_run_in_shell_that_bash_can_read() {
    for file in ["docs/gates/github.yml", "docs/gates/gitlab.yml"] {
        let job: Value = serde_yaml_ng::from_str(&crate::read(file)).unwrap();
        let scripts = scripts(&job);
        assert!(scripts.iter().any(|one| one.contains("dicomperf") && one.contains(" run ")), "{scripts:?}");
        for script in scripts {
            let script = script.replace("${{", "\"\"'").replace("}}", "'\"\"");
            let check = Command::new("bash").args(["-n", "-c", &script]).stdin(Stdio::null()).output().unwrap();
            assert!(check.status.success(), "{script}: {}", String::from_utf8_lossy(&check.stderr));
        }
    }
}
