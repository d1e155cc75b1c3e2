//! The server's side of each iteration. An iteration that a failure of the server spoils does not count.

use std::collections::BTreeMap;

use dicomperf_model::measurement::{BlockMeasurement, Iteration};
use dicomperf_model::plan::Plan;
use dicomperf_model::request::Target;
use dicomperf_model::results::{FaultyIteration, ServerFault};
use dicomperf_model::step::{StepOutput, StepReport};

use super::Outcome;
use crate::diagnosis::{ServerSide, Window, fault_of_end, fault_of_log};

/// The most failures of a run that its report lists.
const MAX_FAULTS: usize = 200;

/// Returns the reports with every spoiled iteration marked as invalid, and the failures in the order of time.
pub(super) fn mark_spoiled(
    plan: &Plan,
    steps: &[StepReport],
    outcome: &Outcome,
) -> (Vec<StepReport>, Vec<ServerFault>) {
    let samples = &outcome.samples;
    let server = ServerSide {
        resources: &samples.server,
        ends: &samples.ends,
        log: &samples.log,
        instance_bytes: plan.dataset.bytes / u64::from(plan.dataset.instances.max(1)),
    };
    let (mut faults, mut windows) = (Vec::new(), BTreeMap::new());
    let mut steps = steps.to_vec();
    for output in steps.iter_mut().filter_map(|step| step.output.as_mut()) {
        let StepOutput::Measured(measured) = output else { continue };
        let ordinal = measured.ordinal;
        let target = plan.block_of(ordinal).map_or_else(Target::default, |(_, block)| block.server.target);
        for iteration in every_iteration(measured) {
            let at = FaultyIteration {
                scenario: iteration.scenario,
                ordinal,
                index: iteration.index,
                started_at_ms: iteration.started_at_ms,
            };
            let stores = outcome.stores.unusual(at.scenario, ordinal, at.index);
            let (ended_at_ms, valid) = (ended_at_ms(iteration), iteration.valid);
            let window = Window { iteration: at, ended_at_ms, target, valid, stores };
            let found = server.faults(&window);
            spoil(iteration, &found);
            // A later part of a step repeats the iterations of the earlier parts.
            if windows.insert(at, window).is_none() {
                faults.extend(found);
            }
        }
    }
    let outside = outside(&server, &windows.into_values().collect::<Vec<_>>(), &faults);
    faults.extend(outside);
    faults.sort_by_key(|fault| fault.at_ms);
    faults.truncate(MAX_FAULTS);
    (steps, faults)
}

/// Returns every iteration of a block run, including those of its searches.
fn every_iteration(measured: &mut BlockMeasurement) -> impl Iterator<Item = &mut Iteration> {
    let of_searches = measured.searches.iter_mut().flat_map(|search| &mut search.iterations);
    measured.iterations.iter_mut().chain(of_searches.map(|one| &mut one.iteration))
}

fn ended_at_ms(iteration: &Iteration) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most an hour")]
    let duration_ms = iteration.duration_ms.max(0.0) as u64;
    iteration.started_at_ms + duration_ms
}

/// Marks an iteration with failures as invalid, and adds them to its reason.
fn spoil(iteration: &mut Iteration, faults: &[ServerFault]) {
    if faults.is_empty() {
        return;
    }
    iteration.valid = false;
    let own = iteration.reason.take();
    let of_server = faults.iter().map(|fault| format!("{}: {}", fault.rule, fault.says));
    iteration.reason = Some(own.into_iter().chain(of_server).collect::<Vec<_>>().join("; "));
}

