//! A measurement that signals end early.

use dicomperf_model::results::{RunStatus, Verdict};
use rustix::process::{Signal, kill_process, kill_process_group, test_kill_process};

use serde_json::json;

use crate::harness::Measure;
use crate::harness::orthanc::{OrthancProcess, settings};

fn orthanc() -> OrthancProcess {
    OrthancProcess::start(settings(true, false, &[("DicomAlwaysAllowFind", json!(true))]))
}

/// A measurement that takes minutes.
fn long(orthanc: &OrthancProcess, sender: &str) -> Measure {
    let slow = ["--rate", "5", "--instances", "20", "--iterations", "50", "--associations", "2"];
    let fast = ["--instances", "200", "--iterations", "100", "--associations", "2"];
    let measure = Measure::bare(&format!("ORTHANC@127.0.0.1:{}", orthanc.address.dicom_port)).with(&["--warmup", "0"]);
    match sender {
        "native" => measure.with(&slow),
        _ => measure.with(&fast).with(&["--sender", sender]).with_variable("PATH", &std::env::var("PATH").unwrap()),
    }
}

#[test]
fn ctrl_c_ends_after_the_c_store_under_way_and_reports_what_was_measured() {
    let orthanc = orthanc();
    for signal in [Signal::INT, Signal::TERM] {
        let measure = long(&orthanc, "native");
        let mut started = measure.start();
        started.until("a first iteration", || measure.log().contains(" index=0 "));
        let children = started.descendants();
        started.signal(signal);
        let measured = started.end();
        measured.exits_with(1);
        let report = measured.report();
        assert_eq!((report.status, report.verdict), (RunStatus::Failed, Verdict::Invalid));
        assert_eq!(report.error.as_ref().unwrap().error, "Interrupted");
        let iterations = measured.iterations();
        assert!(iterations[0].valid, "{:?}", iterations[0].reason);
        let last = iterations.last().unwrap();
        if !last.valid {
            let reason = last.reason.as_deref().unwrap();
            assert!(reason.contains("the run was interrupted"), "{reason}");
            // Each association ended between two C-STOREs, and was released.
            assert_eq!(last.instances_failed, 0, "{reason}");
            assert_eq!(last.instances_stored, Some(last.instances_sent));
        }
        measure.left_nothing();
        assert!(children.iter().all(|child| test_kill_process(*child).is_err()), "a child is left");
    }
}

#[test]
fn dcmtks_senders_end_too() {
    let orthanc = orthanc();
    let measure = long(&orthanc, "storescu");
    let mut started = measure.start();
    started.until("a first iteration", || measure.log().contains(" index=0 "));
    let children = started.descendants();
    started.signal(Signal::INT);
    let measured = started.end();
    measured.exits_with(1);
    assert_eq!(measured.report().error.as_ref().unwrap().error, "Interrupted");
    measure.left_nothing();
    assert!(children.iter().all(|child| test_kill_process(*child).is_err()), "a child is left");
}

#[test]
fn a_terminals_signal_to_the_whole_group_does_not_reach_the_sender() {
    use std::os::unix::process::CommandExt as _;
    use std::process::Stdio;

    let orthanc = orthanc();
    let measure = long(&orthanc, "native");
    let process = measure.command().process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let group = rustix::process::Pid::from_child(&process);
    let mut started = measure.started(process);
    started.until("a first iteration", || measure.log().contains(" index=0 "));
    kill_process_group(group, Signal::INT).unwrap();
    let measured = started.end();
    measured.exits_with(1);
    assert!(measured.iterations().iter().all(|iteration| iteration.instances_failed == 0));
}

#[test]
fn a_second_signal_ends_at_once_and_leaves_no_process() {
    let orthanc = orthanc();
    let measure = long(&orthanc, "native");
    let mut started = measure.start();
    started.until("a first iteration", || measure.log().contains(" index=0 "));
    // Orthanc stands still, so that no C-STORE is answered.
    kill_process(orthanc.process().unwrap(), Signal::STOP).unwrap();
    let children = started.descendants();
    started.signal(Signal::INT);
    std::thread::sleep(std::time::Duration::from_millis(300));
    started.signal(Signal::INT);
    let measured = started.end();
    kill_process(orthanc.process().unwrap(), Signal::CONT).unwrap();
    measured.exits_with(1);
    measure.left_nothing();
    assert!(children.iter().all(|child| test_kill_process(*child).is_err()), "a child is left");
}
