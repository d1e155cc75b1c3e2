//! The sections on comparisons: within the run, with earlier runs, and with the run that the request names.

use super::{MAX_CHART_ROWS, part_of, section, tone_of, two_runs};
use crate::chart::{Axis, Chart, Drawing, Row, RowShape, Rows};
use crate::document::{Block, MAX_ROWS, Section, Table, Text};
use crate::figures::{figure, ratio, ratio_with_interval};
use crate::names::{Names, shorten, value};
use dicomperf_analysis::verdict::MIN_RUNS;
use dicomperf_model::results::{ScenarioComparison, Summary};

pub(super) fn within_run(summary: &Summary, names: &Names) -> Option<Section> {
    // Each value of an axis is compared with the first one only; all pairs are in report.json.
    let against_first: Vec<_> = summary
        .comparisons
        .iter()
        .filter(|one| {
            !summary
                .comparisons
                .iter()
                .any(|other| other.b == one.a && other.difference.setting == one.difference.setting)
        })
        .take(MAX_ROWS)
        .collect();
    let mut blocks: Vec<Block> = Vec::new();
    let judged: Vec<_> = against_first.iter().copied().filter(|one| one.ratio.is_some()).collect();
    let charts = judged.chunks(MAX_CHART_ROWS);
    let count = charts.len();
    blocks.extend(charts.enumerate().map(|(index, some)| chart(some, names, &part_of(index, count)).into()));
    if !against_first.is_empty() {
        blocks.push(Block::List(against_first.iter().map(|one| comparison_words(one, names)).collect()));
    }
    let left = summary.comparisons.len() - against_first.len();
    if left > 0 {
        blocks.push(Block::words(format!("{left} more pairs are in report.json.")));
    }
    section("comparisons", "Comparisons within the run", blocks)
}

/// Names a pair: `TCP_NODELAY on against off, with associations 4`.
fn pair_name(comparison: &ScenarioComparison, names: &Names) -> String {
    let (a, b) = (value(&comparison.difference.a), value(&comparison.difference.b));
    format!("{} {b} against {a}{}", comparison.difference.setting.label(), common_settings(comparison, names))
}

/// Returns the settings that vary in the run but are the same for both scenarios.
fn common_settings(comparison: &ScenarioComparison, names: &Names) -> String {
    match names.description(comparison.b, Some(comparison.difference.setting)) {
        others if others.is_empty() => String::new(),
        others => format!(", with {others}"),
    }
}

/// Returns a comparison in words, with the common settings and the verdict:
/// `TCP_NODELAY on is 6.3 (5.9–6.8) times as fast as off`.
fn comparison_words(comparison: &ScenarioComparison, names: &Names) -> Text {
    let words = match &comparison.ratio {
        Some(ratio) => {
            let (a, b) = (value(&comparison.difference.a), value(&comparison.difference.b));
            let (setting, ratio) = (comparison.difference.setting.label(), ratio_with_interval(ratio));
            format!("{setting} {b} is {ratio} times as fast as {a}{}: ", common_settings(comparison, names))
        }
        None => format!("{}: ", pair_name(comparison, names)),
    };
    let text = Text::from(words).badge(tone_of(comparison.verdict), comparison.verdict.to_string());
    match &comparison.reason {
        Some(reason) => text.and(format!(": {reason}")),
        None => text,
    }
}

fn chart(comparisons: &[&ScenarioComparison], names: &Names, part: &str) -> Chart {
    let rows = comparisons.iter().map(|one| Row {
        label: shorten(&pair_name(one, names)),
        shape: one.ratio.map_or(RowShape::Nothing, |ratio| RowShape::Interval {
            middle: ratio.median,
            low: ratio.low,
            high: ratio.high,
        }),
    });
    let table = comparisons.iter().filter_map(|one| {
        let times = one.ratio?;
        Some(vec![
            Text::from(pair_name(one, names)),
            Text::new().badge(tone_of(one.verdict), one.verdict.to_string()),
            ratio(times.median).into(),
            ratio(times.low).into(),
            ratio(times.high).into(),
        ])
    });
    let size = |one: &&&ScenarioComparison| one.ratio.map_or(0.0, |ratio| ratio.median.ln().abs());
    let most = comparisons.iter().max_by(|a, b| size(a).total_cmp(&size(b)));
    let words = most.map_or_else(String::new, |most| {
        let times = most.ratio.map_or_else(String::new, |times| ratio_with_interval(&times));
        format!("The largest difference: {} is {times} times as fast.", pair_name(most, names))
    });
    Chart {
        title: format!("How many times as fast{part}"),
        words,
        drawing: Drawing::Rows(Rows {
            axis: Axis::logarithmic("times as fast, with 95% interval; the line is 1, no difference"),
            legend: Vec::new(),
            rows: rows.collect(),
            mark: Some(1.0),
        }),
        table: Table::new(
            format!("Ratios of instances per second{part}"),
            ["pair", "verdict", "times", "from", "to"],
            2,
        )
        .with_rows(table),
    }
}

