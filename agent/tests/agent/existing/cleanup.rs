//! The deletion of the run's studies, and of no others.

use std::sync::{Arc, Mutex};
use std::thread;

use dicomperf_model::request::{Cleanup, Metric, Receipt, Search, SearchAxis, Slo};
use dicomperf_model::step::StepState;
use tiny_http::{Header, Method, Response, Server};

use super::measured;
use crate::harness::Run;
use crate::harness::archive::{Archive, Peculiarity};
use crate::harness::existing::{address, block_with, credentials, findable_orthanc};
use crate::harness::run::measurement_of;

#[test]
fn orthanc_loses_the_studies_of_the_run_and_keeps_all_others() {
    let theirs = Run::with_new_instances(2);
    let orthanc = findable_orthanc(false, &[]);
    orthanc.store(&theirs.home("dataset").join("000001.dcm"));
    let run = Run::with_new_instances(3);
    let mut block = block_with(orthanc.address.dicom_port, "ORTHANC", |existing| {
        existing.receipt = Receipt::Orthanc;
        existing.cleanup = Cleanup::Orthanc;
        existing.url = Some(orthanc.url());
        existing.credentials = credentials();
    });
    (block.warmup, block.iterations) = (1, 2);
    let report = run.measure(0, block).succeeds();
    let measurement = measurement_of(&report);
    assert!(measurement.iterations.iter().all(|iteration| iteration.valid), "{measurement:?}");
    let bytes: Vec<_> = measurement.iterations.iter().map(|iteration| iteration.stored_bytes).collect();
    assert!(bytes[0].is_some() && bytes == [bytes[0]; 3], "{bytes:?}");
    let cleanup = measurement.cleanup.clone().expect("a cleanup");
    // Three iterations, warm-up included.
    assert_eq!((cleanup.studies, cleanup.deleted, cleanup.error), (3, 3, None));
    assert_eq!(orthanc.rest().statistics().unwrap().count_instances, 1);
}

#[test]
fn studies_of_every_part_and_every_search_are_deleted_at_the_end_of_the_step() {
    let run = Run::with_new_instances(4).deadline_seconds(0);
    let orthanc = findable_orthanc(false, &[]);
    let mut block = block_with(orthanc.address.dicom_port, "ORTHANC", |existing| {
        existing.cleanup = Cleanup::Orthanc;
        existing.url = Some(orthanc.url());
        existing.credentials = credentials();
    });
    let slo = Slo::from_iter([(Metric::LatencyMax, 60_000.0)]);
    block.search = Some(Search { axis: SearchAxis::Associations, slo });
    let report = run.measure(0, block.clone()).succeeds();
    assert_eq!((report.state, &measurement_of(&report).cleanup), (StepState::Incomplete, &None));
    assert_eq!(orthanc.rest().statistics().unwrap().count_instances, 4);

    let report = run.deadline_seconds(600).measure(1, block).succeeds();
    let measurement = measurement_of(&report);
    let of_search = &measurement.searches[0].iterations;
    assert!(of_search.len() >= 2 && of_search.iter().all(|one| one.iteration.valid), "{of_search:?}");
    let studies = u32::try_from(1 + of_search.len()).unwrap();
    let cleanup = measurement.cleanup.clone().expect("a cleanup");
    assert_eq!((cleanup.studies, cleanup.deleted, cleanup.error), (studies, studies, None));
    assert_eq!(orthanc.rest().statistics().unwrap().count_instances, 0);
}

#[test]
fn studies_are_deleted_after_a_failure_too() {
    let run = Run::with_new_instances(2);
    let orthanc = findable_orthanc(false, &[]);
    let mut block = block_with(orthanc.address.dicom_port, "ORTHANC", |existing| {
        existing.cleanup = Cleanup::Orthanc;
        existing.url = Some(orthanc.url());
        existing.credentials = credentials();
    });
    // The second scenario has no dataset on this host.
    let mut second = block.scenarios[0].clone();
    second.number = 1;
    second.settings.transfer_syntax = dicomperf_model::request::TransferSyntax::RLELossless;
    std::fs::copy(run.home("dataset.json"), run.home("dataset-1.2.840.10008.1.2.5.json")).unwrap();
    block.scenarios.push(second);
    let report = run.measure(0, block).report();
    let cleanup = measurement_of(&report).cleanup.clone().expect("a cleanup");
    assert_eq!((cleanup.studies, cleanup.deleted), (1, 1), "{cleanup:?}");
    assert_eq!(orthanc.rest().statistics().unwrap().count_instances, 0);
}

#[test]
fn dicomweb_deletes_each_study_and_a_failure_is_reported_and_ends_nothing() {
    for (status, deleted) in [(204, 1), (404, 1), (405, 0)] {
        let run = Run::with_new_instances(2);
        let archive = Archive::start(Peculiarity::None);
        let (url, seen) = web(status);
        let mut address = address(archive.port, "ARCHIVE");
        let existing = address.existing.as_mut().unwrap();
        (existing.cleanup, existing.url, existing.credentials) = (Cleanup::Dicomweb, Some(url), credentials());
        let measurement = measured(&run, crate::harness::existing::block_to(&address));
        let iteration = &measurement.iterations[0];
        assert!(iteration.valid, "{:?}", iteration.reason);
        let cleanup = measurement.cleanup.expect("a cleanup");
        assert_eq!((cleanup.studies, cleanup.deleted), (1, deleted));
        assert_eq!(cleanup.error.is_some(), deleted == 0);
        assert!(cleanup.error.is_none_or(|error| error.contains("answers 405 Method Not Allowed")));
        let study = &iteration.study_instance_uids[0];
        assert_eq!(*seen.lock().unwrap(), [format!("DELETE /web/studies/{study} true")]);
    }
}

/// A DICOMweb server that answers every request with this status. Returns its URL, and the method, the path and the
/// presence of credentials of each request.
fn web(status: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let server = Server::http("127.0.0.1:0").unwrap();
    let url = format!("http://{}/web", server.server_addr());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = seen.clone();
    thread::spawn(move || {
        for request in server.incoming_requests() {
            let is_authorized = request.headers().iter().any(|header: &Header| header.field.equiv("Authorization"));
            assert_eq!(*request.method(), Method::Delete);
            all.lock().unwrap().push(format!("{} {} {is_authorized}", request.method(), request.url()));
            let _ = request.respond(Response::empty(status));
        }
    });
    (url, seen)
}
