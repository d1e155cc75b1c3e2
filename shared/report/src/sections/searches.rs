//! The section on the search for the highest load that the server sustains.

use super::section;
use crate::chart::{Axis, Chart, Drawing, Plot, Series, SeriesKind};
use crate::document::{Block, Part, Section, Table, Text, Tone};
use crate::figures::{figure, or_dash};
use crate::names::Names;
use dicomperf_model::request::SearchAxis;
use dicomperf_model::results::SearchSummary;
use dicomperf_model::results::{LatencySummary, Summary};

pub(super) fn searches(summary: &Summary, names: &Names) -> Option<Section> {
    let parts = summary.searches.iter().map(|one| part(one, names).into());
    section("searches", "What the server sustains", parts.collect())
}

fn part(search: &SearchSummary, names: &Names) -> Part {
    let unit = match search.axis {
        SearchAxis::Associations => "associations",
        SearchAxis::Rate => "instances/s",
    };
    let mut blocks = vec![Block::words(result_words(search, unit))];
    if !search.slo.is_empty() {
        let slo: Vec<_> = search.slo.iter().map(|one| format!("{} at most {}", one.metric, one.max)).collect();
        blocks.push(Block::words(Text::new().strong("Objective").and(format!(": {}.", slo.join(", ")))));
    }
    let measured = search.levels.iter().any(|level| level.instances_per_second.is_some());
    if measured {
        blocks.push(throughput(search, unit).into());
        blocks.push(latency(search, unit).into());
    }
    if !search.levels.is_empty() {
        blocks.push(levels(search, unit).into());
    }
    blocks.push(Block::words(Text::new().strong("Why it ended").and(format!(": {}", search.ended))));
    Part::open(format!("Raising {} from {}", search.axis, names.scenario_name(search.scenario)), blocks)
}

fn result_words(search: &SearchSummary, unit: &str) -> Text {
    let Some(sustainable) = search.sustainable else {
        return Text::new().badge(Tone::Bad, "Not sustained").and(": not even the lowest level keeps the objective.");
    };
    let reached = search.sustainable_instances_per_second;
    let reached = reached.map_or_else(String::new, |rate| format!(", with {} instances/s stored", figure(rate)));
    let broken = search
        .broken
        .map_or_else(|| ", the highest level tried".to_owned(), |level| format!("; {level} {unit} are too many"));
    let knee =
        search.knee.map_or_else(String::new, |knee| format!(". From {knee} {unit} on, raising the level gains little"));
    Text::new().badge(Tone::Good, "Sustained").and(format!(": {sustainable} {unit}{reached}{broken}{knee}."))
}

fn marks(search: &SearchSummary) -> Vec<(f64, String)> {
    let sustained = search.sustainable.map(|level| (level, "sustained".to_owned()));
    let knee = search.knee.map(|level| (level, "knee".to_owned()));
    match (sustained, knee) {
        (Some((a, _)), Some((b, _))) if (a - b).abs() < 1e-9 => vec![(a, "sustained, knee".to_owned())],
        (sustained, knee) => sustained.into_iter().chain(knee).collect(),
    }
}

fn throughput(search: &SearchSummary, unit: &str) -> Chart {
    let points = search.levels.iter().filter_map(|level| Some((level.level, level.instances_per_second?)));
    let points: Vec<_> = points.collect();
    let rows = points.iter().map(|(level, rate)| vec![level.to_string(), figure(*rate)]);
    let most = points.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    let words = most.map_or_else(String::new, |(level, rate)| {
        format!("The most, {} instances/s, is reached at {level} {unit}.", figure(*rate))
    });
    Chart {
        title: "Throughput by level".to_owned(),
        words,
        table: Table::new("Throughput by level", [unit, "instances/s"], 0).with_rows(rows),
        drawing: Drawing::Plot(Plot {
            x: Axis::linear(unit),
            y: Axis::linear("instances/s"),
            series: vec![Series::line("instances/s", points).with_kind(SeriesKind::MarkedLine)],
            bands: Vec::new(),
            marks: marks(search),
        }),
    }
}

fn latency(search: &SearchSummary, unit: &str) -> Chart {
    let points: Vec<_> = search.levels.iter().filter_map(|level| Some((level.level, level.latency_ms?))).collect();
    let series = |name: &str, of: fn(&LatencySummary) -> f64| {
        Series::line(name, points.iter().map(|(level, latency)| (*level, of(latency))))
            .with_kind(SeriesKind::MarkedLine)
    };
    let rows =
        points.iter().map(|(level, all)| vec![level.to_string(), figure(all.p50), figure(all.p95), figure(all.p99)]);
    let words = match (points.first(), points.last()) {
        (Some((low, first)), Some((high, last))) => {
            format!("From {} to {} {unit} p95 goes from {} to {} ms.", low, high, figure(first.p95), figure(last.p95))
        }
        _ => String::new(),
    };
    Chart {
        title: "Time of a C-STORE by level".to_owned(),
        words,
        table: Table::new("Time of a C-STORE by level", [unit, "p50 ms", "p95 ms", "p99 ms"], 0).with_rows(rows),
        drawing: Drawing::Plot(Plot {
            x: Axis::linear(unit),
            y: Axis::logarithmic("ms, log."),
            series: vec![series("p50", |all| all.p50), series("p95", |all| all.p95), series("p99", |all| all.p99)],
            bands: Vec::new(),
            marks: marks(search),
        }),
    }
}

fn levels(search: &SearchSummary, unit: &str) -> Table {
    let columns =
        [unit, "keeps the objective", "why not", "iterations", "instances/s", "p50 ms", "p95 ms", "p99 ms", "max ms"];
    let rows = search.levels.iter().map(|level| {
        let latency = |of: fn(&LatencySummary) -> f64| Text::from(or_dash(level.latency_ms.as_ref().map(of)));
        let keeps = if level.keeps { (Tone::Good, "yes") } else { (Tone::Bad, "no") };
        vec![
            level.level.to_string().into(),
            Text::new().badge(keeps.0, keeps.1),
            level.reason.as_deref().unwrap_or("–").into(),
            level.iterations.to_string().into(),
            or_dash(level.instances_per_second).into(),
            latency(|all| all.p50),
            latency(|all| all.p95),
            latency(|all| all.p99),
            latency(|all| all.max),
        ]
    });
    Table::new(format!("Levels of {unit}"), columns, 3).with_rows(rows)
}