pub(super) fn history(summary: &Summary, names: &Names) -> Option<Section> {
    let items = summary.baseline.iter().take(MAX_ROWS).map(|one| {
        let text = Text::from(format!("{}: ", names.scenario_name(one.scenario)));
        let (tone, verdict) = (tone_of(one.verdict), one.verdict.to_string());
        match (&one.noise, one.ratio) {
            (Some(noise), Some(times)) => text
                .and(format!(
                    "{} times the median of {} earlier runs, {} instances/s; an unchanged run lies between {} and {}: ",
                    ratio(times),
                    one.runs,
                    one.history_median.map_or_else(String::new, figure),
                    figure(noise.low),
                    figure(noise.high),
                ))
                .badge(tone, verdict),
            _ if one.runs_missing > 0 => text.badge(tone, verdict).and(format!(
                ": {} of {MIN_RUNS} earlier runs of the same fingerprint and settings exist, {} missing",
                one.runs, one.runs_missing,
            )),
            _ => text.badge(tone, verdict).and(": there is no valid iteration"),
        }
    });
    let items: Vec<_> = items.collect();
    let left = summary.baseline.len() - items.len();
    let mut blocks = Vec::new();
    if !items.is_empty() {
        blocks.extend(history_chart(summary, names).map(Into::into));
        blocks.push(Block::List(items));
    }
    if left > 0 {
        blocks.push(Block::words(format!("{left} more are in report.json.")));
    }
    section("history", "Against earlier runs", blocks)
}

/// Draws the scenarios whose history is long enough.
fn history_chart(summary: &Summary, names: &Names) -> Option<Chart> {
    let known = summary.baseline.iter().filter_map(|one| Some((one, one.ratio?, one.noise?, one.history_median?)));
    let known: Vec<_> = known.take(MAX_CHART_ROWS).collect();
    let (first, times, ..) = known.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let rows = known.iter().map(|(one, times, noise, median)| Row {
        label: names.label(one.scenario),
        shape: RowShape::Interval { middle: *times, low: noise.low / median, high: noise.high / median },
    });
    let table = known.iter().map(|(one, times, noise, median)| {
        vec![
            Text::from(names.label(one.scenario)),
            Text::new().badge(tone_of(one.verdict), one.verdict.to_string()),
            ratio(*times).into(),
            ratio(noise.low / median).into(),
            ratio(noise.high / median).into(),
        ]
    });
    let columns = ["scenario", "verdict", "times", "unchanged from", "to"];
    Some(Chart {
        title: "This run against its history".to_owned(),
        words: format!(
            "The slowest against its history, {}, is {} times as fast as the median of {} earlier runs.",
            names.scenario_name(first.scenario),
            ratio(*times),
            first.runs
        ),
        drawing: Drawing::Rows(Rows {
            axis: Axis::logarithmic("times the earlier median; the bar is where an unchanged run lies"),
            legend: Vec::new(),
            rows: rows.collect(),
            mark: Some(1.0),
        }),
        table: Table::new("This run against its history", columns, 2).with_rows(table),
    })
}

pub(super) fn against(summary: &Summary) -> Option<Section> {
    let comparison = summary.against.as_ref()?;
    let mut blocks = vec![Block::words(two_runs::sentence(comparison))];
    blocks.extend(
        two_runs::sections(comparison)
            .into_iter()
            .map(|section| crate::document::Part::open(section.title, section.blocks).into()),
    );
    section("against", &format!("Against run {}", comparison.a.run_id), blocks)
}
