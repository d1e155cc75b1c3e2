//! What a run found: one type, from which every report is made. It is report.json.

mod comparison;
mod decomposition;
#[cfg(test)]
pub(crate) mod fixture;
mod resources;
mod scenario;
mod search;
mod stores;
mod timeline;
mod told;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::comparison::{Difference, ScenarioComparison};
pub(crate) use self::comparison::{
    SETTINGS, differences as setting_differences, fields as setting_fields, setting_name,
};
pub use self::decomposition::{BySize, Decomposition};
pub use self::resources::{HostSamples, ScenarioResources};
pub use self::scenario::{IterationSummary, LatencySummary, NotMeasured, ScenarioSummary};
pub use self::stores::{Growth, LatencyBucket, Stores};
pub use self::timeline::{Timeline, TimelinePoint};
use self::told::Told;
use crate::comparison::RunComparison;
use crate::dataset::Refused;
use crate::diagnosis::{self, ConfigurationAdvice, Finding};
use crate::failure::RunError;
use crate::measurement::{BlockMeasurement, Clock, ReadBack};
use crate::network::NetworkBaseline;
use crate::plan::{Estimate, FingerprintParts, Hosts, Plan};
use crate::request::{Baseline, Request};
use crate::search::SearchSummary;
use crate::step::{HostRole, HostVersions, StepError, StepId, StepOutput, StepReport};
use crate::verdict::{
    BaselineComparison, Comparison, HistoricScenario, ThresholdOutcome, ThresholdState, Verdict, earlier_medians,
};
use crate::workflow::RunStatus;

/// What a run found.
///
/// Scripts may rely on `runId`, `status`, `verdict`, `error`, `fingerprint`, `hostsLeft`, `scenarios`, `comparisons` and
/// `diagnosis`; the rest may grow. What each figure means, and what may be compared: docs/results.md.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The run.
    pub run_id: String,
    /// Succeeded: no error, no host left, and all that was planned is measured. Otherwise failed.
    pub status: RunStatus,
    /// What the result means.
    pub verdict: Verdict,
    /// What ended the run early, or kept it from ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// What must be the same for two runs to be compared, hashed.
    pub fingerprint: String,
    /// Hosts of this run that still exist.
    pub hosts_left: u32,
    /// What was measured, in the plan's order; a scenario without a valid iteration has null for its figures.
    pub scenarios: Vec<ScenarioSummary>,
    /// Every two scenarios that differ in one setting.
    pub comparisons: Vec<ScenarioComparison>,
    /// What limited the transfer, the surest finding first.
    pub diagnosis: Vec<Finding>,

    /// Orthanc's live configuration against what is advised for ingest.
    pub configuration_advice: Vec<ConfigurationAdvice>,
    /// What was found where the request asks for the most that the server sustains.
    pub searches: Vec<SearchSummary>,
    /// This run against the one that the request names as its baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<RunComparison>,
    /// Each threshold in each scenario.
    pub thresholds: Vec<ThresholdOutcome>,
    /// Each scenario against its history, where the request asks for that.
    pub baseline: Vec<BaselineComparison>,
    /// Counted iterations that the plan has and nobody made.
    pub not_measured: Vec<NotMeasured>,
    /// Steps that ended with an error on their host.
    pub failed_steps: Vec<FailedStep>,
    /// Instances fetched back and compared, one a block run.
    pub samples: Vec<SampleSummary>,
    /// What the network could do by itself, one a block run.
    pub network: Vec<NetworkSummary>,
    /// What the hosts did over the run.
    pub timeline: Timeline,
    /// What a reader should know, found while planning and while summarizing.
    pub notes: Vec<String>,
    /// When the run was planned, RFC 3339.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// When it was summarized, RFC 3339.
    #[schemars(with = "String")]
    pub finished_at: Timestamp,
    /// What was expected of it.
    pub estimate: Estimate,
    /// US dollars at list price, had both hosts existed from `startedAt` to `finishedAt`: an upper bound.
    pub cost_usd_at_most: f64,
    /// What was sent.
    pub dataset: DatasetSummary,
    /// The hosts, as they were to be launched.
    pub hosts: Hosts,
    /// What they ran.
    pub versions: Versions,
    /// How Orthanc was really configured in the last block run, as it said itself; null if nobody could ask it.
    pub server_configuration: Option<ServerConfigurationSummary>,
    /// Where the times come from: one entry, unless the block runs differ.
    pub clocks: Vec<Clock>,
    /// What the fingerprint is of.
    pub fingerprint_of: FingerprintParts,
    /// The request, defaults filled in.
    pub request: Request,
}

