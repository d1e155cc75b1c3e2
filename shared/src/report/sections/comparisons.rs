//! Scenarios against each other, against earlier runs, and against the run that the request names.

use super::{ROWS_A_CHART, part_of, section, tone_of, two_runs};
use crate::report::chart::{Axis, Chart, Drawing, Row, RowShape, Rows};
use crate::report::document::{Block, MOST_ROWS, Section, Table, Text};
use crate::report::figures::{figure, ratio, ratio_with_interval};
use crate::report::names::{Names, shortened, value};
use crate::summary::setting_name;
use crate::summary::{ScenarioComparison, Summary};
use crate::verdict::LEAST_RUNS;

pub(super) fn within(summary: &Summary, names: &Names) -> Option<Section> {
    // Of an axis with many values each is shown against the first; all pairs are in report.json.
    let against_first: Vec<_> = summary
        .comparisons
        .iter()
        .filter(|one| {
            !summary
                .comparisons
                .iter()
                .any(|other| other.b == one.a && other.difference.setting == one.difference.setting)
        })
        .take(MOST_ROWS)
        .collect();
    let mut blocks: Vec<Block> = Vec::new();
    let judged: Vec<_> = against_first.iter().copied().filter(|one| one.ratio.is_some()).collect();
    let charts = judged.chunks(ROWS_A_CHART);
    let count = charts.len();
    blocks.extend(charts.enumerate().map(|(index, some)| chart(some, names, &part_of(index, count)).into()));
    if !against_first.is_empty() {
        blocks.push(Block::List(against_first.iter().map(|one| compared(one, names)).collect()));
    }
    let left = summary.comparisons.len() - against_first.len();
    if left > 0 {
        blocks.push(Block::words(format!("{left} more pairs are in report.json.")));
    }
    section("comparisons", "Comparisons within the run", blocks)
}

/// `TCP_NODELAY on against off, with associations 4`
fn pair(comparison: &ScenarioComparison, names: &Names) -> String {
    let (a, b) = (value(&comparison.difference.a), value(&comparison.difference.b));
    format!("{} {b} against {a}{}", setting_name(&comparison.difference.setting), in_common(comparison, names))
}

/// What both have, of what varies.
fn in_common(comparison: &ScenarioComparison, names: &Names) -> String {
    match names.without(comparison.b, setting_name(&comparison.difference.setting)) {
        others if others.is_empty() => String::new(),
        others => format!(", with {others}"),
    }
}

/// `TCP_NODELAY on is 6.3 (5.9–6.8) times as fast as off`, with what both have in common, and the verdict.
fn compared(comparison: &ScenarioComparison, names: &Names) -> Text {
    let words = match &comparison.ratio {
        Some(ratio) => {
            let (a, b) = (value(&comparison.difference.a), value(&comparison.difference.b));
            let (setting, ratio) = (setting_name(&comparison.difference.setting), ratio_with_interval(ratio));
            format!("{setting} {b} is {ratio} times as fast as {a}{}: ", in_common(comparison, names))
        }
        None => format!("{}: ", pair(comparison, names)),
    };
    let text = Text::from(words).badge(tone_of(comparison.verdict), comparison.verdict.name());
    match &comparison.reason {
        Some(reason) => text.and(format!(": {reason}")),
        None => text,
    }
}

fn chart(comparisons: &[&ScenarioComparison], names: &Names, part: &str) -> Chart {
    let rows = comparisons.iter().map(|one| Row {
        label: shortened(&pair(one, names)),
        shape: one.ratio.map_or(RowShape::Nothing, |ratio| RowShape::Interval {
            middle: ratio.median,
            low: ratio.low,
            high: ratio.high,
        }),
    });
    let table = comparisons.iter().filter_map(|one| {
        let times = one.ratio?;
        Some(vec![
            Text::from(pair(one, names)),
            Text::new().badge(tone_of(one.verdict), one.verdict.name()),
            ratio(times.median).into(),
            ratio(times.low).into(),
            ratio(times.high).into(),
        ])
    });
    let size = |one: &&&ScenarioComparison| one.ratio.map_or(0.0, |ratio| ratio.median.ln().abs());
    let most = comparisons.iter().max_by(|a, b| size(a).total_cmp(&size(b)));
    let words = most.map_or_else(String::new, |most| {
        let times = most.ratio.map_or_else(String::new, |times| ratio_with_interval(&times));
        format!("The largest difference: {} is {times} times as fast.", pair(most, names))
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
    let items = summary.baseline.iter().take(MOST_ROWS).map(|one| {
        let text = Text::from(format!("{}: ", names.of_scenario(one.scenario)));
        let (tone, verdict) = (tone_of(one.verdict), one.verdict.name());
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
                ": {} of {LEAST_RUNS} earlier runs of the same fingerprint and settings exist, {} missing",
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

/// The scenarios that have a history long enough, against it.
fn history_chart(summary: &Summary, names: &Names) -> Option<Chart> {
    let known = summary.baseline.iter().filter_map(|one| Some((one, one.ratio?, one.noise?, one.history_median?)));
    let known: Vec<_> = known.take(ROWS_A_CHART).collect();
    let (first, times, ..) = known.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let rows = known.iter().map(|(one, times, noise, median)| Row {
        label: names.label(one.scenario),
        shape: RowShape::Interval { middle: *times, low: noise.low / median, high: noise.high / median },
    });
    let table = known.iter().map(|(one, times, noise, median)| {
        vec![
            Text::from(names.label(one.scenario)),
            Text::new().badge(tone_of(one.verdict), one.verdict.name()),
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
            names.of_scenario(first.scenario),
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
            .map(|section| crate::report::document::Part::open(section.title, section.blocks).into()),
    );
    section("against", &format!("Against run {}", comparison.a.run_id), blocks)
}
