//! A scenario's figures from its iterations.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decomposition::{Decomposition, Parts};
use super::resources::ScenarioResources;
use super::stores::{Growth, LatencyBucket};
use super::{Outcome, measurements};
use crate::measurement::{BlockMeasurement, Iteration, LatencyHistogram};
use crate::plan::{Block, Plan, Scenario, Settings};
use crate::request::Metric;
use crate::statistics::{Bootstrap, Interval, mad, outliers};
use crate::step::StepReport;

/// What was measured under one combination of settings. Its figures are of the valid counted iterations of all rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioSummary {
    /// The block.
    pub block: u32,
    /// The scenario's number in the plan.
    pub scenario: u32,
    /// Whether nobody asked for it: it shows what TCP_NODELAY does where the matrix does not, and counts for no verdict.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// The settings.
    pub settings: Settings,
    /// The same text for the same settings: what history is kept by.
    pub settings_key: String,
    /// Instances per second: of each iteration instancesSent / transferMs, of these the median.
    pub instances_per_second: Option<Interval>,
    /// Median absolute deviation of the iterations' instances per second, unscaled.
    pub instances_per_second_mad: Option<f64>,
    /// Bytes of files per second: of each iteration bytesSent / transferMs, of these the median.
    pub bytes_per_second: Option<Interval>,
    /// Times of all C-STOREs of these iterations together, from request to response, in ms.
    pub latency_ms: Option<LatencySummary>,
    /// The same times as an HDR histogram in us, V2 and base64: from it every percentile can be had.
    pub latency_us: LatencyHistogram,
    /// How many C-STOREs those are.
    pub c_stores: u64,
    /// The same times by when they were requested, from the start of the iteration that each belongs to: a stall or a
    /// warm-up shows here. Empty without the client's samples.
    pub latency_over_time: Vec<LatencyBucket>,
    /// The same times by how many instances were sent before: whether the server gets slower as it fills.
    pub growth: Option<Growth>,
    /// Where the time goes; null without a valid iteration.
    pub decomposition: Option<Decomposition>,
    /// What the hosts used meanwhile.
    pub resources: ScenarioResources,
    /// What speaks against taking these figures for the server's.
    pub warnings: Vec<String>,
    /// From the start of the first sender to the exit of the last, in ms: the median of the iterations.
    pub duration_ms: Option<Interval>,
    /// From the first C-STORE request to the last response, in ms: the median of the iterations.
    pub transfer_ms: Option<Interval>,
    /// Counted iterations that are valid.
    pub valid_iterations: u32,
    /// Counted iterations that were made.
    pub counted_iterations: u32,
    /// Counted iterations that the plan has.
    pub planned_iterations: u32,
    /// Every iteration in the order in which they were made, warm-ups and invalid ones too.
    pub iterations: Vec<IterationSummary>,
}

/// Percentiles in ms, exact to 3 significant digits, of one histogram of all C-STOREs. Never means of percentiles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencySummary {
    /// Half of the C-STOREs took no longer.
    pub p50: f64,
    /// 90% took no longer.
    pub p90: f64,
    /// 95% took no longer.
    pub p95: f64,
    /// 99% took no longer.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

/// One timed transfer of the whole dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IterationSummary {
    /// Whether it proves what it claims.
    pub valid: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it does not count.
    pub warmup: bool,
    /// The round.
    pub round: u32,
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// Counted from 0 in its block run and scenario, warm-ups first.
    pub index: u32,
    /// When it began, in ms since 1970-01-01 UTC.
    pub started_at_ms: u64,
    /// From the start of the first sender to the exit of the last, in ms.
    pub duration_ms: f64,
    /// From the first C-STORE request to the last response, in ms.
    pub transfer_ms: f64,
    /// C-STORE requests whose response was Success (0000H).
    pub instances_sent: u32,
    /// Instances that the server held afterwards.
    pub instances_stored: u32,
    /// Bytes of the files that were sent.
    pub bytes_sent: u64,
    /// Orthanc's TotalUncompressedSize afterwards, in bytes.
    pub stored_bytes: u64,
    /// Instances per second; null where nothing was transferred.
    pub instances_per_second: Option<f64>,
    /// Times of its C-STOREs, in ms; null where there was none.
    pub latency_ms: Option<LatencySummary>,
    /// CPU time of the sender's processes, in ms; absent where the kernel did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_cpu_ms: Option<f64>,
    /// Whether its instances per second lie far from those of the scenario's other valid counted iterations.
    pub outlier: bool,
}

