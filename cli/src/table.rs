//! Results as text for a terminal.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};
use dicomperf_model::request::LatencyFigure;
use dicomperf_model::results::{Check, ScenarioComparison, ScenarioSummary, Summary};
use dicomperf_model::settings::{self, Settings};
use dicomperf_model::statistics::Interval;
use dicomperf_model::words;
use strum::VariantArray as _;

/// Returns the table of scenarios, the comparisons of those that differ in one setting, and the warnings.
pub fn results(summary: &Summary) -> String {
    let mut text = scenarios(&summary.scenarios).to_string();
    for comparison in &summary.comparisons {
        text.push('\n');
        text.push_str(&comparison_line(comparison, &summary.scenarios));
    }
    for scenario in &summary.scenarios {
        for warning in &scenario.warnings {
            text.push_str(&format!("\nscenario {}: {warning}", scenario.number));
        }
    }
    let scenarios = summary.scenarios.iter();
    let (valid, counted, planned) = scenarios.fold((0, 0, 0), |(valid, counted, planned), one| {
        (valid + one.valid_iterations, counted + one.counted_iterations, planned + one.planned_iterations)
    });
    text.push_str(&format!("\n{}: {valid} valid of {counted} iterations, {planned} planned", summary.verdict));
    // A measurement from this machine has no hosts.
    if summary.hosts.iter().next().is_some() {
        text.push_str(&format!("; {} hosts left", summary.hosts_left));
    }
    text
}

/// Keeps the cells of a column on one line, so that a person can copy an id from a narrow terminal.
pub fn keep_whole(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

/// Returns an empty table with this head.
pub fn new(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_header(head);
    table
}

fn scenarios(scenarios: &[ScenarioSummary]) -> Table {
    let all: Vec<&Settings> = scenarios.iter().map(|one| &one.settings).collect();
    let (varying, common) = (settings::varying_axes(&all), settings::common_keys(&all));
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let labels = varying.iter().map(|axis| axis.label().to_owned());
    let latencies = LatencyFigure::VARIANTS.iter().map(|figure| format!("{} ms", figure.label()));
    let figures = ["valid", "instances/s", "MB/s"].map(str::to_owned).into_iter().chain(latencies);
    table.set_header(["scenario".to_owned()].into_iter().chain(labels).chain(figures));
    for scenario in scenarios {
        let latency = |figure: &LatencyFigure| {
            scenario.latency_ms.map_or_else(|| "-".to_owned(), |latency| words::figure(latency.figure(*figure)))
        };
        let mut row = vec![scenario.number.to_string()];
        row.extend(varying.iter().map(|axis| axis.words(&scenario.settings, &common)));
        row.push(format!("{}/{}", scenario.valid_iterations, scenario.counted_iterations));
        row.push(interval(scenario.instances_per_second, 1.0));
        row.push(interval(scenario.bytes_per_second, 1e6));
        row.extend(LatencyFigure::VARIANTS.iter().map(latency));
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Formats an interval in units of `unit`: `105 (100–107)`.
fn interval(interval: Option<Interval>, unit: f64) -> String {
    let scaled = |one: Interval| Interval { median: one.median / unit, low: one.low / unit, high: one.high / unit };
    interval.map_or_else(|| "-".to_owned(), |one| words::with_interval(&scaled(one)))
}

fn comparison_line(comparison: &ScenarioComparison, scenarios: &[ScenarioSummary]) -> String {
    let difference = &comparison.difference;
    let all: Vec<&Settings> = scenarios.iter().map(|one| &one.settings).collect();
    let (varying, common) = (settings::varying_axes(&all), settings::common_keys(&all));
    let alike = scenarios.iter().find(|one| one.number == comparison.a).map(|one| {
        let others = varying.iter().filter(|axis| **axis != difference.setting);
        let others = others.map(|axis| format!("{} {}", axis.label(), axis.words(&one.settings, &common)));
        others.collect::<Vec<_>>().join(", ")
    });
    let alike = alike.filter(|text| !text.is_empty()).map(|text| format!(" ({text})")).unwrap_or_default();
    let (a, b) = (words::value(&difference.a), words::value(&difference.b));
    let change = format!("{} {a} -> {b}{alike}", difference.setting.label());
    match &comparison.ratio {
        Some(ratio) => {
            let (times, verdict) = (words::ratio_with_interval(ratio), comparison.verdict);
            format!("{change}: {times} times as fast, {verdict}")
        }
        None => format!("{change}: {}", comparison.reason.as_deref().unwrap_or("nothing to compare")),
    }
}

/// Returns the table of checks, with the failed ones last: a terminal shows the end.
pub fn checks(checks: &[Check]) -> String {
    let mut table = new(&["check", "result", "in words"]);
    let (passed, failed): (Vec<_>, Vec<_>) = checks.iter().partition(|check| check.ok);
    let failures = failed.len();
    for check in passed.into_iter().chain(failed) {
        table.add_row([check.name.as_str(), check.result(), check.says.as_str()]);
    }
    let made = checks.len();
    let last = match failures {
        0 => format!("none of {made} checks failed: a run may start"),
        _ => format!("{failures} of {made} checks failed; nothing was launched"),
    };
    format!("{table}\n{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_wraps_no_column_that_is_kept_whole() {
        let id = "20260101T120000Z-nightly-ct-abc123";
        let mut table = new(&["run", "name"]);
        table.set_width(50).add_row([id, "a name of many words that a narrow terminal wraps"]);
        keep_whole(&mut table, 0);
        let text = table.to_string();
        assert!(text.contains(id) && text.lines().count() > 5, "{text}");
    }

    #[test]
    fn failed_checks_come_last_and_are_counted() {
        let checks = [Check::failed("plan: table", "may not"), Check::passed("plan: bucket", "is written")];
        let text = super::checks(&checks);
        assert!(text.find("plan: bucket") < text.find("plan: table"), "{text}");
        assert!(text.ends_with("1 of 2 checks failed; nothing was launched"), "{text}");
        assert!(super::checks(&checks[1..]).ends_with("none of 1 checks failed: a run may start"));
    }
}