/// Returns the failures while no iteration ran: every end of a server, and the first message of the log for each rule
/// that has no failure yet.
fn outside(server: &ServerSide<'_>, windows: &[Window<'_>], faults: &[ServerFault]) -> Vec<ServerFault> {
    let is_outside = |at_ms: u64| !windows.iter().any(|window| window.contains(at_ms));
    let ends = server.ends.iter().filter(|end| !end.requested && is_outside(end.at_ms));
    let mut found: Vec<_> = ends.map(|end| fault_of_end(end, server.resources)).collect();
    for fault in server.log.iter().filter(|line| is_outside(line.at_ms)).filter_map(fault_of_log) {
        if !faults.iter().chain(&found).any(|known| known.rule == fault.rule) {
            found.push(fault);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use dicomperf_model::measurement::{SearchIteration, SearchMeasurement};
    use dicomperf_model::request::SearchAxis;
    use dicomperf_model::results::{Rule, RunError, RunStatus, Verdict};
    use dicomperf_model::samples::ServerEnd;
    use serde_json::json;

    use super::super::fixture::*;
    use super::super::{HostSamples, summarize};
    use super::*;
    use crate::diagnosis::diagnose;

    /// The start of the first iteration.
    const STARTED_MS: u64 = 1_767_225_600_000;

    /// The end of Orthanc at this time.
    fn killed(at_ms: u64) -> ServerEnd {
        ServerEnd {
            at_ms,
            started_at_ms: at_ms - 3_000,
            server: "Orthanc".to_owned(),
            signal: Some("SIGKILL".to_owned()),
            ..ServerEnd::default()
        }
    }

    /// A plan of three iterations, a minute apart, and their reports.
    fn three_iterations() -> (Plan, Vec<StepReport>) {
        let plan = planned(json!({ "rounds": 1, "iterations": 3, "warmup": 0 }));
        let mut steps = all_steps(&plan, |_, _| 2500.0);
        for (place, iteration) in (0..).zip(iterations_of(&mut steps[2])) {
            iteration.started_at_ms = STARTED_MS + place * 60_000;
        }
        (plan, steps)
    }

    #[test]
    fn an_iteration_that_the_servers_end_spoils_does_not_count() {
        let (plan, steps) = three_iterations();
        let with = |ends| {
            let samples = HostSamples { ends, ..HostSamples::default() };
            summarize(&plan, &steps, Outcome { samples, ..went_well() })
        };
        let summary = with(vec![killed(STARTED_MS + 61_000)]);
        let scenario = &summary.scenarios[0];
        assert_eq!((scenario.valid_iterations, scenario.c_stores, summary.verdict), (2, 400, Verdict::Invalid));
        let reason = "server-died: Orthanc was ended by SIGKILL, 3.0 s after its start";
        assert_eq!(scenario.iterations[1].reason.as_deref(), Some(reason));
        let [finding] = &summary.diagnosis[..] else { panic!("{:?}", summary.diagnosis) };
        assert_eq!((finding.rule, &finding.scenarios[..]), (Rule::ServerDied, &[0][..]));
        let says = "Orthanc was ended by SIGKILL, 3.0 s after its start. That was 1.0 s after the start of iteration 1 of \
                    scenario 0 in block run 0. No figure comes from such an iteration.";
        assert_eq!(finding.says, says);
        // An old report can be diagnosed again.
        assert_eq!(diagnose(&summary), summary.diagnosis);
        let healthy = with(Vec::new());
        assert_eq!((healthy.scenarios[0].valid_iterations, healthy.server_faults.len()), (3, 0));
    }

    #[test]
    fn an_iteration_of_a_search_that_the_servers_end_spoils_does_not_count_either() {
        let (plan, mut steps) = three_iterations();
        let Some(StepOutput::Measured(measured)) = &mut steps[2].output else { panic!("a measurement") };
        let spoiled = Iteration { started_at_ms: STARTED_MS + 300_000, ..iteration(0, 3, 2500.0) };
        measured.searches.push(SearchMeasurement {
            scenario: 0,
            axis: SearchAxis::Associations,
            slo: Vec::new(),
            start: 1.0,
            lowest: 1.0,
            highest: 4.0,
            iterations: vec![SearchIteration { level: 1.0, iteration: spoiled }],
        });
        let samples = HostSamples { ends: vec![killed(STARTED_MS + 301_000)], ..HostSamples::default() };
        let (marked, faults) = mark_spoiled(&plan, &steps, &Outcome { samples, ..went_well() });
        let Some(StepOutput::Measured(measured)) = &marked[2].output else { panic!("a measurement") };
        assert!(!measured.searches[0].iterations[0].iteration.valid);
        assert!(measured.iterations.iter().all(|one| one.valid));
        assert_eq!(faults.len(), 1);
    }

    #[test]
    fn an_invalid_iteration_keeps_its_reason_and_gets_the_servers_side() {
        let (plan, mut steps) = three_iterations();
        let iteration = &mut iterations_of(&mut steps[2])[1];
        (iteration.valid, iteration.reason) = (false, Some("1 of 200 instances failed".to_owned()));
        let samples = HostSamples { ends: vec![killed(STARTED_MS + 61_000)], ..HostSamples::default() };
        let summary = summarize(&plan, &steps, Outcome { samples, ..went_well() });
        let reason = summary.scenarios[0].iterations[1].reason.as_deref().expect("a reason");
        assert!(reason.starts_with("1 of 200 instances failed; server-died: Orthanc was ended by SIGKILL"), "{reason}");
    }

    #[test]
    fn an_end_between_iterations_is_found_even_if_the_run_failed() {
        let (plan, steps) = three_iterations();
        let samples = HostSamples { ends: vec![killed(STARTED_MS + 30_000)], ..HostSamples::default() };
        let error = Some(RunError { error: "ServerUnreachable".to_owned(), cause: "Connection refused".to_owned() });
        let summary = summarize(&plan, &steps[..2], Outcome { samples, error, ..went_well() });
        assert_eq!(summary.status, RunStatus::Failed);
        let [finding] = &summary.diagnosis[..] else { panic!("{:?}", summary.diagnosis) };
        assert_eq!((finding.rule, &finding.scenarios[..]), (Rule::ServerDied, &[][..]));
        let says = "Orthanc was ended by SIGKILL, 3.0 s after its start. That was while no iteration ran.";
        assert_eq!(finding.says, says);
    }
}
