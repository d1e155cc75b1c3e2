//! The section on scaling: the throughput by number of associations, if the request has several.

use std::collections::BTreeMap;

use super::{rate, section};
use crate::chart::{Axis, Chart, Drawing, Plot, Series, SeriesKind};
use crate::document::{Block, Section, Table};
use crate::figures::{figure, percent, ratio};
use crate::names::Names;
use dicomperf_model::results::{ScenarioSummary, Summary};
use dicomperf_model::settings::{self, Settings};

/// Groups of scenarios that are drawn at most.
const MAX_GROUPS: usize = 6;

pub(super) fn scaling(summary: &Summary, names: &Names) -> Option<Section> {
    let mut groups: BTreeMap<String, Vec<&ScenarioSummary>> = BTreeMap::new();
    for scenario in summary.scenarios.iter().filter(|one| one.instances_per_second.is_some()) {
        let others = Settings { associations: 0, ..scenario.settings.clone() };
        groups.entry(others.key()).or_default().push(scenario);
    }
    let mut groups: Vec<_> = groups.into_values().filter(|group| group.len() > 1).collect();
    for group in &mut groups {
        group.sort_by_key(|one| one.settings.associations);
    }
    groups.sort_by_key(|group| group[0].number);
    let mut blocks: Vec<Block> = groups.iter().take(MAX_GROUPS).map(|group| chart(group, names).into()).collect();
    if groups.len() > MAX_GROUPS {
        let left = groups.len() - MAX_GROUPS;
        blocks.push(Block::words(format!(
            "{left} more combinations of settings were measured with several associations; their figures are under \
             Results."
        )));
    }
    section("scaling", "What more associations bring", blocks)
}

/// Draws a group: scenarios that differ only in their associations, in ascending order.
fn chart(group: &[&ScenarioSummary], names: &Names) -> Chart {
    let (first, last) = (group[0], group[group.len() - 1]);
    let associations = |one: &ScenarioSummary| f64::from(one.settings.associations);
    let ideal = |one: &ScenarioSummary| rate(first) * associations(one) / associations(first);
    let others = match names.description(first.number, Some(settings::Axis::Associations)) {
        others if others.is_empty() => String::new(),
        others => format!(", {others}"),
    };
    let rows = group.iter().map(|one| {
        vec![
            one.settings.associations.to_string(),
            one.number.to_string(),
            figure(rate(one)),
            figure(ideal(one)),
            percent(rate(one) / ideal(one)),
        ]
    });
    let columns = ["associations", "scenario", "instances/s", "ideal", "% of ideal"];
    Chart {
        title: format!("Instances per second by associations{others}"),
        words: format!(
            "From {} to {} associations throughput grows {} times, to {} instances/s; ideal would be {} times.",
            first.settings.associations,
            last.settings.associations,
            ratio(rate(last) / rate(first)),
            figure(rate(last)),
            ratio(associations(last) / associations(first)),
        ),
        drawing: Drawing::Plot(Plot {
            x: Axis::linear("associations"),
            y: Axis::linear("instances/s"),
            series: vec![
                Series::line("measured", group.iter().map(|one| (associations(one), rate(one))))
                    .with_kind(SeriesKind::MarkedLine),
                Series::line("ideal: in proportion", group.iter().map(|one| (associations(one), ideal(one)))),
            ],
            bands: Vec::new(),
            marks: Vec::new(),
        }),
        table: Table::new(format!("Instances per second by associations{others}"), columns, 2).with_rows(rows),
    }
}
