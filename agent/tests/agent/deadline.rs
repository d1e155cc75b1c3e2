//! A step's deadline, and a step that is started twice.

use std::fs;

use dicomperf_model::step::{StepId, StepState, Work};

use crate::harness::orthanc::settings;
use crate::harness::run::{block, measurement_of};
use crate::harness::{OrthancProcess, Run};

#[test]
fn a_step_whose_deadline_falls_is_incomplete_and_the_next_part_goes_on() {
    let run = Run::with_instances(2).deadline_seconds(0);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let block = block(&orthanc, &[1, 2], 1, 1);
    let first = run.measure(0, block.clone()).succeeds();
    assert_eq!(first.state, StepState::Incomplete);
    assert_eq!(measurement_of(&first).iterations.len(), 1, "the iteration in which the deadline falls is made");
    assert!(!run.bucket.uploads("client-measure-0.heartbeat").is_empty(), "no sign of life");

    let run = run.deadline_seconds(600);
    let second = run.measure(1, block).succeeds();
    assert_eq!(second.state, StepState::Succeeded);
    let measurement = measurement_of(&second);
    assert_eq!(measurement.iterations[..1], measurement_of(&first).iterations[..]);
    let order: Vec<_> = measurement.iterations.iter().map(|one| (one.index, one.scenario)).collect();
    assert_eq!(order, [(0, 0), (0, 1), (1, 1), (1, 0)]);
}

#[test]
fn a_command_that_is_sent_twice_runs_once() {
    let run = Run::with_instances(2);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let work = || Work::Measure(block(&orthanc, &[1], 0, 2));
    let step = || StepId::Measure { ordinal: 0, part: 0 };
    let mut first = run.command(step(), work()).spawn().unwrap();
    let mut second = run.command(step(), work()).spawn().unwrap();
    assert!(first.wait().unwrap().success() && second.wait().unwrap().success());
    let reports = run.bucket.reports("client-measure-0");
    assert_eq!(reports.iter().filter(|report| report.state == StepState::Succeeded).count(), 1);
    assert_eq!(measurement_of(reports.last().unwrap()).iterations.len(), 2);

    let third = run.command(step(), work()).output().unwrap();
    assert!(third.status.success());
    assert_eq!(String::from_utf8_lossy(&third.stdout), "client-measure-0: already done\n");
    assert_eq!(run.bucket.reports("client-measure-0").len(), reports.len());
}

#[test]
fn the_second_command_has_the_first_ones_exit_code() {
    let run = Run::with_instances(1);
    let mut orthanc = OrthancProcess::start(settings(true, false, &[]));
    orthanc.stop();
    let block = block(&orthanc, &[1], 0, 1);
    run.measure(0, block.clone()).fails_with("ServerUnreachable");
    assert_eq!(run.measure(0, block).output.status.code(), Some(1));
}

#[test]
fn a_document_that_is_none_is_an_error_and_nothing_is_done() {
    let run = Run::new();
    let path = run.state.path().join("document.json");
    fs::write(&path, "{}").unwrap();
    let agent = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dicomperf-agent"));
        command.env("DICOMPERF_STATE", run.state.path());
        command
    };
    let output = agent().arg("step").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not a step document"));
    assert!(!run.home("").exists());

    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let _ = run.command(StepId::Measure { ordinal: 0, part: 0 }, Work::Measure(block(&orthanc, &[1], 0, 1)));
    let document = run.state.path().join("client-measure-0.document.json");
    let output = agent().args(["server", "configure"]).arg(document).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("client measure"), "{output:?}");
}
