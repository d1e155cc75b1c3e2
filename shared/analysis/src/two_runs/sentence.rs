//! The summary of a comparison in one or two sentences.

use dicomperf_model::results::{Change, Confidence, DifferenceOf, Finding, RunComparison, RunDifference, ScenarioPair};
use dicomperf_model::words;

use super::severity;

/// Differences that are named; further ones are only counted.
const MAX_NAMED: usize = 4;

/// Returns the conclusion. `is_existing` is true if the runs measure an existing server.
pub(super) fn sentence(comparison: &RunComparison, is_existing: bool) -> String {
    if !comparison.comparable {
        let parts = comparison.differences.iter().filter(|one| one.of == DifferenceOf::Fingerprint);
        return format!(
            "These runs cannot be compared: they differ in {}. {}",
            listed_differences(&parts.collect::<Vec<_>>()),
            if is_existing {
                "Server, hosts and dataset must be the same."
            } else {
                "Hosts and dataset must be the same."
            }
        );
    }
    // A pair that changed comes first. The counts cover the inconclusive pairs.
    let changed = |pair: &&ScenarioPair| matches!(pair.verdict, Change::Regressed | Change::Improved);
    let scenarios = &comparison.scenarios;
    let most_changed = scenarios.iter().filter(changed).min_by(|one, other| {
        severity(one.verdict)
            .cmp(&severity(other.verdict))
            .then(distance_from_one(other).total_cmp(&distance_from_one(one)))
    });
    let Some(headline) = most_changed.or_else(|| scenarios.iter().min_by_key(|pair| severity(pair.verdict))) else {
        return "No scenario of run B belongs to one of run A.".to_owned();
    };
    let sentence = headline_of(comparison, headline, is_existing) + &version_differences(comparison, headline);
    if scenarios.len() == 1 {
        return sentence;
    }
    let counts = [Change::Regressed, Change::Improved, Change::Equivalent, Change::Inconclusive];
    let counts = counts.into_iter().filter_map(|verdict| {
        let count = scenarios.iter().filter(|pair| pair.verdict == verdict).count();
        (count > 0).then(|| format!("{count} {verdict}"))
    });
    format!("Of {} pairs of scenarios: {}. {sentence}", scenarios.len(), words::list(&counts.collect::<Vec<_>>()))
}

fn headline_of(comparison: &RunComparison, pair: &ScenarioPair, is_existing: bool) -> String {
    let place = if comparison.scenarios.len() == 1 { String::new() } else { format!(" ({})", pair.name) };
    let instead: Vec<_> = pair
        .differences
        .iter()
        .map(|one| {
            let (a, b) = (words::value(&one.a), words::value(&one.b));
            format!("{} {b} instead of {a}", one.setting.label())
        })
        .collect();
    let with = if instead.is_empty() { String::new() } else { format!(" with {}", words::list(&instead)) };
    let Some(ratio) = pair.ratio_between_runs else {
        let reason = pair.reason.clone().unwrap_or_else(|| "one of them transferred nothing".to_owned());
        return format!("Runs A and B{place} cannot be compared{with}: {reason}.");
    };
    let times = words::ratio_with_interval(&ratio);
    match (pair.verdict, &pair.reason) {
        (Change::Improved, _) => {
            let why = explanation(comparison, pair, "A", is_existing);
            format!("Run B is {times} times as fast as run A{place}{with}{why}")
        }
        (Change::Regressed, _) => {
            let why = explanation(comparison, pair, "B", is_existing);
            format!("Run B is slower, {times} times as fast as run A{place}{with}{why}")
        }
        (Change::Equivalent, _) => format!("Run B is as fast as run A{place}{with}: {times} times."),
        (Change::Inconclusive, Some(reason)) => {
            format!("Run B is {times} times as fast as run A{place}{with}, which is inconclusive: {reason}.")
        }
        (Change::Inconclusive, None) => {
            let way_out = if pair.differences.is_empty() { "" } else { " Measure both settings in one run to decide." };
            format!(
                "Run B is {times} times as fast as run A{place}{with}: with this much noise between runs that is \
                 inconclusive.{way_out}"
            )
        }
    }
}

/// Names the versions that differ, unless [`explanation`] has already named them.
fn version_differences(comparison: &RunComparison, pair: &ScenarioPair) -> String {
    let changed = matches!(pair.verdict, Change::Regressed | Change::Improved);
    let known = |one: &&RunDifference| !one.a.is_null() && !one.b.is_null();
    let differing = comparison.differences.iter().filter(|one| one.of == DifferenceOf::Versions);
    let differing: Vec<_> = differing.filter(known).collect();
    if differing.is_empty() || (changed && pair.because.is_empty()) {
        return String::new();
    }
    format!(" The runs differ in {}.", listed_differences(&differing))
}

/// Names the finding of the slower run that explains the change. Without one, names the differences of the runs.
fn explanation(comparison: &RunComparison, pair: &ScenarioPair, slower: &str, is_existing: bool) -> String {
    let mut findings: Vec<&Finding> = pair.because.iter().collect();
    findings.sort_by_key(|finding| finding.confidence);
    if let [first, ..] = findings[..] {
        let noun = if first.confidence == Confidence::Possible { "a possible cause" } else { "the cause" };
        return format!("; the diagnosis of run {slower} names {noun}: {}.", first.rule.title());
    }
    let differences: Vec<_> = comparison.differences.iter().collect();
    if differences.is_empty() {
        let others =
            if is_existing { "their time and what the server does not announce" } else { "their hosts and their time" };
        return format!(". No rule of the diagnosis explains it, and the runs differ in nothing but {others}.");
    }
    format!(". No rule of the diagnosis explains it; the runs differ in {}.", listed_differences(&differences))
}

/// Lists differences: `server Orthanc (1.12.2 instead of 1.10.1) and 2 more`.
fn listed_differences(differences: &[&RunDifference]) -> String {
    let mut names: Vec<_> = differences
        .iter()
        .take(MAX_NAMED)
        .map(|one| format!("{} ({} instead of {})", one.name, words::value(&one.b), words::value(&one.a)))
        .collect();
    match differences.len().saturating_sub(MAX_NAMED) {
        0 => {}
        more => names.push(format!("{more} more")),
    }
    words::list(&names)
}

/// Returns the distance of a ratio from 1, either way.
fn distance_from_one(pair: &ScenarioPair) -> f64 {
    pair.ratio.map_or(0.0, |ratio| ratio.median.ln().abs())
}
