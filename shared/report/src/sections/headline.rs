//! The verdict in one sentence, and the key figures.

use super::existing::lacks_proof;
use super::network::ceiling_share;
use super::{checks, contenders, fastest, rate};
use crate::document::{KeyFigure, Text, Tone};
use crate::figures::{bounds, figure, limits, percent, plural, ratio};
use crate::names::Names;
use dicomperf_model::results::RunStatus;
use dicomperf_model::results::{Change, ThresholdState, Verdict};
use dicomperf_model::results::{ScenarioSummary, Summary};

/// Returns the tone of the run's result.
pub(super) fn tone(summary: &Summary) -> Tone {
    match (summary.status, summary.verdict) {
        (RunStatus::Failed, _) => Tone::Bad,
        (_, Verdict::Invalid | Verdict::ThresholdBroken | Verdict::Regressed | Verdict::CheckFailed) => Tone::Bad,
        (_, Verdict::Passed) if lacks_proof(summary) => Tone::Caution,
        (_, Verdict::Passed) => Tone::Good,
    }
}

/// Returns the result of the run in one sentence.
pub(super) fn sentence(summary: &Summary, names: &Names) -> Text {
    let (counted, valid, planned) = iterations(summary);
    // Without a proof of storage, every verdict says so at once.
    let verdict = |word: &str| match lacks_proof(summary) {
        true if word == "Passed" => Text::new().badge(tone(summary), word).and(", but storage was not proven"),
        true => Text::new().badge(tone(summary), word).and(", and storage was not proven"),
        false => Text::new().badge(tone(summary), word),
    };
    if summary.status == RunStatus::Failed {
        let why = match &summary.error {
            Some(error) => format!("with {}", error.error),
            None if summary.hosts_left > 0 => format!("with {} left", plural(summary.hosts_left, "host")),
            None => "without measuring all that was planned".to_owned(),
        };
        let measured = match valid {
            0 => "nothing was measured".to_owned(),
            _ => format!("{valid} of {planned} planned iterations are measured and valid; they are below"),
        };
        let comma = if lacks_proof(summary) { "," } else { "" };
        return verdict("Failed").and(format!("{comma} {why}: {measured}.{}", server_fault(summary)));
    }
    match summary.verdict {
        _ if summary.request.dry_run => checks::sentence(summary, tone(summary)),
        Verdict::CheckFailed => checks::sentence(summary, tone(summary)),
        Verdict::Passed => {
            let (all, fastest, kept) = (all_valid(counted), fastest_scenario(summary, names), kept_thresholds(summary));
            verdict("Passed").and(format!(": {all}{fastest}{kept}."))
        }
        Verdict::Invalid => verdict("Invalid").and(format!(
            ": {} of {planned} counted iterations are invalid, so the run does not count; the figures are from the \
             other {valid}.{}",
            planned.saturating_sub(valid),
            server_fault(summary)
        )),
        Verdict::ThresholdBroken => {
            verdict("Threshold broken").and(format!(": {}.", broken_thresholds(summary, names)))
        }
        Verdict::Regressed => verdict("Regressed").and(format!(": {}.", regressions(summary, names))),
    }
}

/// Returns the failure of the server that the diagnosis found, as a sentence; empty if it found none.
fn server_fault(summary: &Summary) -> String {
    let fault = summary.diagnosis.iter().find(|finding| finding.rule.is_server_fault());
    fault.map_or_else(String::new, |finding| format!(" {}.", finding.rule.title()))
}

/// Returns the scenarios of the matrix, without probes.
fn requested_scenarios(summary: &Summary) -> impl Iterator<Item = &ScenarioSummary> {
    summary.scenarios.iter().filter(|scenario| !scenario.probe)
}

/// Returns the numbers of counted, valid and planned iterations.
fn iterations(summary: &Summary) -> (u32, u32, u32) {
    let total = |count: fn(&ScenarioSummary) -> u32| requested_scenarios(summary).map(count).sum::<u32>();
    (total(|one| one.counted_iterations), total(|one| one.valid_iterations), total(|one| one.planned_iterations))
}

fn all_valid(counted: u32) -> String {
    match counted {
        1 => "the one counted iteration is valid".to_owned(),
        _ => format!("all {counted} counted iterations are valid"),
    }
}

fn fastest_scenario(summary: &Summary, names: &Names) -> String {
    let Some(best) = fastest(summary) else { return String::new() };
    let speed = figure(rate(best));
    match contenders(summary).count() {
        1 => format!(", at {speed} instances/s"),
        count => format!(", {} is the fastest of {count}, at {speed} instances/s", names.scenario_name(best.number)),
    }
}

fn kept_thresholds(summary: &Summary) -> String {
    match summary.request.thresholds.len() {
        0 => String::new(),
        1 => ", and the threshold is kept".to_owned(),
        count => format!(", and all {count} thresholds are kept"),
    }
}

fn broken_thresholds(summary: &Summary, names: &Names) -> String {
    let mut broken = summary.thresholds.iter().filter(|outcome| outcome.state == ThresholdState::Broken);
    let Some(first) = broken.next() else { return "see below".to_owned() };
    let more = match broken.count() {
        0 => String::new(),
        count => format!(", and {count} more"),
    };
    format!(
        "{} is {} in {}, and {} is asked for{more}",
        first.metric,
        first.value.map_or_else(String::new, figure),
        names.scenario_name(first.scenario),
        limits(first.min, first.max),
    )
}

