//! The sender as the limit.

use dicomperf_model::results::Rule;
use dicomperf_model::results::Summary;
use serde_json::json;

use crate::harness::diagnosed::{assert_silent, diagnosed, finding, undisturbed};

#[test]
fn a_sender_that_computes_more_than_orthanc_is_the_limit() {
    // For one small instance, each process reads DCMTK's dictionary, opens an association and ends.
    let summary = undisturbed("sender-that-computes", || {
        diagnosed(json!({
            "dataset": { "synthetic": { "modality": "PT", "instances": 80 } }, "iterations": 3, "warmup": 1, "rounds": 1,
            "matrix": { "associations": [4], "instancesPerAssociation": [1] },
        }))
    });
    let Some(summary) = summary else { return };
    the_sender_is_the_limit(&summary);
}

pub fn the_sender_is_the_limit(summary: &Summary) {
    let client = finding(summary, Rule::ClientBound);
    assert!(client.evidence[0].value >= 70.0, "{:?}", client.evidence);
}

#[test]
fn a_sender_that_waits_for_orthanc_or_sends_to_the_sink_is_not() {
    let summary = diagnosed(json!({
        "dataset": { "synthetic": { "modality": "CT", "instances": 60 } }, "iterations": 3, "warmup": 1, "rounds": 1,
        "matrix": { "target": ["orthanc", "sink"] },
    }));
    assert_silent(&summary, &[Rule::ClientBound, Rule::ServerCpuBound, Rule::ServerThreadBound]);
    // The sink's sender computes for much of the time, as the request demands.
    let sink = &summary.scenarios[1];
    let iteration = sink.iterations.iter().find(|one| one.counts()).unwrap();
    assert!(iteration.sender_cpu_ms.unwrap() > 0.0);
}
