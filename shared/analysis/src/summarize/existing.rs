//! The existing server of a run: its answers, the studies that it received, and their deletion.

use std::collections::{BTreeMap, BTreeSet};

use dicomperf_model::measurement::{BlockMeasurement, CleanupOutcome};
use dicomperf_model::plan::Plan;
use dicomperf_model::request::Cleanup;
use dicomperf_model::results::{ExistingSummary, NegotiationSummary};
use dicomperf_model::step::{PreparedDataset, StepReport};

use super::measurements;
use crate::diagnosis;

/// Returns the existing server of a run; `None` if the run starts its own.
pub(super) fn existing(
    plan: &Plan,
    steps: &[StepReport],
    dataset: Option<&PreparedDataset>,
    negotiated: &[NegotiationSummary],
) -> Option<ExistingSummary> {
    let existing = plan.request.server.existing.as_ref()?;
    let block_runs = by_ordinal(steps);
    // The last answer is that of the software which the report is about, should it change during the run.
    let answer = negotiated.iter().max_by_key(|one| one.ordinals.last()).map(|one| &one.answer);
    Some(ExistingSummary {
        server: existing.identity().with_implementation(answer),
        receipt: existing.receipt,
        patient_ids: dataset.map(|dataset| dataset.patient_ids.clone()).unwrap_or_default(),
        study_instance_uids: study_instance_uids(&block_runs),
        cleanup: existing.cleanup,
        cleanup_outcome: cleanup_outcome(&block_runs),
    })
}

/// Returns the server's answers to association requests. Block runs with the same answer share an entry.
pub(super) fn negotiated(plan: &Plan, steps: &[StepReport]) -> Vec<NegotiationSummary> {
    let mut answers: Vec<NegotiationSummary> = Vec::new();
    for (ordinal, measured) in by_ordinal(steps) {
        let Some(answer) = &measured.negotiated else { continue };
        match answers.iter_mut().find(|known| known.answer == *answer) {
            Some(known) => known.ordinals.push(ordinal),
            None => answers.push(NegotiationSummary {
                ordinals: vec![ordinal],
                answer: answer.clone(),
                advice: diagnosis::association_advice(answer, &plan.request.matrix),
            }),
        }
    }
    answers
}

/// Returns the notes on the studies that the run leaves on the server.
pub(super) fn notes(existing: &ExistingSummary) -> Vec<String> {
    let left = existing.studies_left();
    if existing.cleanup == Cleanup::None || left == 0 {
        return Vec::new();
    }
    let reason = existing.cleanup_outcome.as_ref().and_then(|outcome| outcome.error.clone());
    let reason = reason.unwrap_or_else(|| "no block run reported a deletion".to_owned());
    let all = existing.study_instance_uids.len();
    vec![format!("{left} of {all} studies of this run may still be on the server: {reason}.")]
}

/// Returns the measurement of each block run. A later part of a step repeats the earlier parts and replaces them.
fn by_ordinal(steps: &[StepReport]) -> BTreeMap<u32, &BlockMeasurement> {
    measurements(steps).into_iter().map(|measured| (measured.ordinal, measured)).collect()
}

/// Returns every Study Instance UID once, in the order of sending.
fn study_instance_uids(block_runs: &BTreeMap<u32, &BlockMeasurement>) -> Vec<String> {
    let sent = block_runs.values().flat_map(|measured| measured.all_iterations());
    let sent = sent.flat_map(|iteration| iteration.study_instance_uids.iter().cloned());
    let mut known = BTreeSet::new();
    sent.filter(|uid| known.insert(uid.clone())).collect()
}

/// Returns the outcome of the deletion over all block runs, with each reason once.
fn cleanup_outcome(block_runs: &BTreeMap<u32, &BlockMeasurement>) -> Option<CleanupOutcome> {
    let mut outcomes = block_runs.values().filter_map(|measured| measured.cleanup.as_ref());
    let first = outcomes.next()?.clone();
    Some(outcomes.fold(first, |mut all, one| {
        all.studies += one.studies;
        all.deleted += one.deleted;
        all.error = match (all.error.take(), &one.error) {
            (Some(known), Some(error)) if known != *error => Some(format!("{known}; {error}")),
            (known, error) => known.or_else(|| error.clone()),
        };
        all
    }))
}

#[cfg(test)]
mod tests {
    use dicomperf_model::measurement::{SearchIteration, SearchMeasurement};
    use dicomperf_model::request::{Receipt, SearchAxis};
    use dicomperf_model::results::{RunStatus, Summary, Verdict};
    use serde_json::{Value, json};

