//! A failed association or server ends a measurement. A failed upload does not.

use dicomperf_model::step::StepState;

use crate::harness::orthanc::settings;
use crate::harness::run::{block, measurement_of};
use crate::harness::{OrthancProcess, Run, free_port};

#[test]
fn a_storescu_that_cannot_associate_fails_the_step() {
    let run = Run::with_instances(2);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let mut block = block(&orthanc, &[2], 0, 3);
    block.server.dicom_port = free_port();
    let report = run.measure(0, block.clone()).fails_with("AssociationFailed");
    assert_eq!(report.state, StepState::Failed);
    let message = report.error.as_ref().unwrap().message.clone();
    for word in
        [format!("127.0.0.1:{}", block.server.dicom_port).as_str(), "ORTHANC", "DICOMPERF", "refused the connection"]
    {
        assert!(message.contains(word), "{message}");
    }
    let [iteration] = &measurement_of(&report).iterations[..] else { panic!("one iteration") };
    assert!(!iteration.valid && iteration.instances_sent == 0);
    assert!(iteration.failures[0].sender_words.as_ref().unwrap().contains("Connection refused"));
}

#[test]
fn a_server_that_goes_away_is_named_and_what_was_measured_is_kept() {
    let run = Run::with_instances(2);
    let mut orthanc = OrthancProcess::start(settings(true, false, &[]));
    run.measure(0, block(&orthanc, &[1], 0, 1)).succeeds();
    orthanc.stop();
    let report = run.measure(1, block(&orthanc, &[1], 0, 3)).fails_with("ServerUnreachable");
    assert!(report.error.as_ref().unwrap().message.contains("http://127.0.0.1:"), "{report:?}");
    assert_eq!(measurement_of(&report).iterations.len(), 1);
}

#[test]
fn a_wrong_password_is_a_server_that_does_not_answer() {
    let run = Run::with_instances(1);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let mut block = block(&orthanc, &[1], 0, 1);
    block.server.rest_password = "wrong-and-secret".to_owned();
    let step = run.measure(0, block);
    let report = step.fails_with("ServerUnreachable");
    assert!(report.error.as_ref().unwrap().message.contains("401"), "{report:?}");
    assert!(!step.stderr().contains("wrong-and-secret") && !step.log().contains("wrong-and-secret"));
}

#[test]
fn uploads_that_fail_do_not_end_the_measurement() {
    let run = Run::with_instances(2);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    run.bucket.fail(3);
    let report = run.measure(0, block(&orthanc, &[1], 0, 3)).succeeds();
    assert_eq!(measurement_of(&report).iterations.len(), 3);
}

#[test]
fn a_last_report_that_does_not_arrive_is_an_exit_code_and_is_tried_again() {
    let run = Run::with_instances(1);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    run.bucket.fail(u32::MAX);
    let block = block(&orthanc, &[1], 0, 1);
    let step = run.measure(0, block.clone());
    assert_eq!(step.output.status.code(), Some(3), "{}", step.stderr());
    assert!(step.stderr().starts_with("client-measure-0: report: "), "{}", step.stderr());
    run.bucket.fail(0);
    // The second call only reports the measurement, and does not repeat it.
    let before = std::fs::read(run.home("block-0.json")).unwrap();
    let report = run.measure(0, block).succeeds();
    assert_eq!(measurement_of(&report).iterations.len(), 1);
    assert_eq!(std::fs::read(run.home("block-0.json")).unwrap(), before);
}
