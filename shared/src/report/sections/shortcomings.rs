//! What went wrong, what does not count, and what a reader should know before believing a figure.

use super::{row, section};
use crate::report::document::{Block, MOST_ROWS, Section, Table, Text, Tone};
use crate::report::figures::{limits, or_none, plural};
use crate::report::names::Names;
use crate::summary::Summary;
use crate::verdict::{ThresholdState, metric_name};

pub(super) fn error(summary: &Summary) -> Option<Section> {
    let mut blocks = Vec::new();
    if let Some(error) = &summary.error {
        blocks.push(Block::words(Text::new().strong(&error.error)));
        blocks.push(Block::Quote(error.cause.clone()));
    }
    for failed in &summary.failed_steps {
        let text = Text::from(format!("{} host, step {}: ", failed.host, failed.step)).strong(&failed.error.name);
        blocks.extend([Block::Paragraph(text), Block::Quote(failed.error.message.clone())]);
    }
    if summary.hosts_left > 0 {
        let hosts = format!("{} left", plural(summary.hosts_left, "host"));
        let text = Text::new().strong(hosts).and(": reap goes on removing what carries this run's tag.");
        blocks.push(Block::Paragraph(text));
    }
    section("error", "Error", blocks)
}

pub(super) fn warnings(summary: &Summary, names: &Names) -> Option<Section> {
    let warnings = summary.scenarios.iter().flat_map(|one| one.warnings.iter().map(move |warning| (one, warning)));
    let items =
        warnings.take(MOST_ROWS).map(|(one, warning)| format!("{}: {warning}", names.of_scenario(one.scenario)).into());
    let items: Vec<Text> = items.collect();
    section("warnings", "Warnings", if items.is_empty() { Vec::new() } else { vec![Block::List(items)] })
}

pub(super) fn thresholds(summary: &Summary, names: &Names) -> Option<Section> {
    let (broken, kept): (Vec<_>, Vec<_>) =
        summary.thresholds.iter().partition(|outcome| outcome.state == ThresholdState::Broken);
    let rows = broken.iter().chain(&kept).map(|outcome| {
        let state = match outcome.state {
            ThresholdState::Kept => (Tone::Good, "kept"),
            ThresholdState::Broken => (Tone::Bad, "broken"),
            ThresholdState::NotMeasured => (Tone::Caution, "not measured"),
        };
        vec![
            Text::from(metric_name(outcome.metric)),
            limits(outcome.min, outcome.max).into(),
            names.of_scenario(outcome.scenario).into(),
            Text::new().badge(state.0, state.1),
            or_none(outcome.value).into(),
        ]
    });
    let columns = ["metric", "asked for", "scenario", "state", "value"];
    table("thresholds", "Thresholds", Table::new("Each threshold in each scenario", columns, 4).with_rows(rows))
}

/// A section that is one table.
fn table(id: &'static str, title: &str, table: Table) -> Option<Section> {
    section(id, title, if table.rows.is_empty() { Vec::new() } else { vec![table.into()] })
}

pub(super) fn invalid(summary: &Summary, names: &Names) -> Option<Section> {
    let all = summary.scenarios.iter().flat_map(|one| one.iterations.iter().map(move |made| (one.scenario, made)));
    let rows = all.filter(|(_, iteration)| !iteration.valid).map(|(scenario, iteration)| {
        let warmup = if iteration.warmup { " (warm-up)" } else { "" };
        row([
            names.of_scenario(scenario),
            iteration.round.to_string(),
            format!("{}{warmup}", iteration.index),
            iteration.instances_sent.to_string(),
            iteration.instances_stored.to_string(),
            iteration.reason.clone().unwrap_or_else(|| "no reason is given".to_owned()),
        ])
    });
    let columns = ["scenario", "round", "iteration", "sent", "stored", "reason"];
    table("invalid", "Invalid iterations", Table::new("Every invalid iteration and why", columns, 6).with_rows(rows))
}

pub(super) fn not_measured(summary: &Summary, names: &Names) -> Option<Section> {
    let items = summary.not_measured.iter().take(MOST_ROWS).map(|one| {
        let iterations = plural(one.iterations, "iteration");
        format!("{iterations} in round {} of {}", one.round, names.of_scenario(one.scenario)).into()
    });
    let items: Vec<Text> = items.collect();
    let left = summary.not_measured.len() - items.len();
    let mut blocks = if items.is_empty() { Vec::new() } else { vec![Block::List(items)] };
    if left > 0 {
        blocks.push(Block::words(format!("{left} more are in report.json.")));
    }
    section("not-measured", "Not measured", blocks)
}

pub(super) fn samples(summary: &Summary) -> Option<Section> {
    let differing = summary.samples.iter().filter(|sample| !sample.check.differences.is_empty());
    let items = differing.map(|sample| {
        let (uid, differences) = (&sample.check.sop_instance_uid, sample.check.differences.join("; "));
        format!("block {}, round {}, {uid}: {differences}", sample.block, sample.round).into()
    });
    let items: Vec<Text> = items.collect();
    let blocks = if items.is_empty() { Vec::new() } else { vec![Block::List(items)] };
    section("samples", "Instances that came back different", blocks)
}

pub(super) fn refused(summary: &Summary) -> Option<Section> {
    let rows = summary.dataset.refused.iter().map(|one| row([one.key.clone(), one.reason.clone()]));
    let objects = Table::new("Objects that were left out, and why", ["object", "reason"], 2).with_rows(rows);
    table("refused", "Objects that were left out", objects)
}

pub(super) fn notes(summary: &Summary) -> Option<Section> {
    let notes: Vec<Text> = summary.notes.iter().map(|note| note.as_str().into()).collect();
    section("notes", "Notes", if notes.is_empty() { Vec::new() } else { vec![Block::List(notes)] })
}
