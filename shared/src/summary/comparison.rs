//! Scenarios of one run against each other: the strong test, for they share their hosts and their time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ScenarioSummary;
use crate::plan::Settings;
use crate::statistics::{Bootstrap, Interval};
use crate::verdict::{Comparison, LEAST_ITERATIONS};

/// Two scenarios that differ in one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioComparison {
    /// Number of the scenario that is compared with.
    pub a: u32,
    /// Number of the scenario that is judged.
    pub b: u32,
    /// In what they differ.
    pub difference: Difference,
    /// Median instances per second of b over those of a, with its 95% interval; null where one has no valid iteration.
    pub ratio: Option<Interval>,
    /// Improved means that b is faster than a.
    pub verdict: Comparison,
    /// Why there is no verdict, where there are too few iterations for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The setting in which two scenarios differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Its name in [`Settings`]; `orthanc`, an axis of the matrix, counts as one however many keys differ.
    pub setting: String,
    /// Its value in a; of `orthanc` the keys that differ.
    pub a: Value,
    /// Its value in b; of `orthanc` the keys that differ.
    pub b: Value,
}

/// Every two scenarios that differ in one setting, in the plan's order.
pub(super) fn compare(scenarios: &[ScenarioSummary], resampled: &[Option<Bootstrap>]) -> Vec<ScenarioComparison> {
    let settings: Vec<_> = scenarios.iter().map(|scenario| fields(&scenario.settings)).collect();
    let mut comparisons = Vec::new();
    for b in 0..scenarios.len() {
        for a in 0..b {
            let Some(difference) = only_difference(&settings[a], &settings[b]) else { continue };
            let ratio = match (&resampled[a], &resampled[b]) {
                (Some(a), Some(b)) => b.ratio_to(a),
                _ => None,
            };
            let reason = [&scenarios[a], &scenarios[b]].into_iter().find_map(too_few);
            let verdict = match (&ratio, &reason) {
                (Some(ratio), None) => Comparison::of_ratio(ratio),
                _ => Comparison::Inconclusive,
            };
            let (a, b) = (scenarios[a].scenario, scenarios[b].scenario);
            comparisons.push(ScenarioComparison { a, b, difference, ratio, verdict, reason });
        }
    }
    comparisons
}

fn too_few(scenario: &ScenarioSummary) -> Option<String> {
    let valid = scenario.valid_iterations;
    ((valid as usize) < LEAST_ITERATIONS).then(|| {
        format!("scenario {} has {valid} valid iterations, and {LEAST_ITERATIONS} are needed", scenario.scenario)
    })
}

fn only_difference(a: &Map<String, Value>, b: &Map<String, Value>) -> Option<Difference> {
    let mut all = differences(a, b);
    if all.len() == 1 { all.pop() } else { None }
}

/// Every setting in which two scenarios differ.
pub(crate) fn differences(a: &Map<String, Value>, b: &Map<String, Value>) -> Vec<Difference> {
    // The sink has no Orthanc keys: between it and Orthanc these are no difference of their own.
    let targets_differ = a.get("target") != b.get("target");
    let counts = |name: &str| !(targets_differ && name == "orthanc");
    a.iter()
        .filter(|(name, _)| counts(name))
        .filter_map(|(name, a)| b.get(name).filter(|b| *b != a).map(|b| (name, a, b)))
        .map(|(setting, a, b)| {
            let (a, b) = match (a, b) {
                (Value::Object(a), Value::Object(b)) => (without_common(a, b), without_common(b, a)),
                _ => (a.clone(), b.clone()),
            };
            Difference { setting: setting.clone(), a, b }
        })
        .collect()
}

/// The entries that the other does not have alike.
fn without_common(one: &Map<String, Value>, other: &Map<String, Value>) -> Value {
    one.iter().filter(|(key, value)| other.get(*key) != Some(*value)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// The settings by name. All of them are always there.
pub(crate) fn fields(settings: &Settings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        // A struct of plain data is an object.
        _ => Map::new(),
    }
}

/// Settings in the order of the request, and what reports call them.
pub(crate) const SETTINGS: [(&str, &str); 10] = [
    ("sender", "sender"),
    ("target", "target"),
    ("associations", "associations"),
    ("instancesPerAssociation", "instances an association"),
    ("maxPdu", "PDU bytes"),
    ("tcpNoDelay", "TCP_NODELAY"),
    ("tls", "TLS"),
    ("transferSyntax", "transfer syntax"),
    ("arrival", "arrival"),
    ("orthanc", "Orthanc"),
];

/// What reports call a setting.
pub(crate) fn setting_name(key: &str) -> &str {
    SETTINGS.iter().find(|(known, _)| *known == key).map_or(key, |(_, name)| *name)
}
