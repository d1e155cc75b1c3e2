//! The section on the findings of the diagnosis.

use super::{fastest, section};
use crate::document::{Block, Part, Section, Table, Text, Tone};
use crate::figures::{figure, ratio};
use crate::names::Names;
use dicomperf_model::results::Summary;
use dicomperf_model::results::{Confidence, Finding};

/// Scenarios that a finding names at most.
const MAX_NAMED: usize = 8;

pub(super) fn findings(summary: &Summary, names: &Names) -> Option<Section> {
    let mut blocks: Vec<Block> =
        summary.diagnosis.iter().map(|found| finding(found, |number| names.scenario_name(number)).into()).collect();
    if blocks.is_empty() && fastest(summary).is_some() {
        blocks.push(Block::words("No rule found what limited the transfer."));
    }
    section("findings", "What limited it", blocks)
}

/// Returns the part for a finding. `name` returns the name of a scenario.
pub(super) fn finding(found: &Finding, name: impl Fn(u32) -> String) -> Part {
    let mut blocks = vec![Block::words(found.says.as_str())];
    if !found.scenarios.is_empty() {
        let scenarios: Vec<_> = found.scenarios.iter().take(MAX_NAMED).map(|&number| name(number)).collect();
        let more = match found.scenarios.len().saturating_sub(MAX_NAMED) {
            0 => String::new(),
            left => format!("; and {left} more, by number in report.json"),
        };
        blocks.push(Block::words(Text::new().strong("Where").and(format!(": {}{more}.", scenarios.join("; ")))));
    }
    if !found.evidence.is_empty() {
        let columns = ["figure", "scenario", "speaks for it", "value"];
        let rows = found.evidence.iter().map(|one| {
            vec![
                Text::from(one.figure.as_str()),
                one.scenario.map_or_else(|| "all".to_owned(), |number| number.to_string()).into(),
                one.limit.as_str().into(),
                format!("{} {}", figure(one.value), one.unit).trim().into(),
            ]
        });
        blocks.push(Table::new(format!("Evidence: {}", found.rule.title()), columns, 3).with_rows(rows).into());
    }
    blocks.extend(
        found.lacks.iter().map(|lacks| Block::words(Text::new().strong("Not known").and(format!(": {lacks}")))),
    );
    blocks.push(Block::words(Text::new().strong("Fix").and(format!(": {}", found.fix))));
    if let Some(gain) = &found.gain {
        let range = match (gain.low, gain.high) {
            (Some(low), Some(high)) => format!(" ({} to {})", ratio(low), ratio(high)),
            (Some(low), None) => format!(" (at least {})", ratio(low)),
            (None, Some(high)) => format!(" (at most {})", ratio(high)),
            (None, None) => String::new(),
        };
        let words =
            format!(": {}{range} times as many instances/s; {}.", ratio(gain.times), gain.basis.trim_end_matches('.'));
        blocks.push(Block::words(Text::new().strong("Expected gain").and(words)));
    }
    let tone = match found.confidence {
        Confidence::Proven => Tone::Bad,
        Confidence::Likely => Tone::Caution,
        Confidence::Possible => Tone::Neutral,
    };
    Part { badge: Some((tone, found.confidence.to_string())), ..Part::open(found.rule.title(), blocks) }
}
