//! Each receipt, from each kind of server.

use std::collections::BTreeSet;
use std::path::Path;

use dicomperf_model::request::{Receipt, Sender, Synthetic};
use dicomperf_model::settings::Settings;
use dicomperf_model::step::DatasetSource;
use dicomperf_testkit::{Cause, not_tested};
use serde_json::json;

use super::{iteration, measured};
use crate::harness::archive::{Archive, Peculiarity, STUDY_ROOT};
use crate::harness::archives::ArchiveProcess;
use crate::harness::existing::{address, block_to, block_with, credentials, findable_orthanc};
use crate::harness::orthanc::settings;
use crate::harness::run::measurement_of;
use crate::harness::sender::Instances;
use crate::harness::sink::{SinkProcess, plain};
use crate::harness::storescp::Storescp;
use crate::harness::{OrthancProcess, Run};
use crate::senders::variants;

const INSTANCES: u32 = 6;
/// Orthanc's DICOMweb plugin, as Debian's package orthanc-dicomweb installs it.
const DICOMWEB_PLUGIN: &str = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so";

#[test]
fn orthanc_proves_by_c_find_what_it_stored_and_says_who_it_is() {
    let run = Run::with_new_instances(INSTANCES);
    let orthanc = findable_orthanc(false, &[]);
    let measurement = measured(&run, block_to(&address(orthanc.address.dicom_port, "ORTHANC")));
    let iteration = &measurement.iterations[0];
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert_eq!((iteration.instances_stored, iteration.stored_bytes), (Some(INSTANCES), None));
    assert!(!iteration.study_instance_uids.is_empty());
    assert_eq!((measurement.network, measurement.cleanup), (None, None));
    assert!(measurement.network_error.unwrap().contains("no iperf3"));
    let negotiated = measurement.negotiated.expect("an answer");
    assert!(negotiated.implementation_version_name.unwrap().starts_with("OFFIS_DCMTK_"));
    assert!(negotiated.implementation_class_uid.unwrap().starts_with("1.2.276.0.7230010.3.0."));
    assert_eq!((negotiated.max_pdu, negotiated.asynchronous_operations), (Some(16_384), None));
    assert_eq!(negotiated.contexts.len(), 1);
    assert_eq!(negotiated.contexts[0].result, 0);
}

#[test]
fn orthanc_proves_over_tls() {
    let run = Run::with_new_instances(INSTANCES);
    let orthanc = findable_orthanc(true, &[]);
    let mut block = block_to(&address(orthanc.address.dicom_port, "ORTHANC"));
    block.settings.tls = true;
    block.scenarios[0].settings.tls = true;
    let iteration = iteration(&run, block);
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert_eq!(iteration.instances_stored, Some(INSTANCES));
}

#[test]
fn dcmqrscp_proves_by_c_find() {
    let run = Run::with_new_instances(INSTANCES);
    let archive = ArchiveProcess::dcmqrscp("ANY");
    let iteration = iteration(&run, block_to(&address(archive.port, "PACS")));
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert_eq!(iteration.instances_stored, Some(INSTANCES));
    assert_eq!(archive.files().len(), INSTANCES as usize);
}

#[test]
fn qrscp_proves_by_c_find() {
    let Some(archive) = ArchiveProcess::qrscp() else {
        return not_tested(Cause::Missing("no pynetdicom and sqlalchemy in .venv (make install)"));
    };
    let run = Run::with_new_instances(INSTANCES);
    let measurement = measured(&run, block_to(&address(archive.port, "QRSCP")));
    let iteration = &measurement.iterations[0];
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert_eq!(iteration.instances_stored, Some(INSTANCES));
    assert!(measurement.negotiated.unwrap().implementation_version_name.unwrap().starts_with("PYNETDICOM_"));
}

