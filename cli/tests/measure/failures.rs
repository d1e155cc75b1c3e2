//! Servers that fail. Each failure is said in words, with its exit code, and nothing counts that was not stored.

use std::process::Command;

use dicomperf_testkit::{Cause, not_tested};
use serde_json::json;

use crate::harness::archive::{Archive, Peculiarity};
use crate::harness::archives::ArchiveProcess;
use crate::harness::orthanc::{OrthancProcess, settings};
use crate::harness::{Measure, Measured, free_port};

fn measured(port: u16) -> Measured {
    let measure = Measure::once("ARCHIVE", port);
    let measured = measure.run();
    measure.left_nothing();
    measured
}

/// Asserts that nothing was sent, and that the message has these words.
fn refuses(measured: &Measured, words: &[&str]) {
    measured.exits_with(1);
    let stderr = measured.stderr();
    for expected in words {
        assert!(stderr.contains(expected), "{expected}: {stderr}");
    }
    assert!(measured.report.as_ref().is_none_or(|report| report.scenarios.iter().all(|one| one.iterations.is_empty())));
}

#[test]
fn a_port_without_a_server_is_said_before_anything_else() {
    refuses(&measured(free_port()), &["C-ECHO", "refused"]);
}

#[test]
fn a_name_without_an_address_is_said_too() {
    refuses(&Measure::bare("PACS@no-such-host.invalid:104").run(), &["PACS@no-such-host.invalid:104", "C-ECHO"]);
}

#[test]
fn an_archive_that_does_not_know_our_ae_title_names_it() {
    let archive = ArchiveProcess::dcmqrscp("other");
    let measure = Measure::over_one_association("PACS", archive.port);
    refuses(&measure.run(), &["rejected the association", "AE title"]);
    assert_eq!(archive.files().len(), 0);
    // With the title that it knows it stores.
    Measure::over_one_association("PACS", archive.port).with(&["--aet", "OTHER"]).run().stored(Some(10));
}

#[test]
fn a_server_that_accepts_and_never_answers_ends_the_measurement_soon() {
    let archive = Archive::start(Peculiarity::Mute);
    refuses(&measured(archive.port), &["C-ECHO", "did not answer"]);
}

#[test]
fn half_that_is_stored_is_half() {
    let archive = Archive::start(Peculiarity::StoresHalf);
    let measured = measured(archive.port);
    measured.exits_with(3);
    assert!(measured.reason().starts_with("the server lacks "), "{}", measured.reason());
    for iteration in measured.iterations() {
        assert_eq!((iteration.valid, iteration.instances_stored), (false, Some(5)));
    }
    assert!(measured.stdout().contains("not valid: the server lacks 5 instances"), "{}", measured.stdout());
}

#[test]
fn warnings_are_no_success() {
    let archive = Archive::start(Peculiarity::Warns(0xB000));
    let measured = measured(archive.port);
    measured.exits_with(3);
    assert!(measured.reason().contains("status B000H, Warning: Coercion of Data Elements"), "{}", measured.reason());
    assert!(measured.iterations().iter().all(|iteration| iteration.instances_sent == 0));
}

#[test]
fn a_server_that_aborts_in_mid_transfer_costs_one_instance() {
    let archive = Archive::start(Peculiarity::AbortsAt(4));
    let measured = measured(archive.port);
    measured.exits_with(3);
    let first = measured.iterations()[0];
    assert_eq!((first.instances_failed, first.instances_stored), (1, Some(9)));
    assert!(measured.reason().contains("the server aborted the association"), "{}", measured.reason());
}

#[test]
fn a_server_that_never_overwrites_stores_every_new_instance() {
    let keys = [("OverwriteInstances", json!(false)), ("DicomAlwaysAllowFind", json!(true))];
    let orthanc = OrthancProcess::start(settings(true, false, &keys));
    Measure::new("ORTHANC", orthanc.address.dicom_port).run().stored(Some(10));
}

#[test]
fn a_full_disk_is_the_servers_refusal() {
    let directory = tempfile::tempdir().unwrap();
    let storage = directory.path().join("storage");
    std::fs::create_dir(&storage).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&storage).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        return not_tested(Cause::Missing("no permission to mount a file system"));
    }
    let keys = [("DicomAlwaysAllowFind", json!(true))];
    let mut orthanc = OrthancProcess::start_in(directory, settings(true, false, &keys));
    let measured = Measure::new("ORTHANC", orthanc.address.dicom_port).with(&["--instances", "20"]).run();
    orthanc.stop();
    Command::new("umount").arg(&storage).status().unwrap();
    measured.exits_with(3);
    assert!(measured.reason().contains("A7xxH, Refused: Out of Resources"), "{}", measured.reason());
    for iteration in measured.iterations() {
        assert_eq!(iteration.instances_stored, Some(iteration.instances_sent));
    }
}

#[test]
fn a_measurement_that_takes_hours_is_refused_before_anything_is_sent() {
    let archive = Archive::start(Peculiarity::None);
    let measured = Measure::new("ARCHIVE", archive.port).with(&["--modality", "DBT", "--instances", "100000"]).run();
    measured.exits_with(2);
    assert!(measured.stderr().contains("limits.maxMinutes: is 60, and the plan takes about"), "{}", measured.stderr());
    assert_eq!(archive.received(), 0);
}
