//! Bad input: every bad field at once, exit code 2, and nothing is sent.

use serde_json::json;

use crate::harness::Measure;
use crate::harness::archive::{Archive, Peculiarity};

#[test]
fn every_bad_argument_is_named_and_nothing_is_sent() {
    let archive = Archive::start(Peculiarity::None);
    let bad = ["--instances", "many", "--associations", "1,64", "--receipt", "qido", "--modality", "XX"];
    let measured = Measure::bare(&format!("ARCHIVE@127.0.0.1:{}", archive.port)).with(&bad).run();
    measured.exits_with(2);
    for option in ["--instances", "--associations[1]", "server.existing.url", "--modality"] {
        assert!(measured.stderr().contains(&format!("measure: {option}: ")), "{option}: {}", measured.stderr());
    }
    assert!(measured.report.is_none());
    assert_eq!(archive.received(), 0);
}

#[test]
fn a_request_for_hosts_is_refused_and_one_without_is_measured() {
    let archive = Archive::start(Peculiarity::None);
    let measure = || Measure::once("ARCHIVE", archive.port);
    let hosts = json!({ "client": { "instanceType": "m5.large" }, "limits": { "maxCostUsd": 1 } });
    let measured = measure().with_request(&hosts).run();
    measured.exits_with(2);
    assert!(measured.stderr().contains("client.instanceType: is set"), "{}", measured.stderr());
    assert!(measured.stderr().contains("limits.maxCostUsd: is set"), "{}", measured.stderr());
    let thresholds = json!({ "name": "gate", "thresholds": [{ "metric": "instancesPerSecond", "min": 1_000_000 }] });
    let measured = measure().with_request(&thresholds).run();
    measured.exits_with(3);
    assert_eq!(measured.report().request.name, "gate");
}

#[test]
fn files_that_cannot_be_sent_are_named() {
    let archive = Archive::start(Peculiarity::None);
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("letter.txt"), "no DICOM").unwrap();
    let own = ["--dataset", directory.path().to_str().unwrap()];
    let measured = Measure::bare(&format!("ARCHIVE@127.0.0.1:{}", archive.port)).with(&own).run();
    measured.exits_with(2);
    assert!(measured.stderr().contains("letter.txt: not DICOM"), "{}", measured.stderr());
    assert_eq!(archive.received(), 0);
}

#[test]
fn a_password_without_a_user_is_said() {
    let measured = Measure::bare("A@127.0.0.1:104").with_variable("DICOMPERF_SERVER_PASSWORD", "hush").run();
    measured.exits_with(2);
    assert!(measured.stderr().contains("DICOMPERF_SERVER_USER is not"), "{}", measured.stderr());
    assert!(!measured.stderr().contains("hush"));
}