fn regressions(summary: &Summary, names: &Names) -> String {
    let mut regressed = summary.baseline.iter().filter(|one| one.verdict == Change::Regressed);
    let Some(first) = regressed.next() else { return "see below".to_owned() };
    let more = match regressed.count() {
        0 => String::new(),
        count => format!(", and {count} more scenarios are slower too"),
    };
    format!(
        "{} is {} times as fast as the median of {} earlier runs, beyond their noise{more}",
        names.scenario_name(first.scenario),
        first.ratio.map_or_else(String::new, ratio),
        first.runs,
    )
}

/// Returns three figures: the throughput, the latency, and the next most important figure.
pub(super) fn key_figures(summary: &Summary, names: &Names) -> Vec<KeyFigure> {
    let Some(best) = fastest(summary) else { return without_measurement(summary) };
    let Some(interval) = best.instances_per_second else { return without_measurement(summary) };
    let which = match requested_scenarios(summary).count() {
        1 => String::new(),
        _ => format!("; {}", names.scenario_name(best.number)),
    };
    let certainty = match best.valid_iterations {
        1 => "one iteration, so that there is no interval".to_owned(),
        count => format!("95% interval {}, {count} iterations", bounds(&interval)),
    };
    let mut figures = vec![KeyFigure {
        label: if requested_scenarios(summary).count() == 1 { "Throughput" } else { "Fastest scenario" }.to_owned(),
        value: figure(interval.median),
        unit: "instances/s".to_owned(),
        note: format!("{certainty}{which}"),
    }];
    if let Some(latency) = best.latency_ms {
        figures.push(KeyFigure {
            label: "Its p95 of C-STORE".to_owned(),
            value: figure(latency.p95),
            unit: "ms".to_owned(),
            note: format!("median {} ms, slowest {} ms", figure(latency.p50), figure(latency.max)),
        });
    }
    figures.push(third_figure(summary, best));
    figures
}

/// Returns the third key figure: the first available of invalid iterations, the strongest finding, the largest change,
/// the share of the network's ceiling, and the number of valid iterations.
fn third_figure(summary: &Summary, best: &ScenarioSummary) -> KeyFigure {
    let (_, valid, planned) = iterations(summary);
    if valid < planned {
        return valid_iterations(valid, planned);
    }
    let gains = summary.diagnosis.iter().filter_map(|finding| Some((finding, finding.gain.as_ref()?)));
    if let Some((finding, gain)) = gains.min_by_key(|(finding, _)| finding.confidence) {
        let place = match finding.scenarios[..] {
            [] => String::new(),
            [one] => format!(" (scenario {one})"),
            [one, other] => format!(" (scenarios {one} and {other})"),
            _ => format!(" ({} scenarios)", finding.scenarios.len()),
        };
        return KeyFigure {
            label: "Strongest finding".to_owned(),
            value: ratio(gain.times),
            unit: "times as fast with its fix".to_owned(),
            note: format!("{}: {}{place}", finding.confidence, finding.rule.title()),
        };
    }
    let change = |ratio: f64| ratio.ln().abs();
    let changes = summary.baseline.iter().filter(|one| one.verdict != Change::Inconclusive);
    let of_history = changes.filter_map(|one| Some((one.ratio?, format!("the median of {} earlier runs", one.runs))));
    let of_run = summary.against.iter().filter(|against| against.comparable).flat_map(|against| {
        let name = format!("run {}", against.a.run_id);
        against.scenarios.iter().filter_map(move |pair| Some((pair.ratio?.median, name.clone())))
    });
    if let Some((times, of)) = of_history.chain(of_run).max_by(|a, b| change(a.0).total_cmp(&change(b.0))) {
        return KeyFigure {
            label: "Largest change".to_owned(),
            value: ratio(times),
            unit: "times".to_owned(),
            note: format!("as fast as {of}"),
        };
    }
    match ceiling_share(summary, best) {
        Some(share) => KeyFigure {
            label: "Of the network's ceiling".to_owned(),
            value: percent(share),
            unit: "%".to_owned(),
            note: "bytes of files, against iperf3 over one connection".to_owned(),
        },
        None => valid_iterations(valid, planned),
    }
}

fn without_measurement(summary: &Summary) -> Vec<KeyFigure> {
    let (_, valid, planned) = iterations(summary);
    let hosts = summary.hosts.iter().count();
    if hosts == 0 {
        let studies = summary.existing.as_ref().map_or(0, |existing| existing.studies_left());
        let left = KeyFigure {
            label: "Studies on the server".to_owned(),
            value: studies.to_string(),
            unit: String::new(),
            note: if studies == 0 { "nothing was left there" } else { "listed below" }.to_owned(),
        };
        return vec![valid_iterations(valid, planned), left];
    }
    let gone = if hosts == 1 { "the one host is gone" } else { "both are gone" };
    vec![
        valid_iterations(valid, planned),
        KeyFigure {
            label: "Hosts left".to_owned(),
            value: summary.hosts_left.to_string(),
            unit: String::new(),
            note: if summary.hosts_left == 0 { gone } else { "reap continues to remove them" }.to_owned(),
        },
        KeyFigure {
            label: "Cost at most".to_owned(),
            value: format!("{:.3}", summary.cost_usd_at_most),
            unit: "US dollars".to_owned(),
            note: "list price".to_owned(),
        },
    ]
}

fn valid_iterations(valid: u32, planned: u32) -> KeyFigure {
    KeyFigure {
        label: "Valid iterations".to_owned(),
        value: format!("{valid} of {planned}"),
        unit: String::new(),
        note: if valid == planned { "every iteration is valid" } else { "the reasons are below" }.to_owned(),
    }
}
