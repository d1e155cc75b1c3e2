//! Servers of several kinds, each measured from its address alone.

use std::collections::BTreeSet;

use dicomperf_testkit::{Cause, not_tested};
use serde_json::json;

use crate::harness::archives::ArchiveProcess;
use crate::harness::orthanc::{OrthancProcess, PASSWORD, settings};
use crate::harness::sink::{SinkProcess, plain};
use crate::harness::storescp::Storescp;
use crate::harness::{Measure, Measured};

/// An Orthanc that answers every C-FIND.
fn orthanc(tls: bool) -> OrthancProcess {
    OrthancProcess::start(settings(true, tls, &[("DicomAlwaysAllowFind", json!(true))]))
}

/// Adds Orthanc's REST interface, and its credentials.
fn with_rest(measure: Measure, orthanc: &OrthancProcess) -> Measure {
    measure
        .with(&["--url", &format!("http://127.0.0.1:{}", orthanc.address.rest_port)])
        .with_variable("DICOMPERF_SERVER_USER", "dicomperf")
        .with_variable("DICOMPERF_SERVER_PASSWORD", PASSWORD)
}

fn has_proof_of_all(measured: &Measured) {
    measured.stored(Some(10));
    assert_eq!(measured.iterations().len(), 4);
    assert!(measured.stdout().contains("4 valid of 4 iterations, 4 planned"), "{}", measured.stdout());
}

#[test]
fn orthanc_proves_by_c_find_and_by_rest_and_keeps_the_studies() {
    let orthanc = orthanc(false);
    let measure = Measure::new("ORTHANC", orthanc.address.dicom_port);
    has_proof_of_all(&measure.run());
    measure.left_nothing();
    assert_eq!(orthanc.rest().statistics().unwrap().count_instances, 40);
    let measure = with_rest(Measure::new("ORTHANC", orthanc.address.dicom_port), &orthanc);
    has_proof_of_all(&measure.with(&["--receipt", "orthanc"]).run());
    assert_eq!(orthanc.rest().statistics().unwrap().count_instances, 80);
}

#[test]
fn the_studies_of_a_measurement_are_deleted_if_the_user_wants_that() {
    let orthanc = orthanc(false);
    let measure = with_rest(Measure::new("ORTHANC", orthanc.address.dicom_port), &orthanc);
    let measured = measure.with(&["--receipt", "orthanc", "--cleanup", "orthanc"]).run();
    has_proof_of_all(&measured);
    assert_eq!(orthanc.rest().statistics().unwrap().count_instances, 0);
    assert!(measured.stdout().contains("4 of 4 studies were deleted"), "{}", measured.stdout());
}

#[test]
fn an_orthanc_with_tls_is_measured_with_tls_only() {
    let orthanc = orthanc(true);
    let measure = || Measure::new("ORTHANC", orthanc.address.dicom_port);
    has_proof_of_all(&measure().with(&["--tls"]).run());
    let plain = measure().run();
    plain.exits_with(1);
    assert!(plain.stderr().contains("C-ECHO"), "{}", plain.stderr());
    assert!(plain.report.is_none());
}

#[test]
fn dcmqrscp_proves_by_c_find() {
    let archive = ArchiveProcess::dcmqrscp("ANY");
    has_proof_of_all(&Measure::over_one_association("PACS", archive.port).run());
    assert_eq!(archive.files().len(), 40);
}

#[test]
fn twenty_iterations_to_one_archive_send_twenty_times_new_instances_of_the_same_size() {
    let archive = ArchiveProcess::dcmqrscp("ANY");
    let measure = Measure::over_one_association("PACS", archive.port).with(&["--iterations", "20"]);
    let measured = measure.run();
    measured.stored(Some(10));
    let bytes: BTreeSet<_> = measured.iterations().iter().map(|iteration| iteration.bytes_sent).collect();
    assert_eq!(bytes.len(), 1, "{bytes:?}");
    let files = archive.files();
    assert_eq!(files.len(), 200);
    let sizes: BTreeSet<_> = files.iter().map(|path| path.metadata().unwrap().len()).collect();
    assert_eq!(sizes.len(), 1, "{sizes:?}");
    let uids: BTreeSet<_> = files.iter().map(|path| sop_instance_uid(path)).collect();
    assert_eq!(uids.len(), 200);
}