    use super::super::fixture::*;
    use super::super::summarize;
    use super::*;

    fn run(existing: &Value, change: impl Fn(&mut BlockMeasurement)) -> Summary {
        let plan = planned_here(existing_request(existing, json!({ "rounds": 2, "iterations": 5 })));
        let mut steps = existing_steps(&plan, |_, _| 2000.0);
        steps.iter_mut().filter_map(measurement_of).for_each(change);
        summarize(&plan, &steps, went_well())
    }

    #[test]
    fn every_study_that_was_sent_is_listed_once() {
        let summary = run(&json!({}), |measured| {
            let repeated = measured.iterations[0].study_instance_uids.clone();
            measured.iterations[1].study_instance_uids.extend(repeated);
        });
        assert_eq!((summary.status, summary.verdict), (RunStatus::Succeeded, Verdict::Passed));
        let existing = summary.existing.expect("an existing server");
        // 2 rounds of 1 warm-up and 5 iterations, each of one study.
        assert_eq!(existing.study_instance_uids.len(), 12);
        assert_eq!(existing.study_instance_uids[0], "2.25.1000000");
        assert_eq!((existing.receipt, &existing.patient_ids[..]), (Receipt::CFind, &["DICOMPERF".to_owned()][..]));
        assert_eq!(existing.server.implementation().as_deref(), Some("PACS_1 (1.2.3.4)"));
        assert_eq!(summary.hosts.iter().count(), 0);
        assert!(summary.cost_usd_at_most.abs() < 1e-12);
    }

    #[test]
    fn studies_of_a_search_are_listed_after_those_of_its_block_run() {
        let summary = run(&json!({}), |measured| {
            let mut iteration = iteration(0, 9, 2000.0);
            iteration.study_instance_uids = vec![format!("2.25.9{}", measured.ordinal)];
            measured.searches.push(SearchMeasurement {
                scenario: 0,
                axis: SearchAxis::Associations,
                slo: Vec::new(),
                start: 1.0,
                lowest: 1.0,
                highest: 2.0,
                iterations: vec![SearchIteration { level: 1.0, iteration }],
            });
        });
        let existing = summary.existing.expect("an existing server");
        let positions: Vec<_> = ["2.25.90", "2.25.91"]
            .iter()
            .map(|uid| existing.study_instance_uids.iter().position(|sent| sent == uid))
            .collect();
        assert_eq!(positions, [Some(6), Some(13)]);
    }

    #[test]
    fn block_runs_that_negotiate_the_same_share_an_entry() {
        let alike = run(&json!({}), |_| {});
        assert_eq!(alike.negotiated.iter().map(|one| &one.ordinals[..]).collect::<Vec<_>>(), [[0, 1]]);
        let updated = run(&json!({}), |measured| {
            let answer = measured.negotiated.as_mut().expect("an answer");
            answer.implementation_version_name = Some(format!("PACS_{}", measured.ordinal + 1));
        });
        assert_eq!(updated.negotiated.iter().map(|one| &one.ordinals[..]).collect::<Vec<_>>(), [[0], [1]]);
        let name = updated.existing.and_then(|existing| existing.server.implementation_version_name);
        assert_eq!(name.as_deref(), Some("PACS_2"));
    }

    #[test]
    fn studies_that_were_not_deleted_are_noted_with_the_reason() {
        let asked = json!({ "cleanup": "orthanc", "receipt": "orthanc", "url": "http://pacs.example.org:8042" });
        let outcome = |deleted, error: Option<&str>| {
            Some(CleanupOutcome { studies: 6, deleted, error: error.map(str::to_owned) })
        };
        let notes = |summary: &Summary| summary.notes.iter().any(|note| note.contains("still be on the server"));
        let clean = run(&asked, |measured| measured.cleanup = outcome(6, None));
        let existing = clean.existing.as_ref().expect("an existing server");
        assert_eq!((existing.studies_left(), notes(&clean)), (0, false));
        let left = run(&asked, |measured| {
            measured.cleanup = if measured.ordinal == 0 { outcome(6, None) } else { outcome(4, Some("403 Forbidden")) };
        });
        assert_eq!(left.existing.as_ref().expect("an existing server").studies_left(), 2);
        let expected = "2 of 12 studies of this run may still be on the server: 403 Forbidden.";
        assert!(left.notes.contains(&expected.to_owned()), "{:?}", left.notes);
        // Nobody asked for a deletion.
        assert!(!notes(&run(&json!({}), |_| {})));
    }
}
