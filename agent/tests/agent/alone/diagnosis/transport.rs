//! Timers, PDUs and associations.

use dicomperf_model::results::Summary;
use dicomperf_model::results::{Confidence, Rule};
use serde_json::json;

use crate::harness::diagnosed::{assert_silent, diagnosed, finding, undisturbed};

#[test]
fn nagle_is_proven_by_the_same_scenario_without_it() {
    let summary = diagnosed(json!({
        "dataset": { "synthetic": { "modality": "CT", "instances": 20 } }, "iterations": 3, "warmup": 0, "rounds": 1,
        "matrix": { "tcpNoDelay": [false, true] },
    }));
    let nagle = finding(&summary, Rule::NagleDelayedAck);
    assert_eq!((nagle.confidence, &nagle.scenarios[..]), (Confidence::Proven, &[0][..]));
    assert_eq!(summary.diagnosis[0].rule, Rule::NagleDelayedAck);
    let gain = nagle.gain.as_ref().unwrap();
    assert!(gain.low.unwrap() > 2.0, "{gain:?}");
}

#[test]
fn nagle_is_likely_where_the_run_has_nothing_to_compare_with() {
    let summary = diagnosed(json!({
        "dataset": { "synthetic": { "modality": "CT", "instances": 20 } }, "iterations": 2, "warmup": 0, "rounds": 1,
        "matrix": { "tcpNoDelay": [false] },
    }));
    let nagle = finding(&summary, Rule::NagleDelayedAck);
    assert_eq!(nagle.confidence, Confidence::Likely);
    assert!(nagle.gain.as_ref().unwrap().times > 1.5, "{:?}", nagle.gain);
}

#[test]
fn small_pdus_are_proven_by_larger_ones_and_the_usual_ones_are_none() {
    let request = json!({
        "dataset": { "synthetic": { "modality": "CT", "instances": 150 } }, "iterations": 8, "warmup": 1, "rounds": 1,
        "matrix": { "target": ["sink"], "maxPdu": [4096, 32768] },
    });
    let Some(summary) = undisturbed("small-pdus", || diagnosed(request.clone())) else { return };
    small_pdus_are_proven(&summary);
}

pub fn small_pdus_are_proven(summary: &Summary) {
    let small = finding(summary, Rule::SmallPdu);
    assert_eq!((small.confidence, &small.scenarios[..]), (Confidence::Proven, &[0][..]));
}

#[test]
fn short_associations_are_found_by_what_they_take_and_proven_by_long_ones() {
    let request = |per_association: serde_json::Value| {
        json!({
            "dataset": { "synthetic": { "modality": "PT", "instances": 16 } }, "iterations": 3, "warmup": 0, "rounds": 1,
            "matrix": { "instancesPerAssociation": per_association },
        })
    };
    let summary = diagnosed(request(json!([1])));
    let short = finding(&summary, Rule::ShortAssociations);
    assert_eq!(short.confidence, Confidence::Likely);
    let computed = short.gain.as_ref().unwrap().times;
    let summary = diagnosed(request(json!([1, "all"])));
    let short = finding(&summary, Rule::ShortAssociations);
    assert_eq!((short.confidence, &short.scenarios[..]), (Confidence::Proven, &[0][..]));
    let measured = short.gain.as_ref().unwrap();
    assert!(computed > 1.2 && measured.low.unwrap() > 1.2, "{computed} {measured:?}");
    // With one association for all instances, no association is short.
    assert_silent(&diagnosed(request(json!(["all"]))), &[Rule::ShortAssociations]);
}
