//! The names of scenarios and of their settings.

use std::collections::{BTreeMap, BTreeSet};

use dicomperf_model::results::Summary;
use dicomperf_model::settings::{self, Axis, Settings};
pub(super) use dicomperf_model::words::value;
use serde_json::Value;

/// The settings that vary between the scenarios of a run, and their values by scenario.
pub(super) struct Names {
    /// The axes that vary, in the request's order.
    pub(super) varying: Vec<Axis>,
    /// The values of these axes by scenario, in the words of the report.
    values: BTreeMap<u32, Vec<String>>,
    /// The scenarios that the request did not ask for.
    probes: BTreeSet<u32>,
}

impl Names {
    pub(super) fn new(summary: &Summary) -> Self {
        let all: Vec<&Settings> = summary.scenarios.iter().map(|one| &one.settings).collect();
        let (varying, common) = (settings::varying_axes(&all), settings::common_keys(&all));
        let values = summary.scenarios.iter().map(|one| {
            let values = varying.iter().map(|axis| axis.words(&one.settings, &common));
            (one.number, values.collect())
        });
        let probes = summary.scenarios.iter().filter(|one| one.probe).map(|one| one.number).collect();
        Self { values: values.collect(), varying, probes }
    }

    /// Returns a scenario's values of the settings that vary.
    pub(super) fn values(&self, scenario: u32) -> &[String] {
        self.values.get(&scenario).map_or(&[], Vec::as_slice)
    }

    /// Returns the first columns of a table of scenarios: the number and the settings that vary.
    pub(super) fn header(&self) -> Vec<String> {
        std::iter::once("scenario").chain(self.varying.iter().map(|axis| axis.label())).map(str::to_owned).collect()
    }

    /// Returns a scenario's cells in the columns of [`Self::header`].
    pub(super) fn row(&self, scenario: u32) -> Vec<String> {
        std::iter::once(self.number(scenario)).chain(self.values(scenario).iter().cloned()).collect()
    }

    /// Returns `3`, or `3 (probe)` for a probe.
    fn number(&self, scenario: u32) -> String {
        if self.probes.contains(&scenario) { format!("{scenario} (probe)") } else { scenario.to_string() }
    }

    /// Returns `scenario 3 (associations 4, TCP_NODELAY on)`.
    pub(super) fn scenario_name(&self, scenario: u32) -> String {
        match self.description(scenario, None) {
            described if described.is_empty() => format!("scenario {scenario}"),
            described => format!("scenario {scenario} ({described})"),
        }
    }

    /// Returns a chart label: `3: associations 4, TCP_NODELAY on`, or `3: 4 · on` if that does not fit.
    pub(super) fn label(&self, scenario: u32) -> String {
        let label = match self.description(scenario, None) {
            described if described.is_empty() => format!("scenario {scenario}"),
            _ if self.is_too_long() => format!("{}: {}", self.number(scenario), self.values(scenario).join(" · ")),
            described => format!("{}: {described}", self.number(scenario)),
        };
        shorten(&label)
    }

    /// Returns a sentence that names the settings in a chart's labels, if the labels have the values only; otherwise
    /// nothing.
    pub(super) fn labels_note(&self) -> String {
        let labels: Vec<_> = self.varying.iter().map(|axis| axis.label()).collect();
        if self.is_too_long() { format!(" The labels are: {}.", labels.join(" · ")) } else { String::new() }
    }

    /// True if the labels with the settings' names do not fit across a chart.
    fn is_too_long(&self) -> bool {
        self.values.keys().any(|scenario| self.description(*scenario, None).chars().count() + 4 > MAX_LABEL_CHARACTERS)
    }

    /// Describes a scenario by all settings that vary but one: `associations 4, TLS on`.
    pub(super) fn description(&self, scenario: u32, without: Option<Axis>) -> String {
        self.varying
            .iter()
            .zip(self.values(scenario))
            .filter(|(axis, _)| Some(**axis) != without)
            .map(|(axis, value)| format!("{} {value}", axis.label()))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Characters of a label that fit across a chart.
const MAX_LABEL_CHARACTERS: usize = 58;

/// Cuts text to the width of a chart.
pub(super) fn shorten(text: &str) -> String {
    match text.chars().count() {
        fitting if fitting <= MAX_LABEL_CHARACTERS => text.to_owned(),
        _ => text.chars().take(MAX_LABEL_CHARACTERS - 1).chain(['…']).collect(),
    }
}

/// Returns a string without its quotation marks, and any other value as JSON.
pub(super) fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
