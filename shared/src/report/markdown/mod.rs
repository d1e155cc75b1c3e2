//! report.md: the verdict in a sentence, then what it rests on.

mod circumstances;
mod sections;
mod table;
#[cfg(test)]
mod tests;
mod text;

use crate::summary::{ScenarioSummary, Summary};
use crate::verdict::{Comparison, ThresholdState, Verdict, metric_name};
use crate::workflow::RunStatus;

use self::text::{escaped, figure, plural};

/// The report as GitHub-flavoured Markdown. Text that came from a request, an object or an error is escaped.
#[must_use]
pub fn markdown(summary: &Summary) -> String {
    let names = table::Names::of(summary);
    let parts = [
        format!("# dicomperf: {}\n\n{}\n", escaped(&summary.request.name), sentence(summary, &names)),
        sections::error(summary),
        sections::results(summary, &names),
        circumstances::warnings(summary, &names),
        sections::comparisons(summary, &names),
        sections::baseline(summary, &names),
        sections::thresholds(summary, &names),
        sections::invalid(summary, &names),
        sections::not_measured(summary, &names),
        circumstances::decomposition(summary, &names),
        circumstances::resources(summary, &names),
        circumstances::network(summary),
        sections::samples(summary),
        sections::refused(summary),
        sections::notes(summary),
        sections::configuration(summary, &names),
        sections::run(summary),
        sections::how_to_read().to_owned(),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// What the run came to, in one sentence.
fn sentence(summary: &Summary, names: &table::Names) -> String {
    let total = |count: fn(&ScenarioSummary) -> u32| summary.scenarios.iter().map(count).sum::<u32>();
    let valid = total(|scenario| scenario.valid_iterations);
    let counted = total(|scenario| scenario.counted_iterations);
    let planned = total(|scenario| scenario.planned_iterations);
    if summary.status == RunStatus::Failed {
        let why = match &summary.error {
            Some(error) => format!("with {}", escaped(&error.error)),
            None if summary.hosts_left > 0 => format!("with {} left", plural(summary.hosts_left, "host")),
            None => "without measuring all that was planned".to_owned(),
        };
        let measured = match valid {
            0 => "nothing was measured".to_owned(),
            _ => format!("{valid} of {planned} planned iterations are measured and valid; they are below"),
        };
        return format!("**Failed** {why}: {measured}.");
    }
    match summary.verdict {
        Verdict::Passed => format!("**Passed**: {}{}{}.", all_valid(counted), fastest(summary, names), kept(summary)),
        Verdict::Invalid => format!(
            "**Invalid**: {} of {planned} counted iterations prove nothing, so that the run does not count; the figures \
             are of the other {valid}.",
            planned - valid
        ),
        Verdict::ThresholdBroken => format!("**Threshold broken**: {}.", broken(summary, names)),
        Verdict::Regressed => format!("**Regressed**: {}.", regressed(summary, names)),
    }
}

fn all_valid(counted: u32) -> String {
    match counted {
        1 => "the one counted iteration is valid".to_owned(),
        _ => format!("all {counted} counted iterations are valid"),
    }
}

fn fastest(summary: &Summary, names: &table::Names) -> String {
    let rate = |scenario: &&ScenarioSummary| scenario.instances_per_second.map(|rate| rate.median);
    let Some(best) = summary
        .scenarios
        .iter()
        .filter(|scenario| rate(scenario).is_some())
        .max_by(|a, b| rate(a).unwrap_or_default().total_cmp(&rate(b).unwrap_or_default()))
    else {
        return String::new();
    };
    let speed = figure(rate(&best).unwrap_or_default());
    match summary.scenarios.len() {
        1 => format!(", at {speed} instances/s"),
        count => format!(", {} is the fastest of {count}, at {speed} instances/s", names.of_scenario(best.scenario)),
    }
}

fn kept(summary: &Summary) -> String {
    match summary.request.thresholds.len() {
        0 => String::new(),
        1 => ", and the threshold is kept".to_owned(),
        count => format!(", and all {count} thresholds are kept"),
    }
}

fn broken(summary: &Summary, names: &table::Names) -> String {
    let mut broken = summary.thresholds.iter().filter(|outcome| outcome.state == ThresholdState::Broken);
    let Some(first) = broken.next() else { return "see below".to_owned() };
    let more = match broken.count() {
        0 => String::new(),
        count => format!(", and {count} more"),
    };
    format!(
        "{} is {} in {}, and {} is asked for{more}",
        metric_name(first.metric),
        first.value.map_or_else(String::new, figure),
        names.of_scenario(first.scenario),
        sections::limits(first.min, first.max),
    )
}

fn regressed(summary: &Summary, names: &table::Names) -> String {
    let mut regressed = summary.baseline.iter().filter(|one| one.verdict == Comparison::Regressed);
    let Some(first) = regressed.next() else { return "see below".to_owned() };
    let more = match regressed.count() {
        0 => String::new(),
        count => format!(", and {count} more scenarios are slower too"),
    };
    format!(
        "{} is {} times as fast as the median of {} earlier runs, beyond their noise{more}",
        names.of_scenario(first.scenario),
        first.ratio.map_or_else(String::new, text::ratio),
        first.runs,
    )
}
