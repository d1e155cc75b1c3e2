//! `client configure`: it makes or downloads the dataset, and checks it.

use std::fs;

use dicomperf_model::dataset::generate;
use dicomperf_model::request::Synthetic;
use dicomperf_model::step::{DatasetSource, ObjectSource, PreparedDataset, StepOutput, StepReport};

use crate::harness::orthanc::settings;
use crate::harness::run::{block, measurement_of};
use crate::harness::{OrthancProcess, Run};

fn prepared(report: &StepReport) -> &PreparedDataset {
    match &report.output {
        Some(StepOutput::ClientConfigured(prepared)) => prepared,
        other => panic!("no dataset: {other:?}"),
    }
}

fn object(run: &Run, key: &str, bytes: &[u8]) -> ObjectSource {
    run.bucket.serve(key, bytes.to_vec());
    ObjectSource { url: run.bucket.url(key), key: key.to_owned(), bytes: bytes.len() as u64 }
}

#[test]
fn the_same_seed_prepares_the_same_dataset() {
    let spec = || DatasetSource::Synthetic(Synthetic { instances: 3, ..Synthetic::default() });
    let (one, two) = (Run::new(), Run::new());
    let (one, two) = (one.configure_client(spec()).succeeds(), two.configure_client(spec()).succeeds());
    assert_eq!(prepared(&one), prepared(&two));
    assert_eq!(prepared(&one).instances, 3);
    assert!(prepared(&one).versions.dcmtk.as_ref().is_some_and(|version| version.starts_with("3.")));
}

#[test]
fn a_users_own_objects_are_downloaded_and_sent() {
    let source = Run::with_instances(3);
    let run = Run::new();
    let objects = (1..=3)
        .map(|number| {
            let bytes = fs::read(source.home(&format!("dataset/{number:06}.dcm"))).unwrap();
            object(&run, &format!("study/{number}.dcm"), &bytes)
        })
        .collect();
    let report = run.configure_client(DatasetSource::Objects(objects)).succeeds();
    assert_eq!(prepared(&report).instances, 3);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let report = run.measure(0, block(&orthanc, &[1], 0, 1)).succeeds();
    assert!(measurement_of(&report).iterations[0].valid, "{report:?}");
}

#[test]
fn an_object_of_another_size_than_planned_is_named() {
    let run = Run::new();
    let mut changed = object(&run, "study/changed.dcm", b"twelve bytes");
    changed.bytes = 13;
    let step = run.configure_client(DatasetSource::Objects(vec![changed]));
    let message = step.fails_with("DatasetFailed").error.unwrap().message;
    assert!(message.contains("study/changed.dcm: 12 bytes were downloaded, but the plan has 13"), "{message}");
    assert!(!step.log().contains("X-Amz-Signature"), "{}", step.log());
}

#[test]
fn an_object_that_is_no_dicom_is_named() {
    let run = Run::new();
    let objects = vec![object(&run, "study/text.dcm", b"no DICOM at all, and not for long")];
    let message =
        run.configure_client(DatasetSource::Objects(objects)).fails_with("DatasetFailed").error.unwrap().message;
    assert!(message.contains("1 of 1 files cannot be sent: study/text.dcm: not DICOM"), "{message}");
}

#[test]
fn an_object_that_is_damaged_beyond_what_the_plan_reads_is_left_out_where_the_request_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let made = generate(&Synthetic { instances: 2, ..Synthetic::default() }, directory.path(), |_| {}).unwrap();
    let [whole, mut cut] = [&made[0], &made[1]].map(|one| fs::read(&one.path).unwrap());
    cut.truncate(cut.len() - 1000);
    let source = |run: &Run| {
        DatasetSource::Objects(vec![object(run, "study/whole.dcm", &whole), object(run, "study/cut.dcm", &cut)])
    };
    let run = Run::new();
    let message = run.configure_client(source(&run)).fails_with("DatasetFailed").error.unwrap().message;
    assert!(message.contains("1 of 2 files cannot be sent: study/cut.dcm: not DICOM: it ends within"), "{message}");
    let run = Run::new();
    let report = run.configure_client_without_refused(source(&run)).succeeds();
    let prepared = prepared(&report);
    assert_eq!((prepared.instances, prepared.refused.len()), (1, 1));
    assert_eq!(prepared.refused[0].key, "study/cut.dcm");
}
