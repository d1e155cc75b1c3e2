//! The server's side of each iteration. An iteration that a failure of the server spoils does not count.

use std::collections::BTreeMap;

use dicomperf_model::measurement::{BlockMeasurement, Iteration};
use dicomperf_model::plan::Plan;
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
        for iteration in every_iteration(measured) {
            let at = FaultyIteration {
                scenario: iteration.scenario,
                ordinal,
                index: iteration.index,
                started_at_ms: iteration.started_at_ms,
            };
            let stores = outcome.stores.unusual(at.scenario, ordinal, at.index);
            let window = Window { iteration: at, ended_at_ms: ended_at_ms(iteration), valid: iteration.valid, stores };
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
