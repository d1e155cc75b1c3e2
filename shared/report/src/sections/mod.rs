//! The sections of a report, built once for all forms. A section without content is left out.

mod association;
mod checks;
mod comparisons;
mod configuration;
mod errors;
mod existing;
mod findings;
mod headline;
mod hosts;
mod kept;
mod latency;
mod network;
mod over_time;
mod run;
mod scaling;
mod searches;
mod thresholds;
mod throughput;
mod time;
pub(super) mod two_runs;
mod validity;

use super::document::{Block, Document, Section, Table, Text};
use super::figures;
use super::names::Names;
use dicomperf_model::request::Target;
use dicomperf_model::results::Change;
use dicomperf_model::results::{ScenarioSummary, Summary};

use super::document::Tone;

/// Scenarios with their own charts at most.
const MAX_DRAWN_ALONE: usize = 12;
/// Rows of a chart at most. Further rows are drawn in another chart.
const MAX_CHART_ROWS: usize = 20;

/// Builds the report of a run.
pub(super) fn document(summary: &Summary) -> Document {
    let names = &Names::new(summary);
    let is_dry_run = summary.request.dry_run;
    let sections = [
        errors::errors(summary),
        kept::hosts(summary),
        checks::checks(summary),
        if is_dry_run { checks::notes() } else { None },
        findings::findings(summary, names),
        throughput::throughput(summary, names),
        latency::latency(summary, names),
        over_time::over_time(summary, names),
        scaling::scaling(summary, names),
        time::time(summary, names),
        hosts::hosts(summary, names),
        network::network(summary, names),
        association::association(summary),
        comparisons::within_run(summary, names),
        comparisons::history(summary, names),
        comparisons::against(summary),
        searches::searches(summary, names),
        thresholds::thresholds(summary, names),
        existing::proof(summary),
        validity::invalid_iterations(summary, names),
        validity::not_measured(summary, names),
        validity::failed_read_back_checks(summary),
        validity::refused_objects(summary),
        existing::studies(summary),
        validity::notes(summary),
        kept::builds(summary),
        configuration::configuration(summary, names),
        configuration::advice(summary),
        run::run(summary),
        run::files(summary),
        if is_dry_run { None } else { run::how_to_read() },
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
        key_figures: if is_dry_run { checks::key_figures(summary) } else { headline::key_figures(summary, names) },
        sections: sections.into_iter().flatten().collect(),
    }
}

/// Returns a section, if it has any content.
fn section(id: &'static str, title: &str, blocks: Vec<Block>) -> Option<Section> {
    (!blocks.is_empty()).then(|| Section { id, title: title.to_owned(), blocks })
}

/// Returns a section that is one table, if the table has any rows.
fn table_section(id: &'static str, title: &str, table: Table) -> Option<Section> {
    section(id, title, if table.rows.is_empty() { Vec::new() } else { vec![table.into()] })
}

/// Returns the scenario of the server under test with the most instances per second.
fn fastest(summary: &Summary) -> Option<&ScenarioSummary> {
    contenders(summary).max_by(|a, b| rate(a).total_cmp(&rate(b)))
}

/// Returns the scenario of the server under test with the fewest instances per second.
fn slowest(summary: &Summary) -> Option<&ScenarioSummary> {
    contenders(summary).min_by(|a, b| rate(a).total_cmp(&rate(b)))
}

/// Returns the measured scenarios of the server under test. The sink is only a yardstick, unless the request has no
/// other target.
fn contenders(summary: &Summary) -> impl Iterator<Item = &ScenarioSummary> {
    let of_server = |one: &&ScenarioSummary| one.settings.target != Target::Sink;
    let sinks_alone = !summary.scenarios.iter().any(|one| of_server(&one));
    by_rate(summary).filter(|one| !one.probe).filter(move |one| sinks_alone || of_server(one))
}

fn by_rate(summary: &Summary) -> impl Iterator<Item = &ScenarioSummary> {
    summary.scenarios.iter().filter(|one| one.instances_per_second.is_some())
}

/// Returns the median instances per second.
fn rate(scenario: &ScenarioSummary) -> f64 {
    scenario.instances_per_second.map_or(0.0, |rate| rate.median)
}

/// Returns the name of the machine that sends.
const fn sender_name(summary: &Summary) -> &'static str {
    if summary.hosts.is_sent_from_here() { "this machine" } else { "client" }
}

/// Returns the name with its article: `the client`, `this machine`.
fn the(machine: &str) -> String {
    if machine.starts_with("this ") { machine.to_owned() } else { format!("the {machine}") }
}

/// Returns the tone of a comparison's verdict.
const fn tone_of(verdict: Change) -> Tone {
    match verdict {
        Change::Improved => Tone::Good,
        Change::Regressed => Tone::Bad,
        Change::Equivalent => Tone::Neutral,
        Change::Inconclusive => Tone::Caution,
    }
}

/// Returns ` (2 of 3)` for a chart that is one of several.
fn part_of(index: usize, count: usize) -> String {
    if count > 1 { format!(" ({} of {count})", index + 1) } else { String::new() }
}

/// Makes a row of a table from its cells.
fn row<const N: usize>(cells: [String; N]) -> Vec<Text> {
    cells.into_iter().map(Text::from).collect()
}