#[test]
fn orthanc_proves_by_qido() {
    if !Path::new(DICOMWEB_PLUGIN).exists() {
        return not_tested(Cause::Missing("no orthanc-dicomweb"));
    }
    let run = Run::with_new_instances(INSTANCES);
    let keys = [("Plugins", json!([DICOMWEB_PLUGIN])), ("DicomWeb", json!({ "Enable": true, "Root": "/dicom-web/" }))];
    let orthanc = OrthancProcess::start(settings(true, false, &keys));
    let block = |url: String, password: &str| {
        block_with(orthanc.address.dicom_port, "ORTHANC", |existing| {
            existing.receipt = Receipt::Qido;
            existing.url = Some(url);
            existing.credentials = credentials();
            existing.credentials.as_mut().unwrap().password.push_str(password);
        })
    };
    let url = orthanc.url();
    let iteration = iteration(&run, block(format!("{url}/dicom-web"), ""));
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert_eq!((iteration.instances_stored, iteration.stored_bytes), (Some(INSTANCES), None));
    let message = super::fails_before_sending(block(format!("{url}/dicom-web"), "wrong"), "ServerUnreachable");
    assert!(message.contains("/dicom-web/studies?") && message.contains("answers 401"), "{message}");
    assert!(!message.contains("wrong"));
    let message = super::fails_before_sending(block(format!("{url}/no-web"), ""), "ServerUnreachable");
    assert!(message.contains("answers 404"), "{message}");
    assert_eq!(orthanc.rest().statistics().unwrap().count_instances, u64::from(INSTANCES));
}

#[test]
fn orthanc_proves_by_its_rest_interface_and_gives_an_instance_back() {
    let run = Run::with_new_instances(INSTANCES);
    let orthanc = findable_orthanc(false, &[]);
    // An instance of somebody else stays, and is not counted.
    orthanc.store(&run.home("dataset").join("000001.dcm"));
    let other = Run::with_new_instances(2);
    let block = block_with(orthanc.address.dicom_port, "ORTHANC", |existing| {
        existing.receipt = Receipt::Orthanc;
        existing.url = Some(orthanc.url() + "/");
        existing.credentials = credentials();
    });
    let measurement = measured(&other, block);
    let iteration = &measurement.iterations[0];
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert!(iteration.stored_bytes.is_some_and(|bytes| bytes > 500_000), "{:?}", iteration.stored_bytes);
    assert!(iteration.server.is_some());
    let read_back = measurement.read_back.expect("an instance");
    assert!(read_back.differences.is_empty() && read_back.elements > 30, "{read_back:?}");
}

#[test]
fn a_server_that_is_not_asked_proves_nothing_and_counts() {
    let run = Run::with_new_instances(INSTANCES);
    let directory = tempfile::tempdir().unwrap();
    let storescp = Storescp::start(directory.path(), &[]);
    let block = block_with(storescp.port, "STORESCP", |existing| existing.receipt = Receipt::None);
    let iteration = iteration(&run, block);
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert_eq!((iteration.instances_sent, iteration.instances_stored), (INSTANCES, None));
}

#[test]
fn many_answers_in_one_pdu_are_all_read() {
    let run = Run::with_new_instances(INSTANCES);
    let archive = Archive::start(Peculiarity::OnePdu);
    let iteration = iteration(&run, block_to(&address(archive.port, "ARCHIVE")));
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert_eq!(iteration.instances_stored, Some(INSTANCES));
}

#[test]
fn a_server_without_verification_is_measured_all_the_same() {
    let run = Run::with_new_instances(INSTANCES);
    let archive = Archive::start(Peculiarity::WithoutVerification);
    let iteration = iteration(&run, block_to(&address(archive.port, "ARCHIVE")));
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert_eq!(iteration.instances_stored, Some(INSTANCES));
}

#[test]
fn asynchronous_operations_are_reported_where_the_server_answers_for_them() {
    let window = |peculiarity| {
        let run = Run::with_new_instances(1);
        let archive = Archive::start(peculiarity);
        let measurement = measured(&run, block_to(&address(archive.port, "ARCHIVE")));
        assert!(measurement.iterations[0].valid, "{:?}", measurement.iterations[0].reason);
        measurement.negotiated.unwrap().asynchronous_operations.map(|window| (window.invoked, window.performed))
    };
    assert_eq!(window(Peculiarity::Window(5, 1)), Some((5, 1)));
    assert_eq!(window(Peculiarity::None), None);
    assert_eq!(window(Peculiarity::ChokesOnAsynchronousOperations), None);
}

