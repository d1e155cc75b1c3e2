//! Results as a person reads them on a terminal.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use dicomperf::statistics::Interval;
use dicomperf::summary::{ScenarioComparison, ScenarioSummary, Summary};
use serde_json::Value;

/// The table of scenarios, and how those that differ in one setting compare.
pub fn results(summary: &Summary) -> String {
    let mut text = scenarios(&summary.scenarios).to_string();
    for comparison in &summary.comparisons {
        text.push('\n');
        text.push_str(&compared(comparison, &summary.scenarios));
    }
    for scenario in &summary.scenarios {
        for warning in &scenario.warnings {
            text.push_str(&format!("\nscenario {}: {warning}", scenario.scenario));
        }
    }
    let scenarios = summary.scenarios.iter();
    let (valid, counted, planned) = scenarios.fold((0, 0, 0), |(valid, counted, planned), one| {
        (valid + one.valid_iterations, counted + one.counted_iterations, planned + one.planned_iterations)
    });
    text.push_str(&format!(
        "\n{}: {valid} valid of {counted} iterations, {planned} planned; {} hosts left",
        summary.verdict.name(),
        summary.hosts_left
    ));
    text
}

fn scenarios(scenarios: &[ScenarioSummary]) -> Table {
    let varying = varying(scenarios);
    let figures = ["valid", "instances/s", "MB/s", "p50 ms", "p95 ms", "p99 ms", "max ms"];
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["scenario"].into_iter().chain(varying.iter().map(String::as_str)).chain(figures));
    for scenario in scenarios {
        let settings = settings(scenario);
        let latency = |pick: fn(&dicomperf::summary::LatencySummary) -> f64| {
            scenario.latency_ms.as_ref().map_or_else(|| "-".to_owned(), |latency| format!("{:.2}", pick(latency)))
        };
        let mut row = vec![scenario.scenario.to_string()];
        row.extend(varying.iter().map(|name| settings.get(name).map(word).unwrap_or_default()));
        row.push(format!("{}/{}", scenario.valid_iterations, scenario.counted_iterations));
        row.push(interval(scenario.instances_per_second.as_ref(), 1.0));
        row.push(interval(scenario.bytes_per_second.as_ref(), 1e6));
        row.extend([latency(|one| one.p50), latency(|one| one.p95), latency(|one| one.p99), latency(|one| one.max)]);
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn settings(scenario: &ScenarioSummary) -> BTreeMap<String, Value> {
    // Settings are plain data: they have a JSON form, which is an object.
    let value = serde_json::to_value(&scenario.settings).unwrap_or_default();
    value.as_object().map(|map| map.clone().into_iter().collect()).unwrap_or_default()
}

/// The settings in which the scenarios differ.
fn varying(scenarios: &[ScenarioSummary]) -> Vec<String> {
    let Some((first, rest)) = scenarios.split_first() else { return Vec::new() };
    let first = settings(first);
    first
        .iter()
        .filter(|(name, value)| rest.iter().any(|one| settings(one).get(*name) != Some(value)))
        .map(|(name, _)| name.clone())
        .collect()
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `105.2 [99.8, 107.1]`, in units of `unit`.
fn interval(interval: Option<&Interval>, unit: f64) -> String {
    interval.map_or_else(
        || "-".to_owned(),
        |one| format!("{:.1} [{:.1}, {:.1}]", one.median / unit, one.low / unit, one.high / unit),
    )
}

fn compared(comparison: &ScenarioComparison, scenarios: &[ScenarioSummary]) -> String {
    let difference = &comparison.difference;
    let alike = scenarios.iter().find(|one| one.scenario == comparison.a).map(|one| {
        let mut settings = settings(one);
        settings.retain(|name, _| varying(scenarios).contains(name) && *name != difference.setting);
        settings.iter().map(|(name, value)| format!("{name} {}", word(value))).collect::<Vec<_>>().join(", ")
    });
    let alike = alike.filter(|text| !text.is_empty()).map(|text| format!(" ({text})")).unwrap_or_default();
    let change = format!("{} {} -> {}{alike}", difference.setting, word(&difference.a), word(&difference.b));
    match &comparison.ratio {
        Some(ratio) => {
            let verdict = comparison.verdict.name();
            format!("{change}: {:.2} times as fast [{:.2}, {:.2}], {verdict}", ratio.median, ratio.low, ratio.high)
        }
        None => format!("{change}: {}", comparison.reason.as_deref().unwrap_or("nothing to compare")),
    }
}
