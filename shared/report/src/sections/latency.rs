//! The section on the time of a C-STORE: an overview of all scenarios, then the first scenarios one by one.

use super::{MAX_CHART_ROWS, MAX_DRAWN_ALONE, part_of, section};
use crate::chart::{Axis, Chart, Drawing, Plot, Row, RowShape, Rows, Scale, Series, SeriesKind};
use crate::document::{Block, Part, Section, Table};
use crate::figures::{figure, or_dash};
use crate::names::Names;
use dicomperf_model::results::{ScenarioSummary, Summary};

/// The number of bars of a histogram.
const BAR_COUNT: u32 = 32;
/// The smallest factor that a histogram spans: times within it do not differ in a log of microseconds.
const MIN_SPAN: f64 = 1.25;
/// The percentiles in the table of a distribution.
const PERCENTILES: [f64; 10] = [0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0];

pub(super) fn latency(summary: &Summary, names: &Names) -> Option<Section> {
    let measured: Vec<_> = summary.scenarios.iter().filter(|one| one.latency_ms.is_some()).collect();
    let mut blocks: Vec<Block> = Vec::new();
    if measured.len() > 1 {
        let charts = measured.chunks(MAX_CHART_ROWS);
        let count = charts.len();
        blocks.extend(charts.enumerate().map(|(index, some)| overview(some, names, &part_of(index, count)).into()));
    }
    for &scenario in measured.iter().take(MAX_DRAWN_ALONE) {
        let title = format!("C-STOREs of {}", names.scenario_name(scenario.number));
        let charts = scenario_charts(scenario, &names.scenario_name(scenario.number));
        blocks.push(if measured.len() == 1 { Part::open(title, charts) } else { Part::closed(title, charts) }.into());
    }
    if measured.len() > MAX_DRAWN_ALONE {
        blocks.push(Block::words(format!(
            "The distributions of the first {MAX_DRAWN_ALONE} scenarios are drawn; those of the other {} are in \
             report.json (latencyUs, latencyOverTime).",
            measured.len() - MAX_DRAWN_ALONE
        )));
    }
    section("latency", "Time of a C-STORE", blocks)
}

fn overview(scenarios: &[&ScenarioSummary], names: &Names, part: &str) -> Chart {
    let points = |one: &ScenarioSummary| one.latency_ms.map(|all| vec![all.p50, all.p95, all.p99, all.max]);
    let rows = scenarios.iter().map(|one| Row {
        label: names.label(one.number),
        shape: points(one).map_or(RowShape::Nothing, RowShape::Points),
    });
    let mut header = names.header();
    let figures_from = header.len();
    header.extend(["p50 ms", "p95 ms", "p99 ms", "max ms"].map(str::to_owned));
    let table = scenarios.iter().map(|one| {
        let mut row = names.row(one.number);
        row.extend(points(one).unwrap_or_default().into_iter().map(figure));
        row
    });
    let by_p95 = |one: &&&ScenarioSummary| one.latency_ms.map_or(0.0, |all| all.p95);
    let least = scenarios.iter().min_by(|a, b| by_p95(a).total_cmp(&by_p95(b)));
    let most = scenarios.iter().max_by(|a, b| by_p95(a).total_cmp(&by_p95(b)));
    let words = match (least, most) {
        (Some(least), Some(most)) => format!(
            "95% of C-STOREs take at most {} ms in {}, and at most {} ms in {}.",
            figure(by_p95(&least)),
            names.scenario_name(least.number),
            figure(by_p95(&most)),
            names.scenario_name(most.number),
        ),
        _ => String::new(),
    };
    Chart {
        title: format!("Time of a C-STORE by scenario{part}"),
        words: words + &names.labels_note(),
        drawing: Drawing::Rows(Rows {
            axis: Axis::logarithmic("ms, logarithmic"),
            legend: ["p50", "p95", "p99", "max"].map(str::to_owned).to_vec(),
            rows: rows.collect(),
            mark: None,
        }),
        table: Table::new(format!("Percentiles of C-STOREs by scenario{part}"), header, figures_from).with_rows(table),
    }
}

/// Returns the charts of one scenario.
fn scenario_charts(scenario: &ScenarioSummary, name: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec![histogram(scenario, name).into(), percentiles(scenario, name).into()];
    if !scenario.latency_over_time.is_empty() {
        blocks.push(over_time(scenario, name).into());
    }
    if let Some(growth) = &scenario.growth {
        blocks.push(Block::words(format!(
            "Over an iteration of {} instances the median goes from {} ms in the first quarter to {} ms in the last; each \
             thousand instances add {} ms.",
            growth.instances,
            figure(growth.first_quarter_p50_ms),
            figure(growth.last_quarter_p50_ms),
            figure(growth.ms_per_thousand),
        )));
    }
    blocks
}