/// Counted iterations that the plan has and nobody made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotMeasured {
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// The block.
    pub block: u32,
    /// The round.
    pub round: u32,
    /// The scenario's number.
    pub scenario: u32,
    /// How many.
    pub iterations: u32,
}

/// An iteration, and where it belongs.
type Made<'a> = BTreeMap<(u32, u32, u32), (&'a BlockMeasurement, &'a Iteration)>;

/// Every scenario of the plan, and its resampled instances per second where it has any.
pub(super) fn summarize(
    plan: &Plan,
    steps: &[StepReport],
    outcome: &Outcome,
) -> (Vec<ScenarioSummary>, Vec<Option<Bootstrap>>) {
    let made = iterations(steps);
    plan.blocks
        .iter()
        .flat_map(|block| block.scenarios.iter().map(move |scenario| (block, scenario)))
        .map(|(block, scenario)| summarize_one(plan, block, scenario, &made, outcome))
        .unzip()
}

/// By scenario, block run and index: each iteration once, though the parts of a step repeat what was measured before.
fn iterations(steps: &[StepReport]) -> Made<'_> {
    measurements(steps)
        .into_iter()
        .flat_map(|measured| measured.iterations.iter().map(move |iteration| (measured, iteration)))
        .map(|(measured, iteration)| ((iteration.scenario, measured.ordinal, iteration.index), (measured, iteration)))
        .collect()
}

