//! Comparisons of scenarios within one run. They are the strong test, because both scenarios share hosts and time.

use crate::verdict::judge_ratio;
use dicomperf_model::results::Change;
use dicomperf_model::results::{ScenarioComparison, ScenarioSummary};
use dicomperf_model::settings::{Difference, differences};
use dicomperf_model::statistics::Bootstrap;
use dicomperf_model::statistics::MIN_ITERATIONS;

/// Compares every two scenarios that differ in exactly one setting, in the plan's order.
pub(super) fn compare(scenarios: &[ScenarioSummary], resampled: &[Option<Bootstrap>]) -> Vec<ScenarioComparison> {
    let mut comparisons = Vec::new();
    for b in 0..scenarios.len() {
        for a in 0..b {
            let Some(difference) = only_difference(&scenarios[a], &scenarios[b]) else { continue };
            let ratio = match (&resampled[a], &resampled[b]) {
                (Some(a), Some(b)) => b.ratio_to(a),
                _ => None,
            };
            let reason = [&scenarios[a], &scenarios[b]].into_iter().find_map(too_few);
            let verdict = match (&ratio, &reason) {
                (Some(ratio), None) => judge_ratio(ratio),
                _ => Change::Inconclusive,
            };
            let (a, b) = (scenarios[a].number, scenarios[b].number);
            comparisons.push(ScenarioComparison { a, b, difference, ratio, verdict, reason });
        }
    }
    comparisons
}

fn too_few(scenario: &ScenarioSummary) -> Option<String> {
    let valid = scenario.valid_iterations;
    ((valid as usize) < MIN_ITERATIONS)
        .then(|| format!("scenario {} has {valid} valid iterations, and {MIN_ITERATIONS} are needed", scenario.number))
}

/// Returns the difference of two scenarios if they differ in exactly one setting.
fn only_difference(a: &ScenarioSummary, b: &ScenarioSummary) -> Option<Difference> {
    let mut all = differences(&a.settings, &b.settings);
    if all.len() == 1 { all.pop() } else { None }
}
