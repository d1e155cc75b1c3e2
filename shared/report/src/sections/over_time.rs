//! The section on the run over time: the times of C-STOREs in each iteration, and both hosts' resource use.

use super::{section, sender_name, the};
use crate::chart::{Axis, Band, Chart, Drawing, Plot, Scale, Series, SeriesKind};
use crate::document::{Block, Section, Table, capitalize};
use crate::figures::{figure, megabytes, or_dash, percent};
use crate::names::Names;
use dicomperf_model::results::{IterationSummary, LatencySummary, Summary, TimelinePoint};

/// Iterations whose points are drawn at most. More iterations are thinned out evenly.
const MAX_ITERATIONS: usize = 240;
/// Iterations with a gap below this share of the run are shaded as one.
const MAX_GAP_SHARE: f64 = 1.0 / 400.0;

pub(super) fn over_time(summary: &Summary, names: &Names) -> Option<Section> {
    let mut blocks: Vec<Block> = Vec::new();
    let bands = bands(summary);
    blocks.extend(iterations(summary, names, &bands).map(Into::into));
    for (role, points) in [("server", &summary.timeline.server), (sender_name(summary), &summary.timeline.client)] {
        if !points.is_empty() {
            blocks.push(shares(&the(role), points, &bands).into());
            blocks.push(rates(&the(role), points, &bands).into());
        }
    }
    if !blocks.is_empty() {
        let words =
            "Minutes count from when the run was planned. Shaded: iterations; lighter: warm-ups, which do not count.";
        blocks.insert(0, Block::words(words));
    }
    section("over-time", "Over the run", blocks)
}

/// Returns the start of an iteration, in minutes since the run was planned.
#[expect(clippy::cast_precision_loss, reason = "ms of some hours")]
fn start_minute(summary: &Summary, iteration: &IterationSummary) -> f64 {
    let started_ms = summary.started_at.as_millisecond();
    (i64::try_from(iteration.started_at_ms).unwrap_or(i64::MAX) - started_ms) as f64 / 60_000.0
}

/// Returns the iterations in the order of time, with their scenarios.
fn iterations_in_order(summary: &Summary) -> Vec<(u32, &IterationSummary)> {
    let all = summary.scenarios.iter().flat_map(|one| one.iterations.iter().map(move |made| (one.number, made)));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(_, iteration)| iteration.started_at_ms);
    all
}

fn bands(summary: &Summary) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    let iterations = iterations_in_order(summary);
    let first = iterations.first().map_or(0.0, |(_, first)| start_minute(summary, first));
    let last = iterations.last().map_or(0.0, |(_, last)| start_minute(summary, last) + last.duration_ms / 60_000.0);
    let close = (last - first) * MAX_GAP_SHARE;
    for (_, iteration) in iterations {
        let from = start_minute(summary, iteration);
        let band = Band { from, to: from + iteration.duration_ms / 60_000.0, warmup: iteration.warmup };
        match bands.last_mut() {
            Some(before) if before.warmup == band.warmup && band.from - before.to < close => {
                before.to = before.to.max(band.to);
            }
            _ => bands.push(band),
        }
    }
    bands
}

fn iterations(summary: &Summary, names: &Names, bands: &[Band]) -> Option<Chart> {
    let all: Vec<_> = iterations_in_order(summary);
    let timed: Vec<_> = all.iter().filter_map(|(number, one)| Some((*number, *one, one.latency_ms?))).collect();
    let (number, slowest, latency) = timed.iter().max_by(|a, b| a.2.max.total_cmp(&b.2.max))?;
    let every = timed.len().div_ceil(MAX_ITERATIONS);
    let series = |name: &str, of: fn(&LatencySummary) -> f64| {
        let points = timed.iter().step_by(every).map(|(_, one, latency)| (start_minute(summary, one), of(latency)));
        Series::line(name, points).with_kind(SeriesKind::Points)
    };
    let kind = if slowest.warmup { "a warm-up" } else { "a counted iteration" };
    let rows = all.iter().map(|(number, one)| {
        let latency = |of: fn(&LatencySummary) -> f64| or_dash(one.latency_ms.as_ref().map(of));
        vec![
            format!("{:.2}", start_minute(summary, one)),
            number.to_string(),
            one.round.to_string(),
            one.index.to_string(),
            counts_words(one).to_owned(),
            or_dash(one.instances_per_second),
            latency(|all| all.p50),
            latency(|all| all.p99),
            latency(|all| all.max),
        ]
    });
    let columns = ["minute", "scenario", "round", "iteration", "counts", "instances/s", "p50 ms", "p99 ms", "max ms"];
    Some(Chart {
        title: "Time of a C-STORE, iteration by iteration".to_owned(),
        words: format!(
            "Over {} iterations the slowest C-STORE took {} ms, in {kind} of {}, in minute {:.1}.",
            timed.len(),
            figure(latency.max),
            names.scenario_name(*number),
            start_minute(summary, slowest),
        ),
        drawing: Drawing::Plot(Plot {
            x: Axis::linear("minutes since the run was planned"),
            y: Axis::logarithmic("ms, log."),
            series: vec![series("p50", |all| all.p50), series("p99", |all| all.p99), series("max", |all| all.max)],
            bands: bands.to_vec(),
            marks: Vec::new(),
        }),
        table: Table::new("Every iteration in the order of time", columns, 5).with_series(rows.collect()),
    })
}

