//! A comparison in a sentence or two.

use super::{DifferenceOf, RunComparison, RunDifference, ScenarioPair, severity, wording};
use crate::diagnosis::{Confidence, Finding};
use crate::statistics::Interval;
use crate::summary::setting_name;
use crate::verdict::Comparison;

/// So many differences are named; more are counted.
const NAMED: usize = 4;

pub(super) fn of(comparison: &RunComparison) -> String {
    if !comparison.comparable {
        let parts = comparison.differences.iter().filter(|one| one.of == DifferenceOf::Fingerprint);
        return format!(
            "These runs cannot be compared: they differ in {}. Hosts and dataset must be the same.",
            named(&parts.collect::<Vec<_>>())
        );
    }
    // What changed comes first: that something else cannot be told is said in the numbers.
    let changed = |pair: &&ScenarioPair| matches!(pair.verdict, Comparison::Regressed | Comparison::Improved);
    let scenarios = &comparison.scenarios;
    let most = scenarios.iter().filter(changed).min_by(|one, other| {
        severity(one.verdict).cmp(&severity(other.verdict)).then(change(other).total_cmp(&change(one)))
    });
    let Some(headline) = most.or_else(|| scenarios.iter().min_by_key(|pair| severity(pair.verdict))) else {
        return "No scenario of run B belongs to one of run A.".to_owned();
    };
    let said = headline_of(comparison, headline) + &versions(comparison, headline);
    if scenarios.len() == 1 {
        return said;
    }
    let counts = [Comparison::Regressed, Comparison::Improved, Comparison::Equivalent, Comparison::Inconclusive];
    let counts = counts.into_iter().filter_map(|verdict| {
        let count = scenarios.iter().filter(|pair| pair.verdict == verdict).count();
        (count > 0).then(|| format!("{count} {}", verdict.name()))
    });
    format!("Of {} pairs of scenarios: {}. {said}", scenarios.len(), wording::list(&counts.collect::<Vec<_>>()))
}

fn headline_of(comparison: &RunComparison, pair: &ScenarioPair) -> String {
    let place = if comparison.scenarios.len() == 1 { String::new() } else { format!(" ({})", pair.name) };
    let instead: Vec<_> = pair
        .differences
        .iter()
        .map(|one| {
            let (a, b) = (wording::value(&one.a), wording::value(&one.b));
            format!("{} {b} instead of {a}", setting_name(&one.setting))
        })
        .collect();
    let with = if instead.is_empty() { String::new() } else { format!(" with {}", wording::list(&instead)) };
    let Some(ratio) = pair.ratio_between_runs else {
        let reason = pair.reason.clone().unwrap_or_else(|| "one of them transferred nothing".to_owned());
        return format!("Runs A and B{place} cannot be compared{with}: {reason}.");
    };
    let times = times(&ratio);
    match (pair.verdict, &pair.reason) {
        (Comparison::Improved, _) => {
            format!("Run B is {times} times as fast as run A{place}{with}{}", explained(comparison, pair, "A"))
        }
        (Comparison::Regressed, _) => {
            let why = explained(comparison, pair, "B");
            format!("Run B is slower, {times} times as fast as run A{place}{with}{why}")
        }
        (Comparison::Equivalent, _) => format!("Run B is as fast as run A{place}{with}: {times} times."),
        (Comparison::Inconclusive, Some(reason)) => {
            format!("Run B is {times} times as fast as run A{place}{with}, which proves nothing: {reason}.")
        }
        (Comparison::Inconclusive, None) => {
            let way_out = if pair.differences.is_empty() { "" } else { " Measured in one run, it can be told." };
            format!(
                "Run B is {times} times as fast as run A{place}{with}: with this much noise between runs that is \
                 inconclusive.{way_out}"
            )
        }
    }
}

/// The versions that differ, where they are not named already, as what explains a change.
fn versions(comparison: &RunComparison, pair: &ScenarioPair) -> String {
    let changed = matches!(pair.verdict, Comparison::Regressed | Comparison::Improved);
    let known = |one: &&RunDifference| !one.a.is_null() && !one.b.is_null();
    let differing = comparison.differences.iter().filter(|one| one.of == DifferenceOf::Versions);
    let differing: Vec<_> = differing.filter(known).collect();
    if differing.is_empty() || (changed && pair.because.is_empty()) {
        return String::new();
    }
    format!(" The runs differ in {}.", named(&differing))
}

/// What the diagnosis says of the slower run; or that it says nothing, and in what the runs differ.
fn explained(comparison: &RunComparison, pair: &ScenarioPair, slower: &str) -> String {
    let mut findings: Vec<&Finding> = pair.because.iter().collect();
    findings.sort_by_key(|finding| finding.confidence);
    if let [first, ..] = findings[..] {
        let noun = if first.confidence == Confidence::Possible { "a possible cause" } else { "the cause" };
        return format!("; the diagnosis of run {slower} names {noun}: {}.", first.rule.title());
    }
    let differences: Vec<_> = comparison.differences.iter().collect();
    if differences.is_empty() {
        return ". No rule of the diagnosis explains it, and the runs differ in nothing but their hosts and their time."
            .to_owned();
    }
    format!(". No rule of the diagnosis explains it; the runs differ in {}.", named(&differences))
}

/// `server Orthanc (1.12.2 instead of 1.10.1) and 2 more`
fn named(differences: &[&RunDifference]) -> String {
    let mut names: Vec<_> = differences
        .iter()
        .take(NAMED)
        .map(|one| format!("{} ({} instead of {})", one.name, wording::value(&one.b), wording::value(&one.a)))
        .collect();
    match differences.len().saturating_sub(NAMED) {
        0 => {}
        more => names.push(format!("{more} more")),
    }
    wording::list(&names)
}

/// How far a ratio is from 1, either way.
fn change(pair: &ScenarioPair) -> f64 {
    pair.ratio.map_or(0.0, |ratio| ratio.median.ln().abs())
}

/// `10.2 (8.9–11.7)`
fn times(ratio: &Interval) -> String {
    let decimals = match ratio.median {
        far if far >= 1.995 => 1,
        near if near >= 0.1 => 2,
        _ => 3,
    };
    format!("{:.decimals$} ({:.decimals$}–{:.decimals$})", ratio.median, ratio.low, ratio.high)
}
