use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::aws::{Aws, summary};

/// Returns the faults of a command's document by its committed schema.
fn faults(output: &Output, schema: &str) -> Vec<String> {
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../schemas/cli/{schema}.schema.json"));
    let schema: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_documents_of_the_commands_have_the_form_of_their_schemas() {
    let aws = Aws::start();
    aws.set(|state| state.status = "SUCCEEDED");
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    fs::write(path("request.json"), "{}").unwrap();
    fs::write(path("bad.json"), r#"{ "iterations": 0, "x": 1 }"#).unwrap();
    fs::write(path("a.json"), dicomperf_report::json(&summary())).unwrap();
    let (request, bad, a, out) = (path("request.json"), path("bad.json"), path("a.json"), path("out"));
    for (arguments, schema, code) in [
        (vec!["run", &request, "--json", "--out", &out], "run", 0),
        (vec!["run", &request, "--json", "--detach"], "run", 0),
        (vec!["attach", "run-1", "--json"], "run", 0),
        (vec!["validate", &request, "--json"], "validate", 0),
        (vec!["validate", &bad, "--json"], "validate", 2),
        (vec!["list", "--json", "--limit", "1"], "list", 0),
        (vec!["show", "run-1", "--json"], "show", 0),
        (vec!["report", "run-1", "--json", "--out", &out], "files", 0),
        (vec!["report", &a, "--json"], "files", 0),
        (vec!["compare", &a, "run-1", "--json"], "compare", 0),
        (vec!["abort", "run-1", "--yes", "--json"], "abort", 0),
    ] {
        let output = aws.command(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(faults(&output, schema), Vec::<String>::new(), "{arguments:?}");
    }
}

#[test]
fn a_person_gets_tables_and_the_page_where_no_browser_is() {
    let aws = Aws::start();
    aws.set(|state| state.status = "SUCCEEDED");
    let directory = tempfile::tempdir().unwrap();
    let text = |arguments: &[&str]| {
        let output = aws.command(arguments).current_dir(directory.path()).env("PATH", "").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    assert!(text(&["list"]).contains("nightly"), "{}", text(&["list"]));
    assert!(text(&["show", "run-1"]).contains("hosts left  0"), "{}", text(&["show", "run-1"]));
    let opened = text(&["report", "run-1", "--open"]);
    assert!(opened.contains("no browser can be started here") && opened.contains("run-1/report.html"), "{opened}");
}

#[test]
fn an_unknown_file_type_of_run_is_bad_input_and_an_abort_without_a_terminal_changes_nothing() {
    let aws = Aws::start();
    let code = |arguments: &[&str]| aws.command(arguments).output().unwrap().status.code();
    assert_eq!(code(&["show", "../x"]), Some(2));
    assert_eq!(code(&["list", "--since", "yesterday"]), Some(2));
    assert_eq!(code(&["list", "--limit", "0"]), Some(2));
    assert_eq!(code(&["abort", "run-1"]), Some(2));
    assert!(!aws.state.lock().unwrap().calls.contains(&"StopExecution".to_owned()));
}
