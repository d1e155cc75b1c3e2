//! The section on the parts of an instance's time.

use super::{MAX_CHART_ROWS, part_of, section};
use crate::chart::{Axis, Chart, Drawing, Row, RowShape, Rows};
use crate::document::{Block, Section, Table};
use crate::figures::{figure, or_dash};
use crate::names::Names;
use dicomperf_model::request::{InstancesPerAssociation, Sender};
use dicomperf_model::results::{LatencySummary, ScenarioSummary, Summary};

/// The names of the parts of an instance's time.
const PARTS: [&str; 4] =
    ["network floor", "rest of the C-STORE", "between C-STOREs", "its share of start, association and release"];

pub(super) fn time(summary: &Summary, names: &Names) -> Option<Section> {
    let all: Vec<_> =
        summary.scenarios.iter().filter_map(|one| Some((one, parts(one, summary.dataset.instances)?))).collect();
    let charts = all.chunks(MAX_CHART_ROWS);
    let count = charts.len();
    let mut blocks: Vec<Block> =
        charts.enumerate().map(|(index, some)| chart(some, names, &part_of(index, count)).into()).collect();
    if let Some(table) = table(summary, names) {
        blocks.push(table.into());
        blocks.push(Block::words(
            "All figures are medians, with these exceptions: per instance and per MB are from the least squares line \
             through all C-STOREs of a dataset with several sizes; between is a mean; the server's own figure is its \
             slowest store.",
        ));
    }
    section("time", "Where the time goes", blocks)
}

/// Returns the mean time of an instance on its association in ms, by [`PARTS`].
fn parts(scenario: &ScenarioSummary, instances: u32) -> Option<[f64; 4]> {
    let known = scenario.decomposition.as_ref()?;
    let settings = &scenario.settings;
    let store = (!scenario.latency_us.is_empty()).then(|| scenario.latency_us.0.mean() / 1000.0)?;
    let floor = known.network_floor_ms.unwrap_or_default().min(store);
    let at_once = f64::from(instances) / f64::from(settings.associations.max(1));
    let carried = match settings.instances_per_association {
        InstancesPerAssociation::All => at_once,
        InstancesPerAssociation::Count(count) => at_once.min(f64::from(count)),
    };
    // Each association starts a new process of a DCMTK sender, but the native sender is one process.
    let started = if settings.sender == Sender::Native { at_once } else { carried };
    let median = |latency: Option<LatencySummary>| latency.map_or(0.0, |latency| latency.p50);
    let around = (median(known.association_ms) + median(known.release_ms)) / carried.max(1.0)
        + median(known.startup_ms) / started.max(1.0);
    Some([floor, store - floor, known.between_stores_ms.unwrap_or_default(), around])
}

fn chart(scenarios: &[(&ScenarioSummary, [f64; 4])], names: &Names, part: &str) -> Chart {
    let rows = scenarios
        .iter()
        .map(|(one, parts)| Row { label: names.label(one.number), shape: RowShape::Stack(parts.to_vec()) });
    let mut header = names.header();
    let figures_from = header.len();
    header.extend(PARTS.map(|part| format!("{part} ms")));
    header.push("together ms".to_owned());
    let table = scenarios.iter().map(|(one, parts)| {
        let mut row = names.row(one.number);
        row.extend(parts.iter().map(|&part| figure(part)));
        row.push(figure(parts.iter().sum()));
        row
    });
    let longest = scenarios.iter().max_by(|a, b| a.1.iter().sum::<f64>().total_cmp(&b.1.iter().sum()));
    let words = longest.map_or_else(String::new, |(one, parts)| {
        let total: f64 = parts.iter().sum();
        let most = (0..PARTS.len()).max_by(|&a, &b| parts[a].total_cmp(&parts[b])).unwrap_or_default();
        format!(
            "An instance takes the most time in {}, {} ms on its association; {:.0}% of that is the {}.",
            names.scenario_name(one.number),
            figure(total),
            parts[most] / total * 100.0,
            PARTS[most],
        )
    });
    Chart {
        title: format!("Mean time of an instance on its association{part}"),
        words: words + &names.labels_note(),
        drawing: Drawing::Rows(Rows {
            axis: Axis::linear("ms an instance"),
            legend: PARTS.map(str::to_owned).to_vec(),
            rows: rows.collect(),
            mark: None,
        }),
        table: Table::new(format!("Mean time of an instance on its association{part}"), header, figures_from)
            .with_rows(table),
    }
}

fn table(summary: &Summary, names: &Names) -> Option<Table> {
    let mut header = names.header();
    let figures_from = header.len();
    let columns = [
        "start ms",
        "association ms",
        "first C-STORE ms",
        "C-STORE ms",
        "per instance ms",
        "per MB ms",
        "between ms",
        "release ms",
        "server's store ms",
        "network floor ms",
    ];
    header.extend(columns.map(str::to_owned));
    let rows: Vec<_> = summary
        .scenarios
        .iter()
        .filter_map(|scenario| {
            let parts = scenario.decomposition.as_ref()?;
            let p50 = |latency: &Option<LatencySummary>| or_dash(latency.map(|latency| latency.p50));
            let mut row = names.row(scenario.number);
            row.extend([
                p50(&parts.startup_ms),
                p50(&parts.association_ms),
                p50(&parts.first_store_ms),
                p50(&scenario.latency_ms),
                or_dash(parts.by_size.map(|by_size| by_size.per_instance_ms)),
                or_dash(parts.by_size.map(|by_size| by_size.per_megabyte_ms)),
                or_dash(parts.between_stores_ms),
                p50(&parts.release_ms),
                parts.server_store_ms_at_most.map_or_else(|| "–".to_owned(), |slowest| format!("≤ {slowest:.0}")),
                or_dash(parts.network_floor_ms),
            ]);
            Some(row)
        })
        .collect();
    (!rows.is_empty()).then(|| Table::new("Parts of a scenario's time", header, figures_from).with_rows(rows))
}
