//! The history of a stack's runs: one small entry for each finished run, and the runs that have a name as a baseline.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::VariantArray as _;

use crate::request::Matrix;
use crate::results::{RunStatus, ScenarioSummary, Summary, Verdict};
use crate::settings::{Axis, Settings};
use crate::words;

/// Characters of the words for a scenario's settings at most.
const MAX_WORDS: usize = 160;

/// A finished run in the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// The run's id.
    pub run_id: String,
    /// Its request's name; absent if the request was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Time of planning, RFC 3339.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// Status of the run.
    pub status: RunStatus,
    /// The verdict on its result.
    pub verdict: Verdict,
    /// Hash of the properties that two runs must share to be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The hosts and the dataset, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    /// Name of the error that ended the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// True if the run wrote a report.
    #[serde(default)]
    pub has_report: bool,
    /// The figures of its scenarios. Empty if the run did not succeed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<HistoryPoint>,
}

/// The figures of a scenario in the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPoint {
    /// The scenario's number.
    pub scenario: u32,
    /// Key of its settings: the same text for the same settings.
    pub settings_key: String,
    /// The settings that are not the default, for a person.
    pub settings: String,
    /// Median instances per second.
    pub instances_per_second: f64,
    /// The time that 95% of its C-STOREs did not exceed, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<f64>,
}

/// A run that has a name as a baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamedBaseline {
    /// The name.
    pub name: String,
    /// The run's id.
    pub run_id: String,
    /// Time at which the name was given to the run, RFC 3339.
    #[schemars(with = "String")]
    pub set_at: Timestamp,
    /// The caller who gave it, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
}

impl HistoryEntry {
    /// Returns the entry of a run with a report.
    #[must_use]
    pub fn from_summary(summary: &Summary) -> Self {
        // An incomplete run does not show the hosts' speed, and nobody requested a probe.
        let is_sample = summary.status == RunStatus::Succeeded;
        let scenarios = summary.scenarios.iter().filter(|one| is_sample && !one.probe);
        Self {
            run_id: summary.run_id.clone(),
            name: Some(summary.request.name.clone()),
            created_at: summary.started_at,
            status: summary.status,
            verdict: summary.verdict,
            fingerprint: Some(summary.fingerprint.clone()),
            measured: Some(measured_words(summary)),
            error: summary.error.as_ref().map(|error| error.error.clone()),
            has_report: true,
            scenarios: scenarios.filter_map(HistoryPoint::from_summary).collect(),
        }
    }
}

impl HistoryPoint {
    /// Returns the point of a scenario; `None` without a valid iteration.
    fn from_summary(scenario: &ScenarioSummary) -> Option<Self> {
        Some(Self {
            scenario: scenario.number,
            settings_key: scenario.settings_key.clone(),
            settings: settings_words(&scenario.settings),
            instances_per_second: thousandths(scenario.instances_per_second.as_ref()?.median),
            p95_ms: scenario.latency_ms.map(|latency| thousandths(latency.p95)),
        })
    }
}

/// Describes the settings that are not the default: `sender native, associations 4`.
pub(crate) fn settings_words(settings: &Settings) -> String {
    let defaults = Matrix::default();
    let described: Vec<_> = Axis::VARIANTS
        .iter()
        .filter(|axis| {
            axis.values(&defaults).as_array().and_then(|values| values.first()) != Some(&axis.value(settings))
        })
        .map(|axis| format!("{} {}", axis.label(), words::value(&axis.value(settings))))
        .collect();
    if described.is_empty() {
        return "default settings".to_owned();
    }
    shorten(&described.join(", "))
}

/// Describes the hosts and the dataset: `t3.micro to t3.micro, 200 instances, 105 MB`.
fn measured_words(summary: &Summary) -> String {
    let of = &summary.fingerprint_of;
    let server = match &summary.request.server.existing {
        Some(existing) => format!("{}:{}", existing.address, existing.port),
        None => host_type(&serde_json::json!(of)["serverType"]),
    };
    let client = host_type(&serde_json::json!(of)["clientType"]);
    let dataset = &summary.dataset;
    let (count, megabytes) = (words::plural(dataset.instances, "instance"), dataset.bytes / 1_000_000);
    shorten(&format!("{client} to {server}, {count}, {megabytes} MB"))
}

fn host_type(value: &Value) -> String {
    value.as_str().filter(|name| !name.is_empty()).unwrap_or("this machine").to_owned()
}

fn shorten(text: &str) -> String {
    match text.chars().count() {
        fitting if fitting <= MAX_WORDS => text.to_owned(),
        _ => text.chars().take(MAX_WORDS - 1).chain(['…']).collect(),
    }
}

/// Rounds a figure for a small entry.
fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_that_are_not_the_default_are_described() {
        let request = crate::request::Request::from_json(&serde_json::json!({})).expect("a request");
        let mut settings = Settings::default();
        for axis in Axis::VARIANTS {
            settings = axis.expand(&request, &settings).remove(0);
        }
        assert_eq!(settings_words(&settings), "default settings");
        settings.associations = 4;
        settings.tls = true;
        assert_eq!(settings_words(&settings), "associations 4, TLS on");
        settings.orthanc = [("x".repeat(300), true.into())].into();
        assert_eq!(settings_words(&settings).chars().count(), MAX_WORDS);
    }
}
