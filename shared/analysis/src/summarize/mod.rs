//! The summary of a run, computed from the reports of its steps.

mod decomposition;
mod dry_run;
mod existing;
#[cfg(test)]
pub(crate) mod fixture;
mod resources;
mod scenario;
mod search;
mod server_side;
mod step_facts;
mod stores;
mod timeline;
mod within_run;

use dicomperf_model::measurement::BlockMeasurement;
use dicomperf_model::plan::Plan;
use dicomperf_model::request::{Baseline, OrthancBuild, Target};
use dicomperf_model::results::{
    BaselineComparison, BuildSummary, Change, DatasetSummary, NotMeasured, RunError, RunStatus, ScenarioSummary,
    Summary, ThresholdOutcome, ThresholdState, Verdict,
};
use dicomperf_model::step::{PreparedDataset, StepId, StepOutput, StepReport};
use jiff::Timestamp;

pub use self::dry_run::summarize_checks;
pub use self::resources::HostSamples;
use self::step_facts::StepFacts;
pub use self::stores::Stores;
use crate::diagnosis;
use crate::verdict::{HistoricScenario, check_threshold, compare_with_history, earlier_medians};

/// The facts about a run that are in neither its plan nor its step reports.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The first error.
    pub error: Option<RunError>,
    /// Hosts that still exist.
    pub hosts_left: u32,
    /// Scenarios of earlier runs of the same fingerprint that succeeded with a valid result.
    pub history: Vec<HistoricScenario>,
    /// The resource samples of both hosts.
    pub samples: HostSamples,
    /// Every C-STORE, from the client's samples.
    pub stores: Stores,
    /// The time at which the run is summarized.
    pub finished_at: Timestamp,
}

impl Outcome {
    /// Creates the outcome of a run without an error, a remaining host, a history, samples or C-STOREs.
    #[must_use]
    pub fn new(finished_at: Timestamp) -> Self {
        Self {
            error: None,
            hosts_left: 0,
            history: Vec::new(),
            samples: HostSamples::default(),
            stores: Stores::default(),
            finished_at,
        }
    }
}

/// Summarizes a run from its plan and the reports of its steps. Reports may be missing, and may come in any order.
#[must_use]
pub fn summarize(plan: &Plan, steps: &[StepReport], outcome: Outcome) -> Summary {
    let (steps, server_faults) = server_side::mark_spoiled(plan, steps, &outcome);
    let facts = StepFacts::collect(&steps);
    let (scenarios, resampled) = scenario::summarize(plan, &steps, &outcome);
    let not_measured = scenario::not_measured(plan, &scenarios);
    let comparisons = within_run::compare(&scenarios, &resampled);
    let thresholds = thresholds(plan, &scenarios);
    let baseline = match &plan.request.baseline {
        Some(Baseline::History) => baseline(plan, &scenarios, &outcome.history),
        Some(Baseline::Run(_) | Baseline::Named(_)) | None => Vec::new(),
    };
    let searches = search::summarize(plan, &steps);
    let negotiated = existing::negotiated(plan, &steps);
    let existing = existing::existing(plan, &steps, facts.dataset.as_ref(), &negotiated);
    let complete = outcome.error.is_none()
        && outcome.hosts_left == 0
        && not_measured.is_empty()
        && searches.without_result.is_empty();
    let elapsed_hours = outcome.finished_at.duration_since(plan.created_at).as_secs_f64().max(0.0) / 3600.0;
    let mut summary = Summary {
        run_id: plan.run_id.clone(),
        status: if complete { RunStatus::Succeeded } else { RunStatus::Failed },
        verdict: if searches.without_result.is_empty() {
            verdict(&scenarios, &not_measured, &thresholds, &baseline)
        } else {
            Verdict::Invalid
        },
        error: outcome.error,
        fingerprint: plan.fingerprint.clone(),
        hosts_left: outcome.hosts_left,
        notes: notes(plan, &scenarios, &facts).into_iter().chain(searches.without_result).collect(),
        scenarios,
        comparisons,
        diagnosis: Vec::new(),
        checks: Vec::new(),
        kept: None,
        hosts_of: plan.hosts_of.clone(),
        builds: builds(plan, &steps),
        server_faults,
        configuration_advice: Vec::new(),
        searches: searches.found,
        against: None,
        timeline: timeline::timeline(&outcome.samples, plan.created_at),
        thresholds,
        baseline,
        not_measured,
        failed_steps: facts.failed_steps,
        samples: facts.read_backs.into_values().collect(),
        network: facts.network.into_values().collect(),
        started_at: plan.created_at,
        finished_at: outcome.finished_at,
        estimate: plan.estimate,
        cost_usd_at_most: elapsed_hours * plan.estimate.usd_per_hour,
        dataset: dataset_summary(plan, facts.dataset.as_ref()),
        hosts: plan.hosts.clone(),
        versions: facts.versions,
        existing,
        negotiated,
        server_configuration: facts.server_configuration,
        clocks: facts.clocks,
        fingerprint_of: plan.fingerprint_of.clone(),
        request: plan.request.clone(),
    };
    summary.configuration_advice = diagnosis::configuration(&summary);
    summary.diagnosis = diagnosis::diagnose(&summary);
    summary.notes.extend(diagnosis::growth_note(&summary));
    summary.notes.extend(summary.existing.iter().flat_map(existing::notes).collect::<Vec<_>>());
    for scenario in &mut summary.scenarios {
        scenario.warnings = diagnosis::warnings(&summary.diagnosis, scenario.number);
    }
    summary
}