/// The SOP Instance UID of a stored file, as DCMTK reads it.
fn sop_instance_uid(path: &std::path::Path) -> String {
    let output = std::process::Command::new("dcmdump").args(["+P", "0008,0018", "-q"]).arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn pynetdicoms_qrscp_proves_by_c_find() {
    let Some(archive) = ArchiveProcess::qrscp() else {
        return not_tested(Cause::Missing("no pynetdicom with sqlalchemy: make install"));
    };
    has_proof_of_all(&Measure::over_one_association("QRSCP", archive.port).run());
}

#[test]
fn servers_that_only_store_are_measured_without_proof_and_the_first_line_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let storescp = Storescp::start(directory.path(), &["--ignore"]);
    let sink = SinkProcess::start(plain());
    for port in [storescp.port, sink.document.dicom_port] {
        let unproven = Measure::new("SINK", port).with(&["--receipt", "none"]).run();
        unproven.stored(None);
        assert!(unproven.stdout().starts_with("Storage was not proven: the receipt is none."), "{}", unproven.stdout());
        // Both offer no C-FIND, which is known before the first instance.
        let refused = Measure::new("SINK", port).run();
        refused.exits_with(1);
        assert!(refused.iterations().is_empty());
        assert!(refused.stderr().contains("C-FIND"), "{}", refused.stderr());
    }
    assert_eq!(sink.counted().count, 40);
}

#[test]
fn other_senders_and_a_rate_are_measured_alike() {
    let archive = ArchiveProcess::dcmqrscp("ANY");
    let path = std::env::var("PATH").unwrap();
    let senders =
        ["--sender", "storescu,dcmsend,native", "--associations", "1", "--iterations", "1", "--instances", "6"];
    let bare = || Measure::bare(&format!("PACS@127.0.0.1:{}", archive.port)).with(&["--warmup", "0"]);
    let measured = bare().with(&senders).with_variable("PATH", &path).run();
    measured.stored(Some(6));
    assert_eq!(measured.iterations().len(), 3);
    let rate = ["--rate", "50", "--associations", "1", "--iterations", "1", "--instances", "6"];
    let measured = bare().with(&rate).run();
    measured.stored(Some(6));
}

#[test]
fn a_users_own_files_are_copied_and_stay_as_they_are() {
    let archive = ArchiveProcess::dcmqrscp("ANY");
    let own = tempfile::tempdir().unwrap();
    let spec = dicomperf_model::request::Synthetic { instances: 3, ..Default::default() };
    dicomperf_model::dataset::generate(&spec, own.path(), |_| {}).unwrap();
    let contents = || -> BTreeSet<Vec<u8>> {
        std::fs::read_dir(own.path()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
    };
    let before = contents();
    let measure = Measure::bare(&format!("PACS@127.0.0.1:{}", archive.port));
    let own_files = ["--dataset", own.path().to_str().unwrap(), "--allow-identified", "--multiply", "2"];
    let measured = measure.with(&own_files).with(&["--iterations", "1", "--warmup", "0", "--associations", "1"]).run();
    measured.stored(Some(6));
    assert!(contents() == before, "the user's files were changed");
}

#[test]
fn the_report_is_printed_as_json_on_request() {
    let archive = ArchiveProcess::dcmqrscp("ANY");
    let measured = Measure::over_one_association("PACS", archive.port).with(&["--json"]).run();
    has_report_on_stdout(&measured);
}

fn has_report_on_stdout(measured: &Measured) {
    measured.exits_with(0);
    let printed: dicomperf_model::results::Summary = serde_json::from_slice(&measured.output.stdout).unwrap();
    assert_eq!(&printed, measured.report());
}
