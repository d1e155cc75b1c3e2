//! Each test provokes a rule for real, and checks that the rule is silent without its cause. The measurements are in
//! docs/lab-notebook.md.

pub mod client;
pub mod course;
mod network;
pub mod server;
pub mod transport;

use dicomperf_model::results::{Confidence, Rule};
use serde_json::json;

use crate::harness::diagnosed::{diagnosed, findings};

/// Rules that may rightly fire on a busy machine, whatever the test does: they describe the machine.
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
        "dataset": { "synthetic": { "modality": "PT", "instances": 5 } }, "iterations": 1, "warmup": 0, "rounds": 1,
        "matrix": { "tcpNoDelay": [false], "orthanc": [{ "StorageCompression": true }], "associations": [5] },
    }));
    let not_followed = summary.configuration_advice.iter().filter(|one| one.followed == Some(false));
    let keys: Vec<_> = not_followed.map(|one| one.key.as_str()).collect();
    for key in ["TCP_NODELAY", "StorageCompression", "DicomThreadsCount"] {
        assert!(keys.contains(&key), "{key} is not in {keys:?}");
    }
    let [finding] = findings(&summary, Rule::Configuration)[..] else { panic!("{:?}", summary.diagnosis) };
    assert_eq!(finding.confidence, Confidence::Possible);
    // The request sets the other two itself. Orthanc's own default is 4 threads.
    let named = "ingest: DicomThreadsCount.";
    assert!(finding.says.contains(named), "{}", finding.says);
}
