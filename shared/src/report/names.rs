//! How scenarios and their settings are called.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::summary::{SETTINGS, Summary, setting_fields};

/// What tells the scenarios of a run apart: the settings that vary, by scenario.
pub(super) struct Names {
    /// Names of the settings that vary, in the request's order.
    pub(super) settings: Vec<&'static str>,
    /// Their values, as a person writes them.
    values: BTreeMap<u32, Vec<String>>,
    /// The scenarios that nobody asked for.
    probes: BTreeSet<u32>,
}

impl Names {
    pub(super) fn of(summary: &Summary) -> Self {
        let fields: Vec<_> =
            summary.scenarios.iter().map(|one| (one.scenario, setting_fields(&one.settings))).collect();
        let varying: Vec<_> = SETTINGS
            .iter()
            .filter(|(key, _)| fields.windows(2).any(|pair| pair[0].1.get(*key) != pair[1].1.get(*key)))
            .collect();
        let common = common_entries(&fields);
        let values = fields
            .iter()
            .map(|(scenario, fields)| {
                let values = varying.iter().map(|(key, _)| match &fields[*key] {
                    Value::Object(entries) => value(&Value::Object(without(entries, &common))),
                    other => value(other),
                });
                (*scenario, values.collect())
            })
            .collect();
        let probes = summary.scenarios.iter().filter(|one| one.probe).map(|one| one.scenario).collect();
        Self { settings: varying.iter().map(|(_, name)| *name).collect(), values, probes }
    }

    /// The values of the settings that vary.
    pub(super) fn values(&self, scenario: u32) -> &[String] {
        self.values.get(&scenario).map_or(&[], Vec::as_slice)
    }

    /// The header of a table of scenarios, up to its figures: the number, and the settings that vary.
    pub(super) fn header(&self) -> Vec<String> {
        std::iter::once("scenario").chain(self.settings.iter().copied()).map(str::to_owned).collect()
    }

    /// The beginning of a scenario's row under that header.
    pub(super) fn row(&self, scenario: u32) -> Vec<String> {
        std::iter::once(self.number(scenario)).chain(self.values(scenario).iter().cloned()).collect()
    }

    /// `3`, or of a probe `3 (probe)`.
    fn number(&self, scenario: u32) -> String {
        if self.probes.contains(&scenario) { format!("{scenario} (probe)") } else { scenario.to_string() }
    }

    /// `scenario 3 (associations 4, TCP_NODELAY on)`
    pub(super) fn of_scenario(&self, scenario: u32) -> String {
        match self.without(scenario, "") {
            described if described.is_empty() => format!("scenario {scenario}"),
            described => format!("scenario {scenario} ({described})"),
        }
    }

    /// `3: associations 4, TCP_NODELAY on`, for a chart; where that does not fit, `3: 4 · on`.
    pub(super) fn label(&self, scenario: u32) -> String {
        let label = match self.without(scenario, "") {
            described if described.is_empty() => format!("scenario {scenario}"),
            _ if self.is_too_long() => format!("{}: {}", self.number(scenario), self.values(scenario).join(" · ")),
            described => format!("{}: {described}", self.number(scenario)),
        };
        shortened(&label)
    }

    /// What the values in a chart's labels are of, where these do not say it; else nothing.
    pub(super) fn of_labels(&self) -> String {
        if self.is_too_long() { format!(" The labels are: {}.", self.settings.join(" · ")) } else { String::new() }
    }

    /// Whether the settings' names do not fit across a chart.
    fn is_too_long(&self) -> bool {
        self.values.keys().any(|scenario| self.without(*scenario, "").chars().count() + 4 > FITTING)
    }

    /// `associations 4`: what a scenario has beside the setting called so.
    pub(super) fn without(&self, scenario: u32, setting: &str) -> String {
        self.settings
            .iter()
            .zip(self.values(scenario))
            .filter(|(name, _)| **name != setting)
            .map(|(name, value)| format!("{name} {value}"))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Characters that fit across a chart.
const FITTING: usize = 58;

/// Text that fits across a chart.
pub(super) fn shortened(text: &str) -> String {
    match text.chars().count() {
        fitting if fitting <= FITTING => text.to_owned(),
        _ => text.chars().take(FITTING - 1).chain(['…']).collect(),
    }
}

/// A setting's value, as a person writes it.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::Object(entries) if entries.is_empty() => "default".to_owned(),
        Value::Object(entries) => {
            let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
            entries.join(", ")
        }
        other => plain(other),
    }
}

/// A string without its quotation marks, anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The Orthanc keys that all scenarios have alike.
fn common_entries(fields: &[(u32, Map<String, Value>)]) -> Map<String, Value> {
    let mut all = fields.iter().filter_map(|(_, fields)| fields["orthanc"].as_object());
    let Some(first) = all.next().cloned() else { return Map::new() };
    all.fold(first, |common, entries| {
        common.into_iter().filter(|(key, value)| entries.get(key) == Some(value)).collect()
    })
}

fn without(entries: &Map<String, Value>, common: &Map<String, Value>) -> Map<String, Value> {
    entries.iter().filter(|(key, _)| !common.contains_key(*key)).map(|(k, v)| (k.clone(), v.clone())).collect()
}
