//! Servers that do not store what they acknowledge, or do not show it.

use std::time::Duration;

use dicomperf_model::request::{Modality, Synthetic};
use dicomperf_model::step::DatasetSource;
use dicomperf_testkit::{Cause, not_tested};
use serde_json::json;

use super::iteration;
use crate::harness::archive::{Archive, Peculiarity};
use crate::harness::archives::ArchiveProcess;
use crate::harness::existing::{address, block_to, findable_orthanc};
use crate::harness::failing::Mounted;
use crate::harness::orthanc::settings;
use crate::harness::run::measurement_of;
use crate::harness::{OrthancProcess, Run};

/// The iteration of six instances to an archive with this peculiarity.
fn iteration_to(peculiarity: Peculiarity) -> dicomperf_model::measurement::Iteration {
    let run = Run::with_new_instances(6);
    let archive = Archive::start(peculiarity);
    let iteration = iteration(&run, block_to(&address(archive.port, "ARCHIVE")));
    println!("{peculiarity:?}: {:?}", iteration.reason);
    iteration
}

#[test]
fn half_that_is_acknowledged_and_not_stored_is_missed() {
    let iteration = iteration_to(Peculiarity::StoresHalf);
    assert!(!iteration.valid);
    assert_eq!((iteration.instances_sent, iteration.instances_stored), (6, Some(3)));
    assert!(iteration.reason.unwrap().starts_with("the server lacks 3 instances that were sent, like "));
}

#[test]
fn an_archive_that_indexes_late_is_asked_again() {
    let iteration = iteration_to(Peculiarity::IndexesLate(Duration::from_secs(3)));
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert_eq!(iteration.instances_stored, Some(6));
}

#[test]
fn a_warning_is_no_success_although_the_instances_are_stored() {
    let iteration = iteration_to(Peculiarity::Warns(0xB000));
    assert!(!iteration.valid);
    assert_eq!((iteration.instances_sent, iteration.instances_refused), (0, 6));
    assert_eq!(iteration.instances_stored, Some(6));
    let reason = iteration.reason.unwrap();
    assert!(reason.starts_with("6 of 6 instances answered with a warning: the server answered with status B000H"));
}

#[test]
fn an_instance_that_is_listed_twice_is_stored_twice() {
    let iteration = iteration_to(Peculiarity::ListsTwice);
    assert_eq!(iteration.reason.as_deref(), Some("the server holds 6 instances twice"));
}

#[test]
fn a_transfer_that_is_aborted_costs_its_instance() {
    let iteration = iteration_to(Peculiarity::AbortsAt(4));
    assert!(!iteration.valid);
    let numbers = (iteration.instances_sent, iteration.instances_failed, iteration.instances_stored);
    assert_eq!(numbers, (5, 1, Some(5)));
    let reason = iteration.reason.unwrap();
    assert!(reason.contains("the server aborted the association or closed the connection"), "{reason}");
}

#[test]
fn a_receipt_that_fails_ends_the_step_in_words_and_keeps_the_iteration() {
    for (peculiarity, words) in [
        (Peculiarity::FailsToFind(0xA700), "answers with status A700H, Refused: Out of Resources"),
        (Peculiarity::IgnoresKeys, "answers with more than 1000 instances that were not asked for"),
    ] {
        let run = Run::with_new_instances(2);
        let archive = Archive::start(peculiarity);
        let step = run.measure(0, block_to(&address(archive.port, "ARCHIVE")));
        let report = step.fails_with("ServerUnreachable");
        let message = report.error.as_ref().unwrap().message.clone();
        assert_eq!(message, format!("C-FIND at ARCHIVE@127.0.0.1:{} {words}", archive.port));
        let measurement = measurement_of(&report);
        assert!(!measurement.iterations[0].valid && measurement.iterations[0].instances_stored.is_none());
        assert_eq!(archive.received(), 2);
    }
}

#[test]
fn a_server_that_answers_with_other_series_is_found_before_anything_is_sent() {
    let archive = Archive::start(Peculiarity::None);
    iteration(&Run::with_new_instances(3), block_to(&address(archive.port, "ARCHIVE")));
    // This archive answers every question with all that it has.
    let message = super::fails_before_sending(block_to(&address(archive.port, "ARCHIVE")), "ServerUnreachable");
    assert!(message.ends_with("answers with 3 instances of other series than it was asked for"), "{message}");
    assert_eq!(archive.received(), 3);
}

#[test]
fn orthanc_without_overwriting_stores_new_instances() {
    let run = Run::with_new_instances(3);
    let orthanc = findable_orthanc(false, &[("OverwriteInstances", json!(false))]);
    let iteration = iteration(&run, block_to(&address(orthanc.address.dicom_port, "ORTHANC")));
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert_eq!(iteration.instances_stored, Some(3));
}

#[test]
fn a_full_disk_is_the_servers_refusal() {
    let directory = tempfile::tempdir().unwrap();
    let Some(mounted) = Mounted::new(&directory.path().join("storage"), 8) else {
        return not_tested(Cause::Missing("no permission to mount a file system"));
    };
    let mut orthanc =
        OrthancProcess::start_in(directory, settings(true, false, &[("DicomAlwaysAllowFind", json!(true))]));
    let run = Run::new();
    let spec = Synthetic { modality: Modality::Ct, instances: 20, ..Synthetic::default() };
    run.configure_client_for_existing(DatasetSource::Synthetic(spec), 1);
    let iteration = iteration(&run, block_to(&address(orthanc.address.dicom_port, "ORTHANC")));
    println!("{:?}", iteration.reason);
    assert!(!iteration.valid && iteration.instances_refused > 0);
    assert_eq!(iteration.instances_stored, Some(iteration.instances_sent));
    let reason = iteration.reason.unwrap();
    assert!(reason.contains("refused: the server answered with status A7xxH, Refused: Out of Resources"), "{reason}");
    orthanc.stop();
    drop(mounted);
}

#[test]
fn associations_that_are_too_many_are_refused_in_the_words_of_the_standard() {
    let run = Run::with_new_instances(8);
    let archive = ArchiveProcess::dcmqrscp_with("ANY", 2);
    let mut block = block_to(&address(archive.port, "PACS"));
    block.scenarios[0].settings.associations = 8;
    let iteration = iteration(&run, block);
    assert!(!iteration.valid);
    assert!(iteration.instances_refused > 0, "{:?}", iteration.reason);
    // dcmqrscp 3.6.7 sometimes loses one of two instances that arrive at the same time, and acknowledges both.
    let stored = iteration.instances_stored.unwrap();
    assert!((1..=iteration.instances_sent).contains(&stored), "{stored} of {}", iteration.instances_sent);
    let reason = iteration.reason.unwrap();
    assert!(
        reason.contains("refused: the server rejected the association transiently: local limit exceeded"),
        "{reason}"
    );
}
