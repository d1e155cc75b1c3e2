//! The report of a comparison of two runs.

use serde_json::Value;

use super::{MAX_CHART_ROWS, findings, part_of, row, section, tone_of};
use crate::chart::{Axis, Chart, Drawing, Row, RowShape, Rows};
use crate::document::{Block, Document, KeyFigure, Part, Section, Table, Text, Tone, capitalize};
use crate::figures::{bounds, figure, or_dash, ratio, ratio_with_interval, time, with_interval};
use crate::names::{plain_text, shorten, value};
use dicomperf_model::results::RunStatus;
use dicomperf_model::results::{ComparedRun, DifferenceOf, RunComparison, ScenarioPair};

/// Builds the report of a comparison.
pub(crate) fn document(comparison: &RunComparison) -> Document {
    let mut sections = sections(comparison);
    sections.extend(section("runs", "The runs", vec![runs(comparison).into()]));
    sections.extend(section("how-to-read", "How to read this", vec![Block::words(how_to_read(comparison))]));
    Document {
        title: format!("dicomperf: {} against {}", comparison.b.run_id, comparison.a.run_id),
        subtitle: format!(
            "Run b, {}, planned {}, against run a, {}, planned {}.",
            comparison.b.name,
            time(comparison.b.started_at),
            comparison.a.name,
            time(comparison.a.started_at)
        ),
        tone: if comparison.comparable { tone_of(comparison.verdict) } else { Tone::Caution },
        lead: sentence(comparison),
        key_figures: if comparison.comparable { key_figures(comparison) } else { Vec::new() },
        sections,
    }
}

/// Returns the result of the comparison in one sentence.
pub(super) fn sentence(comparison: &RunComparison) -> Text {
    let (tone, word) = match comparison.comparable {
        true => (tone_of(comparison.verdict), capitalize(&comparison.verdict.to_string())),
        false => (Tone::Caution, "Not comparable".to_owned()),
    };
    Text::new().badge(tone, word).and(format!(": {}.", comparison.says.trim_end_matches('.')))
}

/// Returns the pair with the largest change, either way.
fn most_changed<'a>(pairs: &[&'a ScenarioPair]) -> Option<&'a ScenarioPair> {
    let change = |pair: &ScenarioPair| pair.ratio.map_or(0.0, |ratio| ratio.median.ln().abs());
    let compared = pairs.iter().copied().filter(|pair| pair.ratio.is_some());
    compared.max_by(|a, b| change(a).total_cmp(&change(b)))
}

fn key_figures(comparison: &RunComparison) -> Vec<KeyFigure> {
    // The pairs with the overall verdict are preferred.
    let judged: Vec<_> = comparison.scenarios.iter().filter(|pair| pair.verdict == comparison.verdict).collect();
    let all: Vec<_> = comparison.scenarios.iter().collect();
    let Some(pair) = most_changed(&judged).or_else(|| most_changed(&all)) else { return Vec::new() };
    let mut figures = Vec::new();
    if let Some(times) = pair.ratio_between_runs.or(pair.ratio) {
        figures.push(KeyFigure {
            label: "Largest change".to_owned(),
            value: ratio(times.median),
            unit: "times as fast".to_owned(),
            note: format!("95% interval {}; {}", bounds(&times), pair.name),
        });
    }
    if let (Some(a), Some(b)) = (&pair.a_instances_per_second, &pair.b_instances_per_second) {
        figures.push(KeyFigure {
            label: "Its throughput in b".to_owned(),
            value: figure(b.median),
            unit: "instances/s".to_owned(),
            note: format!("95% interval {}; in a {}", bounds(b), with_interval(a)),
        });
    }
    if let (Some(a), Some(b)) = (&pair.a_latency_ms, &pair.b_latency_ms) {
        figures.push(KeyFigure {
            label: "Its p95 of C-STORE in b".to_owned(),
            value: figure(b.p95),
            unit: "ms".to_owned(),
            note: format!("in a {} ms", figure(a.p95)),
        });
    }
    figures
}

