//! The figures of a scenario, computed from its iterations.

use std::collections::BTreeMap;

use super::decomposition::Parts;
use super::resources::used_by;
use super::{Outcome, measurements};
use dicomperf_model::measurement::{BlockMeasurement, Iteration, LatencyHistogram};
use dicomperf_model::plan::{Block, Plan, Scenario};
use dicomperf_model::results::{IterationSummary, LatencySummary, NotMeasured, ScenarioSummary};
use dicomperf_model::statistics::{Bootstrap, mad, outliers};
use dicomperf_model::step::StepReport;

/// Each iteration and the measurement that it is part of, by scenario, block run and index.
type IterationsByKey<'a> = BTreeMap<(u32, u32, u32), (&'a BlockMeasurement, &'a Iteration)>;

/// Summarizes every scenario of the plan, and returns its resampled instances per second if it has valid iterations.
pub(super) fn summarize(
    plan: &Plan,
    steps: &[StepReport],
    outcome: &Outcome,
) -> (Vec<ScenarioSummary>, Vec<Option<Bootstrap>>) {
    let made = iterations_by_key(steps);
    plan.blocks
        .iter()
        .flat_map(|block| block.scenarios.iter().map(move |scenario| (block, scenario)))
        .map(|(block, scenario)| summarize_scenario(plan, block, scenario, &made, outcome))
        .unzip()
}

/// Returns each iteration once, although later parts of a step repeat the iterations of earlier parts.
fn iterations_by_key(steps: &[StepReport]) -> IterationsByKey<'_> {
    measurements(steps)
        .into_iter()
        .flat_map(|measured| measured.iterations.iter().map(move |iteration| (measured, iteration)))
        .map(|(measured, iteration)| ((iteration.scenario, measured.ordinal, iteration.index), (measured, iteration)))
        .collect()
}

fn summarize_scenario(
    plan: &Plan,
    block: &Block,
    scenario: &Scenario,
    made: &IterationsByKey<'_>,
    outcome: &Outcome,
) -> (ScenarioSummary, Option<Bootstrap>) {
    let of_scenario = (scenario.number, 0, 0)..=(scenario.number, u32::MAX, u32::MAX);
    let mut iterations = Vec::new();
    let mut latency = LatencyHistogram::new();
    let mut parts = Parts::default();
    for &(measured, iteration) in made.range(of_scenario).map(|(_, made)| made) {
        let summary = iteration_summary(measured.ordinal, measured.round, iteration);
        if summary.counts() {
            latency.add(&iteration.latency_us);
            parts.add(iteration, measured.network.as_ref());
        }
        iterations.push(summary);
    }

    let rates = figures(&iterations, |iteration| iteration.instances_per_second.unwrap_or_default());
    let flags = outliers(&rates);
    for (iteration, outlier) in iterations.iter_mut().filter(|iteration| iteration.counts()).zip(flags) {
        iteration.outlier = outlier;
    }
    // All figures of a scenario share one random stream, so that their intervals match. Other scenarios have other
    // streams.
    let resample = |values: &[f64]| Bootstrap::new(values, u64::from(scenario.number));
    let interval = |values: &[f64]| resample(values).map(|resampled| resampled.interval());
    let resampled = resample(&rates);
    let counted = iterations.iter().filter(|iteration| !iteration.warmup).count();
    let block_runs = plan.sequence.iter().filter(|run| run.block == block.number).count();
    let resources = used_by(&outcome.samples, &iterations);
    let over_time = outcome.stores.over_time(scenario.number, &iterations);
    let summary = ScenarioSummary {
        block: block.number,
        probe: block.probe,
        number: scenario.number,
        settings: scenario.settings.clone(),
        settings_key: scenario.settings.key(),
        instances_per_second: resampled.as_ref().map(Bootstrap::interval),
        instances_per_second_mad: mad(&rates),
        bytes_per_second: interval(&figures(&iterations, |one| per_second(one.bytes_sent, one.transfer_ms))),
        latency_ms: LatencySummary::from_histogram(&latency),
        c_stores: latency.len(),
        latency_over_time: over_time.buckets(),
        growth: over_time.growth(),
        latency_us: latency,
        decomposition: parts.decomposition(),
        warnings: Vec::new(),
        resources,
        duration_ms: interval(&figures(&iterations, |iteration| iteration.duration_ms)),
        transfer_ms: interval(&figures(&iterations, |iteration| iteration.transfer_ms)),
        valid_iterations: to_u32(rates.len()),
        counted_iterations: to_u32(counted),
        planned_iterations: to_u32(block_runs) * block.iterations(&plan.request),
        iterations,
    };
    (summary, resampled)
}

/// Returns the iterations that are in the plan but were not measured.
pub(super) fn not_measured(plan: &Plan, scenarios: &[ScenarioSummary]) -> Vec<NotMeasured> {
    plan.sequence
        .iter()
        .flat_map(|run| scenarios.iter().filter(|one| one.block == run.block).map(move |scenario| (run, scenario)))
        .filter_map(|(run, scenario)| {
            let made = scenario.iterations.iter().filter(|one| one.ordinal == run.ordinal && !one.warmup).count();
            let (_, block) = plan.block_of(run.ordinal)?;
            let iterations = block.iterations(&plan.request).saturating_sub(to_u32(made));
            (iterations > 0).then_some(NotMeasured {
                ordinal: run.ordinal,
                block: run.block,
                round: run.round,
                scenario: scenario.number,
                iterations,
            })
        })
        .collect()
}

/// Summarizes an iteration. Its outlier mark is set later, when all iterations are known.
pub(super) fn iteration_summary(ordinal: u32, round: u32, iteration: &Iteration) -> IterationSummary {
    let timed = iteration.transfer_ms.is_finite() && iteration.transfer_ms > 0.0;
    let rate = per_second(u64::from(iteration.instances_sent), iteration.transfer_ms);
    let mut reason = iteration.reason.clone();
    if iteration.valid && !timed {
        reason = Some("no time of transfer was measured".to_owned());
    }
    IterationSummary {
        valid: iteration.valid && timed,
        reason,
        warmup: iteration.warmup,
        round,
        ordinal,
        index: iteration.index,
        started_at_ms: iteration.started_at_ms,
        duration_ms: iteration.duration_ms,
        transfer_ms: iteration.transfer_ms,
        instances_sent: iteration.instances_sent,
        instances_refused: iteration.instances_refused,
        instances_failed: iteration.instances_failed,
        instances_not_tried: iteration.instances_not_tried,
        failures: iteration.failures.clone(),
        instances_stored: iteration.instances_stored,
        bytes_sent: iteration.bytes_sent,
        stored_bytes: iteration.stored_bytes,
        instances_per_second: timed.then_some(rate),
        latency_ms: LatencySummary::from_histogram(&iteration.latency_us),
        sender_cpu_ms: iteration.sender_cpu_ms,
        outlier: false,
    }
}

/// Returns a figure of each iteration that counts.
fn figures(iterations: &[IterationSummary], figure: impl Fn(&IterationSummary) -> f64) -> Vec<f64> {
    iterations.iter().filter(|iteration| iteration.counts()).map(figure).collect()
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 bytes")]
fn per_second(count: u64, milliseconds: f64) -> f64 {
    count as f64 / (milliseconds / 1000.0)
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