fn summarize_one(
    plan: &Plan,
    block: &Block,
    scenario: &Scenario,
    made: &Made<'_>,
    outcome: &Outcome,
) -> (ScenarioSummary, Option<Bootstrap>) {
    let of_scenario = (scenario.scenario, 0, 0)..=(scenario.scenario, u32::MAX, u32::MAX);
    let mut iterations = Vec::new();
    let mut latency = LatencyHistogram::new();
    let mut parts = Parts::default();
    for &(measured, iteration) in made.range(of_scenario).map(|(_, made)| made) {
        let summary = IterationSummary::new(measured.ordinal, measured.round, iteration);
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
    // One stream for all figures of a scenario keeps their intervals in step; another scenario has another.
    let resample = |values: &[f64]| Bootstrap::new(values, u64::from(scenario.scenario));
    let interval = |values: &[f64]| resample(values).map(|resampled| resampled.interval());
    let resampled = resample(&rates);
    let counted = iterations.iter().filter(|iteration| !iteration.warmup).count();
    let block_runs = plan.sequence.iter().filter(|run| run.block == block.block).count();
    let resources = ScenarioResources::of(&outcome.samples, &iterations);
    let over_time = outcome.stores.of(scenario.scenario, &iterations);
    let summary = ScenarioSummary {
        block: block.block,
        probe: block.probe,
        scenario: scenario.scenario,
        settings: scenario.settings.clone(),
        settings_key: scenario.settings.key(),
        instances_per_second: resampled.as_ref().map(Bootstrap::interval),
        instances_per_second_mad: mad(&rates),
        bytes_per_second: interval(&figures(&iterations, |one| per_second(one.bytes_sent, one.transfer_ms))),
        latency_ms: LatencySummary::of(&latency),
        c_stores: latency.len(),
        latency_over_time: over_time.buckets(),
        growth: over_time.growth(),
        latency_us: latency,
        decomposition: parts.decomposition(),
        warnings: resources.warnings(plan, &scenario.settings),
        resources,
        duration_ms: interval(&figures(&iterations, |iteration| iteration.duration_ms)),
        transfer_ms: interval(&figures(&iterations, |iteration| iteration.transfer_ms)),
        valid_iterations: number(rates.len()),
        counted_iterations: number(counted),
        planned_iterations: number(block_runs) * block.iterations(&plan.request),
        iterations,
    };
    (summary, resampled)
}

/// What the plan has and the scenarios lack.
pub(super) fn not_measured(plan: &Plan, scenarios: &[ScenarioSummary]) -> Vec<NotMeasured> {
    plan.sequence
        .iter()
        .flat_map(|run| scenarios.iter().filter(|one| one.block == run.block).map(move |scenario| (run, scenario)))
        .filter_map(|(run, scenario)| {
            let made = scenario.iterations.iter().filter(|one| one.ordinal == run.ordinal && !one.warmup).count();
            let (_, block) = plan.block_of(run.ordinal)?;
            let iterations = block.iterations(&plan.request).saturating_sub(number(made));
            (iterations > 0).then_some(NotMeasured {
                ordinal: run.ordinal,
                block: run.block,
                round: run.round,
                scenario: scenario.scenario,
                iterations,
            })
        })
        .collect()
}

impl ScenarioSummary {
    /// The figure that a threshold limits, in the metric's unit.
    #[must_use]
    pub fn figure(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::InstancesPerSecond => self.instances_per_second.map(|rate| rate.median),
            Metric::BytesPerSecond => self.bytes_per_second.map(|rate| rate.median),
            Metric::LatencyP50 => self.latency_ms.map(|latency| latency.p50),
            Metric::LatencyP90 => self.latency_ms.map(|latency| latency.p90),
            Metric::LatencyP95 => self.latency_ms.map(|latency| latency.p95),
            Metric::LatencyP99 => self.latency_ms.map(|latency| latency.p99),
            Metric::LatencyMax => self.latency_ms.map(|latency| latency.max),
        }
    }
}

impl LatencySummary {
    pub(super) fn of(histogram: &LatencyHistogram) -> Option<Self> {
        (!histogram.is_empty()).then(|| Self {
            p50: histogram.percentile_ms(50.0),
            p90: histogram.percentile_ms(90.0),
            p95: histogram.percentile_ms(95.0),
            p99: histogram.percentile_ms(99.0),
            max: histogram.max_ms(),
        })
    }
}

impl IterationSummary {
    pub(super) fn new(ordinal: u32, round: u32, iteration: &Iteration) -> Self {
        let timed = iteration.transfer_ms.is_finite() && iteration.transfer_ms > 0.0;
        let rate = per_second(u64::from(iteration.instances_sent), iteration.transfer_ms);
        let mut reason = iteration.reason.clone();
        if iteration.valid && !timed {
            reason = Some("no time of transfer was measured".to_owned());
        }
        Self {
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
            instances_stored: iteration.instances_stored,
            bytes_sent: iteration.bytes_sent,
            stored_bytes: iteration.stored_bytes,
            instances_per_second: timed.then_some(rate),
            latency_ms: LatencySummary::of(&iteration.latency_us),
            sender_cpu_ms: iteration.sender_cpu_ms,
            outlier: false,
        }
    }

    /// Whether the scenario's figures are made from it.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.valid && !self.warmup
    }
}

/// A figure of each iteration that counts.
fn figures(iterations: &[IterationSummary], figure: impl Fn(&IterationSummary) -> f64) -> Vec<f64> {
    iterations.iter().filter(|iteration| iteration.counts()).map(figure).collect()
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 bytes")]
fn per_second(count: u64, milliseconds: f64) -> f64 {
    count as f64 / (milliseconds / 1000.0)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
