//! The sections on validity: invalid and missing iterations, failed read-back checks, refused objects and notes.

use super::{row, section, table_section};
use crate::document::{Block, MAX_ROWS, Section, Table, Text};
use crate::figures::plural;
use crate::names::Names;
use dicomperf_model::results::Summary;

pub(super) fn invalid_iterations(summary: &Summary, names: &Names) -> Option<Section> {
    let all = summary.scenarios.iter().flat_map(|one| one.iterations.iter().map(move |made| (one.number, made)));
    let rows = all.filter(|(_, iteration)| !iteration.valid).map(|(scenario, iteration)| {
        let warmup = if iteration.warmup { " (warm-up)" } else { "" };
        row([
            names.scenario_name(scenario),
            iteration.round.to_string(),
            format!("{}{warmup}", iteration.index),
            iteration.instances_sent.to_string(),
            iteration.instances_refused.to_string(),
            iteration.instances_failed.to_string(),
            iteration.instances_not_tried.to_string(),
            iteration.instances_stored.map_or_else(|| "not asked".to_owned(), |stored| stored.to_string()),
            iteration.reason.clone().unwrap_or_else(|| "no reason is given".to_owned()),
        ])
    });
    let columns = ["scenario", "round", "iteration", "sent", "refused", "failed", "not tried", "stored", "reason"];
    let table = Table::new("Every invalid iteration and why", columns, 9).with_rows(rows);
    table_section("invalid", "Invalid iterations", table)
}

pub(super) fn not_measured(summary: &Summary, names: &Names) -> Option<Section> {
    let items = summary.not_measured.iter().take(MAX_ROWS).map(|one| {
        let iterations = plural(one.iterations, "iteration");
        format!("{iterations} in round {} of {}", one.round, names.scenario_name(one.scenario)).into()
    });
    let items: Vec<Text> = items.collect();
    let left = summary.not_measured.len() - items.len();
    let mut blocks = if items.is_empty() { Vec::new() } else { vec![Block::List(items)] };
    if left > 0 {
        blocks.push(Block::words(format!("{left} more are in report.json.")));
    }
    section("not-measured", "Not measured", blocks)
}

/// Lists the instances that differ from their files when they are fetched back.
pub(super) fn failed_read_back_checks(summary: &Summary) -> Option<Section> {
    let failed = summary.samples.iter().filter(|read_back| !read_back.check.differences.is_empty());
    let items = failed.map(|read_back| {
        let (uid, differences) = (&read_back.check.sop_instance_uid, read_back.check.differences.join("; "));
        format!("block {}, round {}, {uid}: {differences}", read_back.block, read_back.round).into()
    });
    let items: Vec<Text> = items.collect();
    let blocks = if items.is_empty() { Vec::new() } else { vec![Block::List(items)] };
    section("read-back-checks", "Failed read-back checks", blocks)
}

pub(super) fn refused_objects(summary: &Summary) -> Option<Section> {
    let rows = summary.dataset.refused.iter().map(|one| row([one.key.clone(), one.reason.clone()]));
    let objects = Table::new("Objects that were left out, and why", ["object", "reason"], 2).with_rows(rows);
    table_section("refused", "Objects that were left out", objects)
}

pub(super) fn notes(summary: &Summary) -> Option<Section> {
    let notes: Vec<Text> = summary.notes.iter().map(|note| note.as_str().into()).collect();
    section("notes", "Notes", if notes.is_empty() { Vec::new() } else { vec![Block::List(notes)] })
}