/// Returns the build of each block, if the request names one. Its version is the one that the build reported when it was
/// configured.
fn builds(plan: &Plan, steps: &[StepReport]) -> Vec<BuildSummary> {
    if plan.request.matrix.orthanc_build.iter().all(OrthancBuild::is_distribution) {
        return Vec::new();
    }
    let version = |block: u32| {
        steps.iter().find_map(|report| match (&report.step, &report.output) {
            (StepId::ConfigureServer { ordinal }, Some(StepOutput::ServerConfigured(versions)))
                if plan.block_of(*ordinal).is_some_and(|(run, _)| run.block == block) =>
            {
                versions.orthanc.clone()
            }
            _ => None,
        })
    };
    let of_orthanc = plan.blocks.iter().filter(|block| block.server.target == Target::Orthanc);
    of_orthanc
        .map(|block| BuildSummary {
            block: block.number,
            build: block.server.orthanc_build.name(),
            version: version(block.number),
        })
        .collect()
}

/// Returns the dataset as the client prepared it, or as planned if it did not get to that.
fn dataset_summary(plan: &Plan, prepared: Option<&PreparedDataset>) -> DatasetSummary {
    let refused_by_client = prepared.iter().flat_map(|prepared| &prepared.refused);
    DatasetSummary {
        instances: prepared.map_or(plan.dataset.instances, |prepared| prepared.instances),
        bytes: prepared.map_or(plan.dataset.bytes, |prepared| prepared.bytes),
        hash: plan.dataset.hash.clone(),
        sha256: prepared.map(|prepared| prepared.sha256.clone()),
        refused: plan.dataset.refused.iter().chain(refused_by_client).cloned().collect(),
    }
}

fn thresholds(plan: &Plan, scenarios: &[ScenarioSummary]) -> Vec<ThresholdOutcome> {
    plan.request
        .thresholds
        .iter()
        .flat_map(|threshold| {
            scenarios
                .iter()
                .filter(|scenario| !scenario.probe)
                .map(|scenario| check_threshold(threshold, scenario.number, scenario.figure(threshold.metric)))
        })
        .collect()
}

fn baseline(plan: &Plan, scenarios: &[ScenarioSummary], history: &[HistoricScenario]) -> Vec<BaselineComparison> {
    scenarios
        .iter()
        .filter(|scenario| !scenario.probe)
        .map(|scenario| {
            let earlier = earlier_medians(history, &scenario.settings_key, &plan.run_id, plan.created_at);
            compare_with_history(scenario.number, scenario.instances_per_second.as_ref(), &earlier)
        })
        .collect()
}

fn verdict(
    scenarios: &[ScenarioSummary],
    not_measured: &[NotMeasured],
    thresholds: &[ThresholdOutcome],
    baseline: &[BaselineComparison],
) -> Verdict {
    let mut asked = scenarios.iter().filter(|scenario| !scenario.probe);
    let all_valid = asked.all(|scenario| scenario.valid_iterations == scenario.counted_iterations);
    if !all_valid || !not_measured.is_empty() {
        Verdict::Invalid
    } else if thresholds.iter().any(|outcome| outcome.state == ThresholdState::Broken) {
        Verdict::ThresholdBroken
    } else if baseline.iter().any(|comparison| comparison.verdict == Change::Regressed) {
        Verdict::Regressed
    } else {
        Verdict::Passed
    }
}

fn notes(plan: &Plan, scenarios: &[ScenarioSummary], facts: &StepFacts) -> Vec<String> {
    let mut notes = plan.notes.clone();
    let mut note_of = |which: &dyn Fn(&ScenarioSummary) -> bool, says: &str| {
        let numbers: Vec<_> = scenarios.iter().filter(|one| which(one)).map(|one| one.number.to_string()).collect();
        if !numbers.is_empty() {
            let noun = if numbers.len() == 1 { "Scenario" } else { "Scenarios" };
            notes.push(format!("{noun} {}: {says}", numbers.join(", ")));
        }
    };
    note_of(
        &|scenario| (1..6).contains(&scenario.valid_iterations),
        "fewer than 6 valid iterations, too few for a 95% interval; the interval given covers less.",
    );
    note_of(
        &|scenario| (1..100).contains(&scenario.c_stores),
        "fewer than 100 C-STOREs, so that p99 is the slowest of them.",
    );
    note_of(
        &|scenario| scenario.iterations.iter().any(|iteration| iteration.outlier),
        "outliers among the iterations; they are marked and still count.",
    );
    if plan.request.rounds == 1 && plan.blocks.len() > 1 {
        notes.push(
            "One round: each server configuration ran at one time only, so that a drift of the hosts looks like a \
             difference between them."
                .to_owned(),
        );
    }
    if facts.read_backs.values().any(|read_back| !read_back.check.differences.is_empty()) {
        notes.push(
            "A read-back check failed: an instance on the server differs from the file that was sent.".to_owned(),
        );
    }
    notes
}

/// Returns the part of a measuring step. Later parts repeat the measurements of earlier parts.
const fn part_of(step: &StepId) -> u32 {
    match step {
        StepId::Measure { part, .. } => *part,
        _ => 0,
    }
}

/// Returns every measurement; later parts of a step follow the earlier parts whose iterations they repeat.
fn measurements(steps: &[StepReport]) -> Vec<&BlockMeasurement> {
    let mut by_part: Vec<_> = steps
        .iter()
        .filter_map(|report| match &report.output {
            Some(StepOutput::Measured(measured)) => Some((part_of(&report.step), measured.as_ref())),
            _ => None,
        })
        .collect();
    by_part.sort_by_key(|(part, _)| *part);
    by_part.into_iter().map(|(_, measured)| measured).collect()
}

#[cfg(test)]
mod tests;
