use std::process::{Command, Stdio};

use crate::aws::Aws;

#[test]
fn a_connection_that_breaks_is_resumed_and_the_run_followed_to_its_end() {
    let aws = Aws::start();
    let child = aws.command(&["attach", "run-1"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    aws.wait_for("DescribeExecution", 1);
    aws.set(|state| state.breaks = true);
    // The SDK makes three attempts of a call. The first call that breaks may be one that only shows progress.
    aws.wait_for("broken", 7);
    aws.set(|state| {
        state.breaks = false;
        state.status = "SUCCEEDED";
    });
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("no answer from AWS for ") && errors.contains("trying on"), "{errors}");
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("passed: "), "{output:?}");
}

#[test]
fn a_denied_permission_ends_the_command_at_once_with_the_words_of_aws() {
    let aws = Aws::start();
    aws.set(|state| state.error = Some("AccessDeniedException"));
    let output = aws.command(&["attach", "run-1"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("AccessDeniedException: not now"), "{errors}");
    assert!(!errors.contains("trying on"), "{errors}");
}

#[test]
fn without_a_terminal_a_signal_leaves_the_run_and_prints_how_to_attach() {
    let aws = Aws::start();
    let child = aws.command(&["attach", "run-1"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    aws.wait_for("DescribeExecution", 1);
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("dicomperf attach run-1"), "{errors}");
    assert!(!aws.state.lock().unwrap().calls.contains(&"StopExecution".to_owned()));
}