#[test]
fn more_contexts_than_an_association_can_have_are_all_negotiated() {
    let sink = SinkProcess::start(plain());
    let instances = Instances::explicit(1);
    let document = instances.document(sink.document.dicom_port, 1);
    let classes: Vec<_> = (0..300).map(|number| format!("2.25.{number}")).collect();
    let pairs = classes.iter().map(|class| (class.as_str(), "1.2.840.10008.1.2.1"));
    let negotiated = dicomperf_agent::native::negotiate(&document.peer(), false, pairs).unwrap();
    assert_eq!(negotiated.contexts.len(), 300);
    assert!(negotiated.contexts.iter().all(|context| context.result == 0));
    let found: BTreeSet<_> = negotiated.contexts.into_iter().map(|context| context.sop_class_uid).collect();
    assert_eq!(found, classes.into_iter().collect());
    assert_eq!(negotiated.max_pdu, Some(0));
}

#[test]
fn each_sender_sends_new_instances_that_are_proven() {
    let run = Run::with_new_instances(INSTANCES);
    // One association: dcmqrscp of DCMTK 3.6.7 loses files of associations that store at the same time.
    let archive = ArchiveProcess::dcmqrscp("ANY");
    let mut block = block_to(&address(archive.port, "PACS"));
    let senders = [Sender::Native, Sender::Storescu, Sender::Dcmsend];
    let changes = senders.map(|sender| move |settings: &mut Settings| settings.sender = sender);
    block.scenarios = variants(&block, changes);
    block.iterations = 2;
    let report = run.measure(0, block).succeeds();
    let iterations = &measurement_of(&report).iterations;
    assert_eq!(iterations.len(), 6);
    for iteration in iterations {
        assert!(iteration.valid, "{:?}", iteration.reason);
        assert_eq!(iteration.instances_stored, Some(INSTANCES));
    }
    assert_eq!(archive.files().len(), 6 * INSTANCES as usize);
}

#[test]
fn every_study_of_a_multiplied_dataset_is_asked_for() {
    let run = Run::new();
    let dataset = DatasetSource::Synthetic(Synthetic { instances: 4, ..Synthetic::default() });
    run.configure_client_for_existing(dataset, 3);
    let orthanc = findable_orthanc(false, &[]);
    let iteration = iteration(&run, block_to(&address(orthanc.address.dicom_port, "ORTHANC")));
    assert!(iteration.valid, "{:?}", iteration.reason);
    assert_eq!((iteration.instances_sent, iteration.instances_stored), (12, Some(12)));
    assert_eq!(iteration.study_instance_uids.len(), 3);
}

#[test]
fn twenty_iterations_store_twenty_times_the_instances_and_none_twice() {
    let run = Run::with_new_instances(3);
    let archive = ArchiveProcess::dcmqrscp("ANY");
    let mut block = block_to(&address(archive.port, "PACS"));
    block.iterations = 20;
    let report = run.measure(0, block).succeeds();
    let measurement = measurement_of(&report);
    assert_eq!(measurement.iterations.len(), 20);
    for iteration in &measurement.iterations {
        assert!(iteration.valid, "{:?}", iteration.reason);
        assert_eq!(iteration.instances_stored, Some(3));
    }
    let uids: BTreeSet<_> = measurement.iterations.iter().flat_map(|one| &one.study_instance_uids).collect();
    assert_eq!(uids.len(), 20);
    let files = archive.files();
    let stored: Vec<_> = files.iter().map(|path| dicom_object::open_file(path).unwrap()).collect();
    let instances: BTreeSet<_> = stored.iter().map(|one| one.meta().media_storage_sop_instance_uid.clone()).collect();
    assert_eq!(instances.len(), 60);
    let sizes: BTreeSet<_> = files.iter().map(|path| path.metadata().unwrap().len()).collect();
    assert_eq!(sizes.len(), 1, "{sizes:?}");
}

#[test]
fn a_server_without_c_find_is_found_before_anything_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let storescp = Storescp::start(directory.path(), &[]);
    let sink = SinkProcess::start(plain());
    for (port, ae_title) in [(storescp.port, "STORESCP"), (sink.document.dicom_port, "SINK")] {
        let message = super::fails_before_sending(block_to(&address(port, ae_title)), "ServerUnreachable");
        for words in [
            &format!("C-FIND at {ae_title}@127.0.0.1:{port} is not offered: the server does not accept SOP class "),
            STUDY_ROOT,
            "Another receipt may be: \"qido\", \"orthanc\", or \"none\"",
        ] {
            assert!(message.contains(words), "{message}");
        }
    }
    assert_eq!(sink.counted().count, 0);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
