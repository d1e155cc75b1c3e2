//! What a report says, section by section, built once for all forms. A section that has nothing to say is not there.

mod comparisons;
mod configuration;
mod findings;
mod headline;
mod hosts;
mod latency;
mod network;
mod over_time;
mod run;
mod scaling;
mod searches;
mod shortcomings;
mod throughput;
mod time;
pub(super) mod two_runs;

use super::document::{Block, Document, Section, Text};
use super::figures;
use super::names::Names;
use crate::summary::{ScenarioSummary, Summary};
use crate::verdict::Comparison;

use super::document::Tone;

/// Scenarios whose distributions and courses are drawn one by one.
const DRAWN_ALONE: usize = 12;
/// Rows of a chart at most: more of them are drawn in a further chart.
const ROWS_A_CHART: usize = 20;

/// The report of a run.
pub(super) fn document(summary: &Summary) -> Document {
    let names = &Names::of(summary);
    let sections = [
        shortcomings::error(summary),
        findings::findings(summary, names),
        shortcomings::warnings(summary, names),
        throughput::throughput(summary, names),
        latency::latency(summary, names),
        over_time::over_time(summary, names),
        scaling::scaling(summary, names),
        time::time(summary, names),
        hosts::hosts(summary, names),
        network::network(summary, names),
        comparisons::within(summary, names),
        comparisons::history(summary, names),
        comparisons::against(summary),
        searches::searches(summary, names),
        shortcomings::thresholds(summary, names),
        shortcomings::invalid(summary, names),
        shortcomings::not_measured(summary, names),
        shortcomings::samples(summary),
        shortcomings::refused(summary),
        shortcomings::notes(summary),
        configuration::configuration(summary, names),
        configuration::advice(summary),
        run::run(summary),
        run::files(summary),
        run::how_to_read(),
    ];
    Document {
        title: format!("dicomperf: {}", summary.request.name),
        subtitle: format!(
            "Run {}, {} to {}.",
            summary.run_id,
            figures::time(summary.started_at),
            figures::time(summary.finished_at)
        ),
        tone: headline::tone(summary),
        lead: headline::sentence(summary, names),
        key_figures: headline::key_figures(summary, names),
        sections: sections.into_iter().flatten().collect(),
    }
}

/// A section, if it has something to say.
fn section(id: &'static str, title: &str, blocks: Vec<Block>) -> Option<Section> {
    (!blocks.is_empty()).then(|| Section { id, title: title.to_owned(), blocks })
}

/// The scenario with the most instances per second.
fn fastest(summary: &Summary) -> Option<&ScenarioSummary> {
    by_rate(summary).filter(|one| !one.probe).max_by(|a, b| rate(a).total_cmp(&rate(b)))
}

/// The scenario with the fewest.
fn slowest(summary: &Summary) -> Option<&ScenarioSummary> {
    by_rate(summary).filter(|one| !one.probe).min_by(|a, b| rate(a).total_cmp(&rate(b)))
}

fn by_rate(summary: &Summary) -> impl Iterator<Item = &ScenarioSummary> {
    summary.scenarios.iter().filter(|one| one.instances_per_second.is_some())
}

/// Median instances per second.
fn rate(scenario: &ScenarioSummary) -> f64 {
    scenario.instances_per_second.map_or(0.0, |rate| rate.median)
}

/// How a comparison's verdict should be taken.
const fn tone_of(verdict: Comparison) -> Tone {
    match verdict {
        Comparison::Improved => Tone::Good,
        Comparison::Regressed => Tone::Bad,
        Comparison::Equivalent => Tone::Neutral,
        Comparison::Inconclusive => Tone::Caution,
    }
}

/// ` (2 of 3)` where a chart is one of several.
fn part_of(index: usize, count: usize) -> String {
    if count > 1 { format!(" ({} of {count})", index + 1) } else { String::new() }
}

/// A row of a table from its cells.
fn row<const N: usize>(cells: [String; N]) -> Vec<Text> {
    cells.into_iter().map(Text::from).collect()
}