/// What is known of a run beside its plan and its steps.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The first error.
    pub error: Option<RunError>,
    /// Hosts that still exist.
    pub hosts_left: u32,
    /// Scenarios of earlier runs of the same fingerprint that succeeded with a valid result.
    pub history: Vec<HistoricScenario>,
    /// What the hosts sampled.
    pub samples: HostSamples,
    /// Every C-STORE, as the client's samples have it.
    pub stores: Stores,
    /// Now.
    pub finished_at: Timestamp,
}

/// A step that ended with an error on its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedStep {
    /// Where.
    pub host: HostRole,
    /// The step's name.
    pub step: String,
    /// The agent's own words.
    pub error: StepError,
}

/// An instance that was fetched back and compared element by element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SampleSummary {
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// The block.
    pub block: u32,
    /// The round.
    pub round: u32,
    /// What was found.
    #[serde(flatten)]
    pub check: ReadBack,
}

/// What the network between the hosts could do by itself, before a block run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkSummary {
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// The block.
    pub block: u32,
    /// The round.
    pub round: u32,
    /// The baseline; null where it could not be measured.
    pub baseline: Option<NetworkBaseline>,
    /// Why it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetSummary {
    /// Instances, as the client counted them; before that, as planned.
    pub instances: u32,
    /// Bytes of the files, as the client counted them; before that, as planned.
    pub bytes: u64,
    /// The same for the same bytes; part of the fingerprint.
    pub hash: String,
    /// SHA-256 over the files' own SHA-256, as the client found them; null if it never had them.
    pub sha256: Option<String>,
    /// Objects that were left out, each with its reason.
    pub refused: Vec<Refused>,
}

/// What the hosts ran; null for a host that never told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Versions {
    /// The host with Orthanc.
    pub server: Option<HostVersions>,
    /// The host with DCMTK.
    pub client: Option<HostVersions>,
}

/// How Orthanc was really configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerConfigurationSummary {
    /// Its configuration, without secrets.
    pub orthanc: BTreeMap<String, Value>,
    /// Its environment, as far as it bears on DICOM.
    pub environment: BTreeMap<String, Value>,
}

/// Makes a run's summary from its plan and the reports of its steps, as many as there are, in any order.
#[must_use]
pub fn summarize(plan: &Plan, steps: &[StepReport], outcome: Outcome) -> Summary {
    let told = Told::by(steps);
    let (scenarios, resampled) = scenario::summarize(plan, steps, &outcome);
    let not_measured = scenario::not_measured(plan, &scenarios);
    let comparisons = comparison::compare(&scenarios, &resampled);
    let thresholds = thresholds(plan, &scenarios);
    let baseline = match &plan.request.baseline {
        Some(Baseline::History) => baseline(plan, &scenarios, &outcome.history),
        Some(Baseline::Run(_)) | None => Vec::new(),
    };
    let searches = search::summarize(plan, steps);
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
        notes: notes(plan, &scenarios, &told).into_iter().chain(searches.without_result).collect(),
        scenarios,
        comparisons,
        diagnosis: Vec::new(),
        configuration_advice: Vec::new(),
        searches: searches.found,
        against: None,
        timeline: Timeline::of(&outcome.samples, plan.created_at),
        thresholds,
        baseline,
        not_measured,
        failed_steps: told.failed_steps,
        samples: told.samples.into_values().collect(),
        network: told.network.into_values().collect(),
        started_at: plan.created_at,
        finished_at: outcome.finished_at,
        estimate: plan.estimate,
        cost_usd_at_most: elapsed_hours * plan.estimate.usd_per_hour,
        dataset: DatasetSummary {
            instances: told.dataset.as_ref().map_or(plan.dataset.instances, |prepared| prepared.instances),
            bytes: told.dataset.as_ref().map_or(plan.dataset.bytes, |prepared| prepared.bytes),
            hash: plan.dataset.hash.clone(),
            sha256: told.dataset.map(|prepared| prepared.sha256),
            refused: plan.dataset.refused.clone(),
        },
        hosts: plan.hosts.clone(),
        versions: told.versions,
        server_configuration: told.server_configuration,
        clocks: told.clocks,
        fingerprint_of: plan.fingerprint_of.clone(),
        request: plan.request.clone(),
    };
    summary.configuration_advice = diagnosis::configuration(&summary);
    summary.diagnosis = diagnosis::diagnose(&summary);
    summary
}

