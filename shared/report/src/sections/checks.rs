//! The section on the checks of a dry run.

use super::{section, table_section};
use crate::document::{Block, KeyFigure, Section, Table, Text, Tone};
use crate::figures::plural;
use dicomperf_model::results::{Check, Summary};

pub(super) fn checks(summary: &Summary) -> Option<Section> {
    // The failed ones first.
    let (passed, failed): (Vec<_>, Vec<_>) = summary.checks.iter().partition(|check| check.ok);
    let rows = failed.into_iter().chain(passed).map(|check| {
        let tone = match check.result() {
            "passed" => Tone::Good,
            "failed" => Tone::Bad,
            _ => Tone::Caution,
        };
        vec![check.name.clone().into(), Text::new().badge(tone, check.result()), check.says.clone().into()]
    });
    let table = Table::new("What was checked", ["check", "result", "in words"], 3).with_rows(rows);
    table_section("checks", "Checks", table)
}

pub(super) fn notes() -> Option<Section> {
    let words = "A dry run launches no host. It cannot see if EC2 has capacity for the hosts, and it \
                 cannot show the rights that only an existing host decides.";
    section("dry-run", "What a dry run does not show", vec![Block::words(words)])
}

/// Returns the result of the dry run in one sentence.
pub(super) fn sentence(summary: &Summary, tone: Tone) -> Text {
    let failed: Vec<_> = failed(summary).map(|check| check.name.as_str()).collect();
    let made = plural(summary.checks.len() as u64, "check");
    if failed.is_empty() {
        return Text::new()
            .badge(tone, "Passed")
            .and(format!(": a run of this request may start; {made}, none failed."));
    }
    let which = failed.join("; ");
    Text::new().badge(tone, "Check failed").and(format!(": {} of {made}: {which}. Nothing was launched.", failed.len()))
}

/// Returns the key figures of a dry run: its checks, and the estimate of the run.
pub(super) fn key_figures(summary: &Summary) -> Vec<KeyFigure> {
    let passed = summary.checks.len() - failed(summary).count();
    vec![
        KeyFigure {
            label: "Checks passed".to_owned(),
            value: format!("{passed} of {}", summary.checks.len()),
            unit: String::new(),
            note: "a dry run: nothing was launched".to_owned(),
        },
        KeyFigure {
            label: "A run would take".to_owned(),
            value: format!("{:.0}", summary.estimate.minutes.ceil()),
            unit: "minutes".to_owned(),
            note: "estimated".to_owned(),
        },
        KeyFigure {
            label: "And cost".to_owned(),
            value: format!("{:.3}", summary.estimate.cost_usd),
            unit: "US dollars".to_owned(),
            note: "estimated at list price".to_owned(),
        },
    ]
}

fn failed(summary: &Summary) -> impl Iterator<Item = &Check> {
    summary.checks.iter().filter(|check| !check.ok)
}