/// Returns the words that state if an iteration counts and if it is an outlier.
const fn counts_words(iteration: &IterationSummary) -> &'static str {
    match (iteration.valid, iteration.warmup, iteration.outlier) {
        (false, ..) => "no: invalid",
        (_, true, _) => "no: warm-up",
        (_, _, true) => "yes, outlier",
        _ => "yes",
    }
}

fn series(name: &str, points: &[TimelinePoint], of: impl Fn(&TimelinePoint) -> f64) -> Series {
    Series::line(name, points.iter().map(|point| (point.at_seconds / 60.0, of(point))))
}

/// Returns the greatest value and its minute.
fn peak(points: &[TimelinePoint], of: impl Fn(&TimelinePoint) -> f64) -> (f64, f64) {
    let greatest = points.iter().max_by(|a, b| of(a).total_cmp(&of(b)));
    greatest.map_or((0.0, 0.0), |point| (of(point), point.at_seconds / 60.0))
}

fn shares(machine: &str, points: &[TimelinePoint], bands: &[Band]) -> Chart {
    let mut drawn = vec![
        series("all CPUs", points, |point| point.cpu * 100.0),
        series("busiest CPU", points, |point| point.busiest_cpu * 100.0),
        series("busiest disk", points, |point| point.disk_busy * 100.0),
    ];
    let (stolen, _) = peak(points, |point| point.steal);
    if stolen >= 0.005 {
        drawn.push(series("stolen", points, |point| point.steal * 100.0));
    }
    let ((cpu, cpu_at), (disk, disk_at)) =
        (peak(points, |point| point.busiest_cpu), peak(points, |point| point.disk_busy));
    let rows = points.iter().map(|point| {
        vec![
            format!("{:.2}", point.at_seconds / 60.0),
            percent(point.cpu),
            percent(point.busiest_cpu),
            or_dash(point.orthanc_cpus),
            percent(point.disk_busy),
            percent(point.steal),
        ]
    });
    let columns = ["minute", "all CPUs %", "busiest CPU %", "Orthanc's CPUs", "busiest disk %", "stolen %"];
    Chart {
        title: format!("How busy {machine} was"),
        words: format!(
            "{}'s busiest CPU was {}% busy at most, in minute {cpu_at:.1}; its busiest disk {}%, in minute \
             {disk_at:.1}; at most {}% of its CPU time was stolen.",
            capitalize(machine),
            percent(cpu),
            percent(disk),
            percent(stolen),
        ),
        drawing: Drawing::Plot(Plot {
            x: Axis::linear("minutes since the run was planned"),
            y: Axis { name: "%".to_owned(), scale: Scale::Percent },
            series: drawn,
            bands: bands.to_vec(),
            marks: Vec::new(),
        }),
        table: Table::new(format!("How busy {machine} was, over the run"), columns, 0).with_series(rows.collect()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 bytes")]
fn rates(machine: &str, points: &[TimelinePoint], bands: &[Band]) -> Chart {
    let network = |point: &TimelinePoint| point.network_bytes_per_second / 1e6;
    let disk = |point: &TimelinePoint| point.disk_bytes_per_second / 1e6;
    let ((sent, sent_at), (written, written_at)) = (peak(points, network), peak(points, disk));
    let least = points.iter().map(|point| point.memory_available_bytes).min().unwrap_or_default();
    let rows = points.iter().map(|point| {
        vec![
            format!("{:.2}", point.at_seconds / 60.0),
            figure(network(point)),
            figure(disk(point)),
            megabytes(point.memory_available_bytes as f64),
        ]
    });
    let columns = ["minute", "network MB/s", "disk MB/s", "available memory MB"];
    Chart {
        title: format!("What {machine} moved"),
        words: format!(
            "{}'s network carried {} MB/s at most, in minute {sent_at:.1}, its disks {} MB/s, in minute \
             {written_at:.1}; it had at least {} MB of memory left.",
            capitalize(machine),
            figure(sent),
            figure(written),
            megabytes(least as f64),
        ),
        drawing: Drawing::Plot(Plot {
            x: Axis::linear("minutes since the run was planned"),
            y: Axis::linear("MB/s"),
            series: vec![series("network", points, network), series("disks", points, disk)],
            bands: bands.to_vec(),
            marks: Vec::new(),
        }),
        table: Table::new(format!("What {machine} moved, over the run"), columns, 0).with_series(rows.collect()),
    }
}