fn thresholds(plan: &Plan, scenarios: &[ScenarioSummary]) -> Vec<ThresholdOutcome> {
    plan.request
        .thresholds
        .iter()
        .flat_map(|threshold| {
            scenarios
                .iter()
                .filter(|scenario| !scenario.probe)
                .map(|scenario| ThresholdOutcome::new(threshold, scenario.scenario, scenario.figure(threshold.metric)))
        })
        .collect()
}

fn baseline(plan: &Plan, scenarios: &[ScenarioSummary], history: &[HistoricScenario]) -> Vec<BaselineComparison> {
    scenarios
        .iter()
        .filter(|scenario| !scenario.probe)
        .map(|scenario| {
            let earlier = earlier_medians(history, &scenario.settings_key, &plan.run_id, plan.created_at);
            BaselineComparison::new(scenario.scenario, scenario.instances_per_second.as_ref(), &earlier)
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
    } else if baseline.iter().any(|comparison| comparison.verdict == Comparison::Regressed) {
        Verdict::Regressed
    } else {
        Verdict::Passed
    }
}

fn notes(plan: &Plan, scenarios: &[ScenarioSummary], told: &Told) -> Vec<String> {
    let mut notes = plan.notes.clone();
    let mut note_of = |which: &dyn Fn(&ScenarioSummary) -> bool, says: &str| {
        let numbers: Vec<_> = scenarios.iter().filter(|one| which(one)).map(|one| one.scenario.to_string()).collect();
        if !numbers.is_empty() {
            let noun = if numbers.len() == 1 { "Scenario" } else { "Scenarios" };
            notes.push(format!("{noun} {}: {says}", numbers.join(", ")));
        }
    };
    note_of(
        &|scenario| (1..6).contains(&scenario.valid_iterations),
        "fewer than 6 valid iterations, from which no 95% interval can be made; the one given covers less.",
    );
    note_of(
        &|scenario| (1..100).contains(&scenario.c_stores),
        "fewer than 100 C-STOREs, so that p99 is the slowest of them.",
    );
    note_of(
        &|scenario| scenario.iterations.iter().any(|iteration| iteration.outlier),
        "outliers among the iterations; they are marked, and count.",
    );
    if plan.request.rounds == 1 && plan.blocks.len() > 1 {
        notes.push(
            "One round: each server configuration ran at one time only, so that a drift of the hosts looks like a \
             difference between them."
                .to_owned(),
        );
    }
    if told.samples.values().any(|sample| !sample.check.differences.is_empty()) {
        notes.push("An instance that was fetched back differs from what was sent: see samples.".to_owned());
    }
    notes
}

/// The part of a measuring step: later parts know what earlier ones measured.
const fn part_of(step: &StepId) -> u32 {
    match step {
        StepId::Measure { part, .. } => *part,
        _ => 0,
    }
}

/// Every measurement, later parts of a step after those whose iterations they repeat.
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
