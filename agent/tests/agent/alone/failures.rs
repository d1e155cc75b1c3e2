//! Failures of the server, each provoked for real, from the agent's measurement to the finding. They are alone, because
//! a sampler sees every Orthanc of the machine.

use std::thread::sleep;
use std::time::Duration;

use dicomperf_model::results::{Confidence, Rule};
use dicomperf_testkit::{Cause, not_tested};
use rustix::process::{Signal, kill_process};

use crate::harness::OrthancProcess;
use crate::harness::diagnosed::{assert_silent, finding};
use crate::harness::failing::{Failed, FailingRun, Freezer, MemoryLimit, Mounted, wait_for_instances};

/// Every rule for a failure of the server.
const FAULTS: [Rule; 4] = [Rule::OutOfMemory, Rule::ServerDied, Rule::DiskFull, Rule::ServerStalled];

fn signal(orthanc: &OrthancProcess, signal: Signal) {
    kill_process(orthanc.process().unwrap(), signal).unwrap();
}

/// Asserts that exactly this rule fires, and returns the words of its finding and of the spoiled iteration.
fn words(failed: &Failed, rule: Rule, confidence: Confidence) -> (String, String) {
    let summary = &failed.summary;
    let found = finding(summary, rule);
    assert_eq!((found.confidence, &found.scenarios[..]), (confidence, &[0][..]));
    let others: Vec<_> = FAULTS.into_iter().filter(|&other| other != rule).collect();
    assert_silent(summary, &others);
    assert!(found.evidence.iter().all(|one| one.value.is_finite()), "{found:?}");
    let iteration = summary.scenarios[0].iterations.iter().find(|one| !one.valid).unwrap();
    (found.says.clone(), iteration.reason.clone().unwrap())
}

#[test]
fn a_server_that_nothing_happens_to_has_no_failure() {
    let failed = FailingRun::new("CT", 40, 2).measure(|_| ());
    assert_eq!(failed.summary.server_faults, []);
    assert_silent(&failed.summary, &FAULTS);
    assert_eq!(failed.summary.scenarios[0].valid_iterations, 2);
}

#[test]
fn a_server_that_is_killed_in_a_transfer_is_named_with_the_signal() {
    let failed = FailingRun::new("CT", 200, 2).measure(|orthanc| {
        wait_for_instances(orthanc, 10);
        signal(orthanc, Signal::KILL);
    });
    let (says, reason) = words(&failed, Rule::ServerDied, Confidence::Likely);
    assert!(says.starts_with("Orthanc was ended by SIGKILL, "), "{says}");
    assert!(says.contains("after the start of iteration 0 of scenario 0"), "{says}");
    assert!(reason.contains("; server-died: Orthanc was ended by SIGKILL, "), "{reason}");
    assert_eq!(failed.summary.scenarios[0].valid_iterations, 0);
    // The client sees only that nobody answers any more.
    let error = failed.measured.error.unwrap();
    assert!(["ServerUnreachable", "AssociationFailed"].contains(&error.name.as_str()), "{error:?}");
}

#[test]
fn a_server_that_is_stopped_for_seconds_spoils_an_iteration_that_looks_valid() {
    let failed = FailingRun::new("CT", 200, 2).measure(|orthanc| {
        wait_for_instances(orthanc, 10);
        signal(orthanc, Signal::STOP);
        sleep(Duration::from_secs(2));
        signal(orthanc, Signal::CONT);
    });
    let (says, reason) = words(&failed, Rule::ServerStalled, Confidence::Likely);
    assert!(says.starts_with("The process of Orthanc was stopped by a signal (state T) for "), "{says}");
    assert!(reason.starts_with("server-stalled: the process of Orthanc was stopped"), "{reason}");
    let scenario = &failed.summary.scenarios[0];
    assert_eq!((scenario.valid_iterations, scenario.iterations.len()), (1, 2));
    // The two seconds are in no figure.
    assert!(scenario.latency_ms.unwrap().max < 1500.0, "{:?}", scenario.latency_ms);
}

#[test]
fn a_server_that_neither_works_nor_answers_may_be_stalled() {
    let Some(freezer) = Freezer::new() else {
        return not_tested(Cause::Missing("no control group can be made"));
    };
    // While other programs use the disk or loopback, Orthanc may wait for them.
    let measured = (0..2).map(|_| {
        FailingRun::new("CT", 200, 2).measure(|orthanc| {
            wait_for_instances(orthanc, 10);
            freezer.freeze(orthanc, Duration::from_secs(6));
        })
    });
    let Some(failed) = measured.into_iter().find(|failed| !failed.summary.server_faults.is_empty()) else {
        return not_tested(Cause::Disturbed("other programs used the disk or loopback, twice"));
    };
    let (says, reason) = words(&failed, Rule::ServerStalled, Confidence::Possible);
    assert!(says.starts_with("Orthanc neither worked nor answered for 6."), "{says}");
    assert!(reason.starts_with("server-stalled: Orthanc neither worked nor answered"), "{reason}");
    assert_eq!(failed.summary.scenarios[0].valid_iterations, 1);
}

#[test]
fn a_volume_that_fills_up_is_named_with_its_size() {
    let mut run = FailingRun::new("CT", 60, 1);
    run.mounted = Mounted::new(&run.directory.path().join("storage"), 16);
    if run.mounted.is_none() {
        return not_tested(Cause::Missing("no permission to mount a file system"));
    }
    let failed = run.measure(|_| ());
    let (says, reason) = words(&failed, Rule::DiskFull, Confidence::Likely);
    assert!(
        says.starts_with("The volume with Orthanc's storage had 0 of 16 MB free, and Orthanc's log says: "),
        "{says}"
    );
    assert!(says.contains("Cannot write to file"), "{says}");
    assert!(reason.contains("disk-full: the volume"), "{reason}");
    assert_eq!(failed.summary.scenarios[0].valid_iterations, 0);
}

#[test]
fn a_server_that_the_kernel_kills_for_lack_of_memory_is_not_just_dead() {
    let Some(limit) = MemoryLimit::new(16_000_000) else {
        return not_tested(Cause::Missing("no control group with a memory controller can be made"));
    };
    let failed = FailingRun::new("DX", 2, 1).measure(|orthanc| limit.add(orthanc));
    let (says, reason) = words(&failed, Rule::OutOfMemory, Confidence::Likely);
    assert!(says.starts_with("Orthanc was ended by SIGKILL, "), "{says}");
    assert!(says.contains("the kernel had no memory left for it"), "{says}");
    assert!(reason.contains("out-of-memory: Orthanc was ended by SIGKILL"), "{reason}");
    let kills = finding(&failed.summary, Rule::OutOfMemory).evidence.iter().find(|one| one.figure.contains("killed"));
    assert!(kills.unwrap().value >= 1.0);
}