/// Returns bars of equal width on a logarithmic axis: the start of each in ms, and its number of C-STOREs. The last
/// entry is the end of the last bar.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an hour in us"
)]
fn bars(scenario: &ScenarioSummary) -> Vec<(f64, f64)> {
    let histogram = &scenario.latency_us.0;
    let (least, most) = (histogram.min().max(1) as f64, histogram.max().max(1) as f64);
    let spread = (MIN_SPAN / (most / least)).max(1.0).sqrt();
    let (least, most) = (least / spread, most * spread * 1.001);
    let factor = (most / least).powf(1.0 / f64::from(BAR_COUNT));
    let edge = |bar: u32| least * factor.powf(f64::from(bar));
    // A time at an edge counts only for the bar below, so that no time is in two bars.
    let below = |bar: u32| match bar {
        0 => 0,
        BAR_COUNT => histogram.len(),
        _ => histogram.count_between(0, edge(bar) as u64),
    };
    let mut bars: Vec<_> =
        (0..BAR_COUNT).map(|bar| (edge(bar) / 1000.0, below(bar + 1).saturating_sub(below(bar)) as f64)).collect();
    bars.push((edge(BAR_COUNT) / 1000.0, 0.0));
    bars
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn histogram(scenario: &ScenarioSummary, name: &str) -> Chart {
    let bars = bars(scenario);
    let total = scenario.latency_us.len() as f64;
    let fullest = bars.windows(2).max_by(|a, b| a[0].1.total_cmp(&b[0].1));
    let words = fullest.map_or_else(String::new, |bar| {
        format!(
            "Of {total} C-STOREs of {name} most, {:.0}%, took {} to {} ms.",
            bar[0].1 / total * 100.0,
            figure(bar[0].0),
            figure(bar[1].0)
        )
    });
    let rows = bars.windows(2).filter(|bar| bar[0].1 > 0.0);
    let rows = rows.map(|bar| vec![figure(bar[0].0), figure(bar[1].0), format!("{}", bar[0].1)]).collect();
    let caption = format!("How many C-STOREs of {name} took how long");
    let table = Table::new(caption, ["from ms", "to ms", "C-STOREs"], 0).with_series(rows);
    Chart {
        title: "Distribution".to_owned(),
        words,
        drawing: Drawing::Plot(Plot {
            x: Axis::logarithmic("ms, logarithmic"),
            y: Axis::linear("C-STOREs"),
            series: vec![Series::line("C-STOREs", bars).with_kind(SeriesKind::Bars)],
            bands: Vec::new(),
            marks: Vec::new(),
        }),
        table,
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn percentiles(scenario: &ScenarioSummary, name: &str) -> Chart {
    let histogram = &scenario.latency_us;
    let last = 1.0 - 1.0 / (histogram.len().max(10) as f64);
    // The curve has ten steps for each nine, up to the slowest C-STORE.
    let curve = (0..=60)
        .map(|step| 1.0 - 10_f64.powf(-f64::from(step) / 10.0))
        .filter(|&share| share < last)
        .chain([last])
        .map(|share| (share, histogram.percentile_ms(share * 100.0)));
    let shown = |percent: &f64| *percent == 100.0 || *percent / 100.0 < last;
    let rows = PERCENTILES.into_iter().filter(shown);
    let rows = rows.map(|percent| vec![format!("{percent}"), figure(histogram.percentile_ms(percent))]).collect();
    let of = |percent: f64| figure(histogram.percentile_ms(percent));
    Chart {
        title: "Percentiles".to_owned(),
        words: format!(
            "Half of the C-STOREs of {name} took at most {} ms, 95% at most {} ms, 99% at most {} ms; the slowest took {} ms.",
            of(50.0),
            of(95.0),
            of(99.0),
            of(100.0)
        ),
        drawing: Drawing::Plot(Plot {
            x: Axis { name: "percentile".to_owned(), scale: Scale::Nines },
            y: Axis::logarithmic("ms, log."),
            series: vec![Series::line("took at most", curve)],
            bands: Vec::new(),
            marks: Vec::new(),
        }),
        table: Table::new(format!("Percentiles of C-STOREs of {name}"), ["percentile", "ms"], 0).with_series(rows),
    }
}

fn over_time(scenario: &ScenarioSummary, name: &str) -> Chart {
    let buckets = &scenario.latency_over_time;
    let slowest = buckets.iter().max_by(|a, b| a.max_ms.total_cmp(&b.max_ms));
    let words = slowest.map_or_else(String::new, |slowest| {
        format!(
            "The slowest C-STORE of {name}, {} ms, was requested {} s into its iteration; the median is {} ms at the \
             beginning and {} ms at the end.",
            figure(slowest.max_ms),
            figure(slowest.at_seconds),
            or_dash(buckets.first().map(|bucket| bucket.p50_ms)),
            or_dash(buckets.last().map(|bucket| bucket.p50_ms)),
        )
    });
    let rows = buckets.iter().map(|bucket| {
        vec![
            figure(bucket.at_seconds),
            bucket.c_stores.to_string(),
            figure(bucket.p50_ms),
            figure(bucket.p99_ms),
            figure(bucket.max_ms),
        ]
    });
    let columns = ["s into the iteration", "C-STOREs", "p50 ms", "p99 ms", "max ms"];
    let series = |name: &str, of: fn(&dicomperf_model::results::LatencyBucket) -> f64| {
        Series::line(name, buckets.iter().map(|bucket| (bucket.at_seconds, of(bucket))))
    };
    Chart {
        title: "Over the time in an iteration".to_owned(),
        words,
        drawing: Drawing::Plot(Plot {
            x: Axis::linear("s since the iteration's first request"),
            y: Axis::logarithmic("ms, log."),
            series: vec![
                series("p50", |bucket| bucket.p50_ms),
                series("p99", |bucket| bucket.p99_ms),
                series("max", |bucket| bucket.max_ms),
            ],
            bands: Vec::new(),
            marks: Vec::new(),
        }),
        table: Table::new(format!("C-STOREs of {name} by when they were requested"), columns, 0)
            .with_series(rows.collect()),
    }
}
