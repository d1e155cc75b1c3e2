//! Wrong input and a missing configuration, as a person meets them: the message names the argument and the remedy.

use std::fs;
use std::io;
use std::process::{Command, Output};

use crate::aws::Aws;

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the command line of a user without any AWS configuration.
fn unconfigured(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dicomperf"));
    command.args(arguments).env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent");
    command
}

#[test]
fn each_verb_names_the_wrong_argument_with_exit_code_2_and_starts_nothing() {
    let aws = Aws::start();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("garbage.json"), "{").unwrap();
    fs::write(directory.path().join("request.json"), r#"{ "iterations": 0 }"#).unwrap();
    for (arguments, named) in [
        (&["run", "missing.json"][..], "missing.json: the request: cannot be read"),
        (&["run", "request.json"], "request.json: iterations: is 0"),
        (&["run", "request.json", "--detach", "--out", "x"], "--out"),
        (&["attach", "a b"], "<RUN>"),
        (&["again", "run-1", "request.json"], "request.json: iterations: is 0"),
        (&["again", "run-1"], "again: is run-1, which is not over"),
        (&["clear", "run-1"], "clear: is run-1, which is not over"),
        (&["clear", "run-1", "--out", "x"], "--out"),
        (&["teardown", "run-1"], "teardown: is run-1, which is not over"),
        (&["abort", "../x"], "<RUN>"),
        (&["list", "--since", "yesterday"], "--since"),
        (&["list", "--since", "2026-02-01", "--until", "2026-01-01"], "since: is 2026-02-01"),
        (&["show", ".."], "<RUN>"),
        (&["report", "missing.json"], "run: missing.json cannot be read"),
        (&["report", "garbage.json"], "run: garbage.json is not a report.json of this version"),
        (&["compare", "missing.json", "run-1"], "a: missing.json cannot be read"),
        (&["compare", "a b", "run-1"], "a: is \"a b\""),
        (&["schedule", "create", "n", "cron(x)", "request.json"], "request.json: iterations: is 0"),
        (&["schedule", "pause"], "<NAME>"),
        (&["baseline", "set", "Upper", "run-1"], "name: is \"Upper\""),
        (&["baseline", "set", "n", "run-1"], "run: run-1 is not over"),
        (&["baseline", "delete", "unknown"], "there is no baseline \"unknown\""),
        (&["doctor", "request.json"], "request.json: iterations: is 0"),
        (&["history", "--from", "x"], "--from"),
        (&["completions", "tcsh"], "<SHELL>"),
        (&["schema", "missing"], "directory: is missing"),
        (&["validate", "garbage.json"], "garbage.json: the request: is not JSON"),
    ] {
        let output = aws.command(arguments).current_dir(directory.path()).output().unwrap();
        assert!(errors(&output).contains(named), "{arguments:?}: {}", errors(&output));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", errors(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
    let calls = aws.state.lock().unwrap().calls.clone();
    assert!(!calls.iter().any(|call| call.contains("Execution") || call.starts_with("Put")), "{calls:?}");
    assert!(!directory.path().join("missing").exists());
}

#[test]
fn a_missing_region_and_missing_credentials_are_named_with_their_remedy() {
    let output = unconfigured(&["list"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("no AWS region is configured; set AWS_REGION"), "{}", errors(&output));
    let output = unconfigured(&["list"]).env("AWS_REGION", "us-east-1").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("no AWS credentials are found; log in, and set AWS_PROFILE"),
        "{}",
        errors(&output)
    );
}

#[test]
fn an_endpoint_that_does_not_answer_is_an_error_in_words() {
    let mut command = unconfigured(&["list"]);
    command.envs(Aws::start().environment()).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = errors(&output);
    assert!(errors.contains("stack dicomperf") && errors.contains("Connection refused"), "{errors}");
    assert!(!errors.contains('{'), "no Rust struct: {errors}");
}

#[test]
fn a_reader_that_is_gone_ends_the_command_without_a_word() {
    for arguments in [&["completions", "bash"][..], &["list"], &["list", "--json"]] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = Aws::start().command(arguments).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), errors(&output).as_str()), (Some(1), ""), "{arguments:?}");
    }
}
