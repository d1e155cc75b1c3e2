//! Every rule provoked for real, and silent where its cause is not there. What is measured here stands in
//! docs/diagnosis.md.

pub mod client;
pub mod course;
mod network;
pub mod server;
pub mod transport;

use dicomperf::diagnosis::{Confidence, Rule};
use serde_json::json;

use crate::harness::diagnosed::{diagnosed, found};

/// Rules that a busy machine may give a reason for, whatever the test does: they tell of the machine, and say so rightly.
const OF_THE_MACHINE: [Rule; 3] = [Rule::NoisyEnvironment, Rule::BurstableThrottled, Rule::DiskBound];

#[test]
fn a_run_with_the_defaults_has_no_finding_that_its_settings_could_be_blamed_for() {
    let summary = diagnosed(json!({
        "dataset": { "synthetic": { "modality": "CT", "instances": 60 } }, "iterations": 5, "warmup": 1, "rounds": 1,
        "matrix": { "associations": [1] },
    }));
    let blamed: Vec<_> = summary
        .diagnosis
        .iter()
        .filter(|finding| !OF_THE_MACHINE.contains(&finding.rule))
        .map(|finding| (finding.rule, finding.confidence))
        .collect();
    assert_eq!(blamed, []);
    let advice = &summary.configuration_advice;
    assert!(advice.iter().all(|one| one.followed.is_some()), "{advice:?}");
}

#[test]
fn settings_that_are_not_as_advised_are_named_from_the_live_configuration() {
    let summary = diagnosed(json!({
        "dataset": { "synthetic": { "modality": "PT", "instances": 4 } }, "iterations": 1, "warmup": 0, "rounds": 1,
        "matrix": { "tcpNoDelay": [false], "orthanc": [{ "StorageCompression": true, "DicomThreadsCount": 1 }], "associations": [2] },
    }));
    let [finding] = found(&summary, Rule::Configuration)[..] else { panic!("{:?}", summary.diagnosis) };
    assert_eq!(finding.confidence, Confidence::Possible);
    let named = "ingest: TCP_NODELAY, StorageCompression, DicomThreadsCount.";
    assert!(finding.says.contains(named), "{}", finding.says);
}
