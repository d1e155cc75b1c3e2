//! The section on the network: its own rate, and the share of it that each scenario reaches.

use super::{MAX_CHART_ROWS, part_of, section};
use crate::chart::{Axis, Chart, Drawing, Row, RowShape, Rows};
use crate::document::{Block, Section, Table, Text};
use crate::figures::{figure, megabytes, or_dash, percent};
use crate::names::Names;
use dicomperf_model::results::{ScenarioSummary, Summary};
use dicomperf_model::statistics::median;

pub(super) fn network(summary: &Summary, names: &Names) -> Option<Section> {
    let mut blocks: Vec<Block> = Vec::new();
    if summary.scenarios.iter().any(|one| ceiling_share(summary, one).is_some()) {
        let charts = summary.scenarios.chunks(MAX_CHART_ROWS);
        let count = charts.len();
        blocks
            .extend(charts.enumerate().map(|(index, some)| chart(summary, some, names, &part_of(index, count)).into()));
    }
    let columns = ["block", "round", "to server MB/s", "from server MB/s", "retransmits", "round trip ms", "path MTU"];
    let measured = summary.network.iter().filter_map(|one| {
        let baseline = one.baseline.as_ref()?;
        Some(vec![
            one.block.to_string(),
            one.round.to_string(),
            megabytes(baseline.to_server_bytes_per_second),
            megabytes(baseline.from_server_bytes_per_second),
            (baseline.retransmits_to_server + baseline.retransmits_from_server).to_string(),
            figure(baseline.round_trip.median_ms),
            baseline.path_mtu_bytes.to_string(),
        ])
    });
    let table = Table::new("The network before each block run: iperf3 and ping", columns, 2).with_rows(measured);
    if !table.rows.is_empty() {
        blocks.push(table.into());
    }
    // An existing server runs no iperf3.
    let failed: Vec<Text> = summary
        .network
        .iter()
        .filter(|one| one.baseline.is_none() && summary.existing.is_none())
        .map(|one| {
            let why = one.error.as_deref().unwrap_or("no reason was reported");
            format!("block {}, round {}: not measured: {why}", one.block, one.round).into()
        })
        .collect();
    if !failed.is_empty() {
        blocks.push(Block::List(failed));
    }
    section("network", "What the network can do", blocks)
}

/// Returns the median rate of iperf3 towards the server before the scenario's block runs, in bytes a second.
fn ceiling(summary: &Summary, scenario: &ScenarioSummary) -> Option<f64> {
    let baselines = summary.network.iter().filter(|one| one.block == scenario.block);
    let rates: Vec<_> = baselines.filter_map(|one| Some(one.baseline.as_ref()?.to_server_bytes_per_second)).collect();
    median(&rates).filter(|&rate| rate > 0.0)
}

/// Returns the share of the ceiling that a scenario reached. It may exceed 1, because several associations may carry
/// more than the one connection of iperf3.
pub(super) fn ceiling_share(summary: &Summary, scenario: &ScenarioSummary) -> Option<f64> {
    Some(scenario.bytes_per_second?.median / ceiling(summary, scenario)?)
}

fn chart(summary: &Summary, scenarios: &[ScenarioSummary], names: &Names, part: &str) -> Chart {
    let reached = |one: &ScenarioSummary| one.bytes_per_second.map(|rate| rate.median / 1e6);
    let limit = |one: &ScenarioSummary| ceiling(summary, one).map(|rate| rate / 1e6);
    let rows = scenarios.iter().map(|one| Row {
        label: names.label(one.number),
        shape: reached(one).map_or(RowShape::Nothing, |value| RowShape::Bar { value, limit: limit(one) }),
    });
    let mut header = names.header();
    let figures_from = header.len();
    header.extend(["reached MB/s", "iperf3 MB/s", "% of it"].map(str::to_owned));
    let table = scenarios.iter().map(|one| {
        let mut row = names.row(one.number);
        let share = ceiling_share(summary, one).map_or_else(|| "–".to_owned(), percent);
        row.extend([or_dash(reached(one)), or_dash(limit(one)), share]);
        row
    });
    let shares = scenarios.iter().filter_map(|one| Some((one, ceiling_share(summary, one)?)));
    let words = shares.max_by(|a, b| a.1.total_cmp(&b.1)).map_or_else(String::new, |(one, share)| {
        format!(
            "The most of the network is used by {}: {} MB/s of files, {}% of the {} MB/s that iperf3 reached over one \
             connection.",
            names.scenario_name(one.number),
            or_dash(reached(one)),
            percent(share),
            or_dash(limit(one)),
        )
    });
    Chart {
        title: format!("What each scenario reaches of the network's ceiling{part}"),
        words: words + &names.labels_note(),
        drawing: Drawing::Rows(Rows {
            axis: Axis::linear("MB/s"),
            legend: vec!["files sent".to_owned(), "iperf3, one connection".to_owned()],
            rows: rows.collect(),
            mark: None,
        }),
        table: Table::new(format!("Bytes a second against iperf3{part}"), header, figures_from).with_rows(table),
    }
}