/// Builds the sections of the comparison. Runs that are not comparable have only the list of differences.
pub(super) fn sections(comparison: &RunComparison) -> Vec<Section> {
    let differences = section("differences", "In what the runs differ", differences(comparison));
    if !comparison.comparable {
        return differences.into_iter().collect();
    }
    let pairs = &comparison.scenarios;
    let drawn: Vec<_> = pairs.iter().filter(|pair| pair.ratio_between_runs.or(pair.ratio).is_some()).collect();
    let charts = drawn.chunks(MAX_CHART_ROWS);
    let count = charts.len();
    let mut side_by_side: Vec<Block> =
        charts.enumerate().map(|(index, some)| chart(some, &part_of(index, count)).into()).collect();
    if !pairs.is_empty() {
        side_by_side.push(figures(pairs).into());
    }
    let reasons = pairs.iter().filter_map(|pair| Some(format!("{}: {}", pair.name, pair.reason.as_ref()?).into()));
    let reasons: Vec<Text> = reasons.collect();
    if !reasons.is_empty() {
        side_by_side.push(Block::List(reasons));
    }
    for (numbers, which) in [(&comparison.only_in_a, "a"), (&comparison.only_in_b, "b")] {
        if !numbers.is_empty() {
            let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
            side_by_side.push(Block::words(format!("Only in run {which}: scenario {}.", numbers.join(", "))));
        }
    }
    let because = pairs.iter().filter(|pair| !pair.because.is_empty()).map(|pair| {
        let found =
            pair.because.iter().map(|finding| findings::finding(finding, |number| format!("scenario {number}")).into());
        Part::open(pair.name.clone(), found.collect()).into()
    });
    [
        section("side-by-side", "Side by side", side_by_side),
        section("because", "What explains it", because.collect()),
        differences,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn chart(pairs: &[&ScenarioPair], part: &str) -> Chart {
    let interval = |pair: &ScenarioPair| pair.ratio_between_runs.or(pair.ratio);
    let rows = pairs.iter().map(|pair| Row {
        label: shorten(&pair.name),
        shape: interval(pair).map_or(RowShape::Nothing, |ratio| RowShape::Interval {
            middle: ratio.median,
            low: ratio.low,
            high: ratio.high,
        }),
    });
    let table = pairs.iter().map(|pair| {
        let both = |times: Option<dicomperf_model::statistics::Interval>| {
            times.map_or_else(|| "–".to_owned(), |times| ratio_with_interval(&times))
        };
        vec![
            Text::from(pair.name.as_str()),
            Text::new().badge(tone_of(pair.verdict), pair.verdict.to_string()),
            both(pair.ratio).into(),
            both(pair.ratio_between_runs).into(),
        ]
    });
    let size = |pair: &&&ScenarioPair| pair.ratio.map_or(0.0, |ratio| ratio.median.ln().abs());
    let words = pairs.iter().max_by(|a, b| size(a).total_cmp(&size(b))).map_or_else(String::new, |pair| {
        let times = interval(pair).map_or_else(String::new, |times| ratio_with_interval(&times));
        format!("The largest change: {} is {times} times as fast in b, {}.", pair.name, pair.verdict)
    });
    let columns = ["scenario", "verdict", "times, noise of iterations", "times, noise of runs too"];
    Chart {
        title: format!("How many times as fast run b is{part}"),
        words,
        drawing: Drawing::Rows(Rows {
            axis: Axis::logarithmic("times as fast, with 95% interval; the line is 1, no difference"),
            legend: Vec::new(),
            rows: rows.collect(),
            mark: Some(1.0),
        }),
        table: Table::new(format!("Ratios of instances per second{part}"), columns, 2).with_rows(table),
    }
}

fn figures(pairs: &[ScenarioPair]) -> Table {
    let columns = [
        "scenario",
        "differs in",
        "instances/s in a",
        "in b",
        "p50 ms in a",
        "in b",
        "p95 ms in a",
        "in b",
        "p99 ms in a",
        "in b",
    ];
    let rows = pairs.iter().map(|pair| {
        let rate = |rate: &Option<dicomperf_model::statistics::Interval>| {
            rate.as_ref().map_or_else(|| "–".to_owned(), with_interval)
        };
        let (a, b) = (pair.a_latency_ms, pair.b_latency_ms);
        let differences =
            pair.differences.iter().map(|one| format!("{} {} / {}", one.setting.label(), value(&one.a), value(&one.b)));
        let differences: Vec<_> = differences.collect();
        row([
            format!("{} ({} and {})", pair.name, pair.a, pair.b),
            if differences.is_empty() { "nothing".to_owned() } else { differences.join(", ") },
            rate(&pair.a_instances_per_second),
            rate(&pair.b_instances_per_second),
            or_dash(a.map(|a| a.p50)),
            or_dash(b.map(|b| b.p50)),
            or_dash(a.map(|a| a.p95)),
            or_dash(b.map(|b| b.p95)),
            or_dash(a.map(|a| a.p99)),
            or_dash(b.map(|b| b.p99)),
        ])
    });
    Table::new("Figures of both runs", columns, 2).with_rows(rows)
}

fn differences(comparison: &RunComparison) -> Vec<Block> {
    if comparison.differences.is_empty() {
        return vec![Block::words(
            "In nothing that is known: hosts or server, dataset, versions, settings and configuration are the same.",
        )];
    }
    let known = |value: &Value| if value.is_null() { "–".to_owned() } else { plain_text(value) };
    let rows = comparison.differences.iter().map(|one| {
        let of = match one.of {
            DifferenceOf::Fingerprint => "fingerprint",
            DifferenceOf::Versions => "versions",
            DifferenceOf::Settings => "settings",
            DifferenceOf::Configuration => "Orthanc's live configuration",
        };
        row([of.to_owned(), one.name.clone(), known(&one.a), known(&one.b)])
    });
    let mut blocks =
        vec![Table::new("Differences between the runs", ["of", "what", "in a", "in b"], 4).with_rows(rows).into()];
    if !comparison.comparable {
        blocks.push(Block::words(
            "Runs are compared only if hardware and dataset are the same, and for an existing server its address, port \
             and AE title. Otherwise a difference between their figures has no clear cause.",
        ));
    }
    blocks
}

fn runs(comparison: &RunComparison) -> Table {
    let (a, b) = (&comparison.a, &comparison.b);
    let both = |name: &str, of: &dyn Fn(&ComparedRun) -> String| row([name.to_owned(), of(a), of(b)]);
    Table::new("The two runs", ["of", "a", "b"], 3).with_rows([
        both("run", &|run| run.run_id.clone()),
        both("name", &|run| run.name.clone()),
        both("status", &|run| status(run.status).to_owned()),
        both("planned", &|run| time(run.started_at)),
        both("fingerprint", &|run| run.fingerprint.clone()),
    ])
}

const fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "failed",
    }
}

fn how_to_read(comparison: &RunComparison) -> String {
    format!(
        "Times as fast is median instances/s of b over those of a. Two runs are two samples, however many iterations each \
         has: the verdict rests on the interval with the noise of runs in it, a standard deviation of {:.1}% ({}). More: \
         docs/results.md.",
        comparison.noise.standard_deviation * 100.0,
        comparison.noise.source.trim_end_matches('.'),
    )
}
