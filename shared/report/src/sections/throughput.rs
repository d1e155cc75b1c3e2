//! The section on the throughput: instances per second of each scenario.

use super::{MAX_CHART_ROWS, fastest, part_of, rate, section, slowest};
use crate::chart::{Axis, Chart, Drawing, Row, RowShape, Rows};
use crate::document::{Section, Table};
use crate::figures::{bounds, figure, or_dash, ratio, with_interval};
use crate::names::Names;
use dicomperf_model::request::LatencyFigure;
use dicomperf_model::results::{ScenarioSummary, Summary};
use strum::VariantArray as _;

pub(super) fn throughput(summary: &Summary, names: &Names) -> Option<Section> {
    let mut blocks = Vec::new();
    if fastest(summary).is_some() {
        let charts = summary.scenarios.chunks(MAX_CHART_ROWS);
        let count = charts.len();
        blocks
            .extend(charts.enumerate().map(|(index, some)| chart(summary, names, some, &part_of(index, count)).into()));
    }
    if !summary.scenarios.is_empty() {
        blocks.push(results(summary, names).into());
    }
    section("results", "Results", blocks)
}

fn chart(summary: &Summary, names: &Names, scenarios: &[ScenarioSummary], part: &str) -> Chart {
    let rows = scenarios.iter().map(|one| Row {
        label: names.label(one.number),
        shape: one.instances_per_second.map_or(RowShape::Nothing, |rate| RowShape::Interval {
            middle: rate.median,
            low: rate.low,
            high: rate.high,
        }),
    });
    let mut header = names.header();
    let figures_from = header.len();
    header.extend(["instances/s", "from", "to"].map(str::to_owned));
    let table = scenarios.iter().map(|one| {
        let mut row = names.row(one.number);
        let bound = |bound: fn(&dicomperf_model::statistics::Interval) -> f64| {
            or_dash(one.instances_per_second.as_ref().map(bound))
        };
        row.extend([bound(|rate| rate.median), bound(|rate| rate.low), bound(|rate| rate.high)]);
        row
    });
    Chart {
        title: format!("Instances per second by scenario{part}"),
        words: words(summary, names) + &names.labels_note(),
        drawing: Drawing::Rows(Rows {
            axis: Axis::linear("instances/s: median and 95% interval"),
            legend: Vec::new(),
            rows: rows.collect(),
            mark: None,
        }),
        table: Table::new(format!("Instances per second with 95% intervals{part}"), header, figures_from)
            .with_rows(table),
    }
}

fn words(summary: &Summary, names: &Names) -> String {
    let said = |one: &ScenarioSummary| {
        let rate = one.instances_per_second.map_or_else(String::new, |rate| {
            format!("{} instances/s (95% interval {})", figure(rate.median), bounds(&rate))
        });
        (names.scenario_name(one.number), rate)
    };
    let (Some(best), Some(worst)) = (fastest(summary), slowest(summary)) else { return String::new() };
    let (best_name, best_rate) = said(best);
    if best.number == worst.number {
        return format!("{best_name} reaches {best_rate}.");
    }
    let (worst_name, worst_rate) = said(worst);
    format!(
        "{best_name} is the fastest with {best_rate}, {} times the slowest, {worst_name}, with {worst_rate}.",
        ratio(rate(best) / rate(worst))
    )
}

fn results(summary: &Summary, names: &Names) -> Table {
    let mut header = names.header();
    let figures_from = header.len();
    header.extend(["instances/s", "MAD", "MB/s"].map(str::to_owned));
    header.extend(LatencyFigure::VARIANTS.iter().map(|figure| format!("{} ms", figure.label())));
    header.extend(["C-STOREs", "valid"].map(str::to_owned));
    let rows = summary.scenarios.iter().map(|one| {
        let rate = match (&one.instances_per_second, one.valid_iterations) {
            (None, _) => "–".to_owned(),
            (Some(rate), 1) => figure(rate.median),
            (Some(rate), _) => with_interval(rate),
        };
        let mut row = names.row(one.number);
        row.extend([
            rate,
            or_dash(one.instances_per_second_mad),
            or_dash(one.bytes_per_second.map(|rate| rate.median / 1e6)),
        ]);
        let latency = |figure: &LatencyFigure| or_dash(one.latency_ms.map(|latency| latency.figure(*figure)));
        row.extend(LatencyFigure::VARIANTS.iter().map(latency));
        row.extend([one.c_stores.to_string(), format!("{}/{}", one.valid_iterations, one.planned_iterations)]);
        row
    });
    Table::new("Figures of every scenario", header, figures_from).with_rows(rows)
}
