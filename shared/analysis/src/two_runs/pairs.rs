//! The pairing of the scenarios of two runs, and the comparison of each pair.

use dicomperf_model::results::{Change, Finding, Rule, ScenarioPair, ScenarioSummary, Summary};
use dicomperf_model::settings::{self, Settings};
use dicomperf_model::statistics::{Bootstrap, MIN_ITERATIONS};

use super::noise::Spread;
use crate::verdict::judge_ratio;

/// The pairs of scenarios of two runs, and the scenarios without a partner.
pub(super) struct Pairing {
    /// The positions of both scenarios in their runs' lists.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Numbers of the scenarios of run a without a partner.
    pub(super) only_in_a: Vec<u32>,
    /// Numbers of the scenarios of run b without a partner.
    pub(super) only_in_b: Vec<u32>,
}

/// Pairs scenarios with the same settings. The remaining scenarios are paired when each is the other's only nearest
/// match, counted in settings that differ. Probes are left out, because the request did not ask for them.
pub(super) fn pair(a: &[ScenarioSummary], b: &[ScenarioSummary]) -> Pairing {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (place, one) in a.iter().enumerate().filter(|(_, one)| !one.probe) {
        let taken = |other: usize| pairs.iter().any(|(_, b)| *b == other);
        let same =
            b.iter().enumerate().position(|(other, it)| !it.probe && it.settings == one.settings && !taken(other));
        pairs.extend(same.map(|other| (place, other)));
    }
    let rest = |all: &[ScenarioSummary], paired: Vec<usize>| -> Vec<usize> {
        (0..all.len()).filter(|place| !all[*place].probe && !paired.contains(place)).collect()
    };
    let rest_of_a = rest(a, pairs.iter().map(|(a, _)| *a).collect());
    let rest_of_b = rest(b, pairs.iter().map(|(_, b)| *b).collect());
    let distance = |one: usize, other: usize| settings::differences(&a[one].settings, &b[other].settings).len();
    for &one in &rest_of_a {
        let nearest = only_least(&rest_of_b, |other| distance(one, other));
        let back = nearest.and_then(|other| only_least(&rest_of_a, |one| distance(one, other)));
        if let Some(other) = nearest.filter(|_| back == Some(one)) {
            pairs.push((one, other));
        }
    }
    pairs.sort_unstable();
    let alone = |all: &[ScenarioSummary], paired: &dyn Fn(usize) -> bool| -> Vec<u32> {
        (0..all.len()).filter(|&place| !all[place].probe && !paired(place)).map(|place| all[place].number).collect()
    };
    Pairing {
        only_in_a: alone(a, &|place| pairs.iter().any(|(a, _)| *a == place)),
        only_in_b: alone(b, &|place| pairs.iter().any(|(_, b)| *b == place)),
        pairs,
    }
}

/// Returns the position with the smallest distance, if there is only one.
fn only_least(places: &[usize], distance: impl Fn(usize) -> usize) -> Option<usize> {
    let least = places.iter().map(|place| distance(*place)).min()?;
    let mut least = places.iter().filter(|place| distance(**place) == least);
    least.next().copied().filter(|_| least.next().is_none())
}

/// Compares the scenarios of each pair.
pub(super) fn judge(a: &Summary, b: &Summary, pairs: &[(usize, usize)], spread: Spread) -> Vec<ScenarioPair> {
    let names = pair_names(a, b, pairs);
    pairs.iter().zip(names).map(|(&(one, other), name)| judge_pair((a, one), (b, other), name, spread)).collect()
}

fn judge_pair(
    (a_run, a): (&Summary, usize),
    (b_run, b): (&Summary, usize),
    name: String,
    spread: Spread,
) -> ScenarioPair {
    let (a, b) = (&a_run.scenarios[a], &b_run.scenarios[b]);
    // Two samples that are compared have different streams.
    let resampled = |of: &ScenarioSummary, side: u64| Bootstrap::new(&rates(of), 2 * u64::from(of.number) + side);
    let ratio = match (resampled(a, 0), resampled(b, 1)) {
        (Some(a), Some(b)) => b.ratio_to(&a),
        _ => None,
    };
    let between_runs = ratio.map(|ratio| spread.between(&ratio));
    let reason = too_few("A", a).or_else(|| too_few("B", b));
    let verdict = match (&between_runs, &reason) {
        (Some(ratio), None) => judge_ratio(ratio),
        _ => Change::Inconclusive,
    };
    let because = match verdict {
        Change::Improved => explaining_findings((a_run, a), (b_run, b)),
        Change::Regressed => explaining_findings((b_run, b), (a_run, a)),
        Change::Equivalent | Change::Inconclusive => Vec::new(),
    };
    ScenarioPair {
        a: a.number,
        b: b.number,
        name,
        differences: settings::differences(&a.settings, &b.settings),
        a_instances_per_second: a.instances_per_second,
        b_instances_per_second: b.instances_per_second,
        a_latency_ms: a.latency_ms,
        b_latency_ms: b.latency_ms,
        ratio,
        ratio_between_runs: between_runs,
        verdict,
        reason,
        because,
    }
}

/// Returns the instances per second of the iterations that count.
fn rates(scenario: &ScenarioSummary) -> Vec<f64> {
    let counted = scenario.iterations.iter().filter(|iteration| iteration.counts());
    counted.filter_map(|iteration| iteration.instances_per_second).collect()
}

fn too_few(run: &str, scenario: &ScenarioSummary) -> Option<String> {
    let valid = rates(scenario).len();
    (valid < MIN_ITERATIONS).then(|| {
        format!(
            "scenario {} of run {run} has {valid} valid iterations, and {MIN_ITERATIONS} are needed",
            scenario.number
        )
    })
}

/// Returns the findings of the slower scenario whose rules found nothing in the faster one.
fn explaining_findings(slower: (&Summary, &ScenarioSummary), faster: (&Summary, &ScenarioSummary)) -> Vec<Finding> {
    let known: Vec<_> = findings_of(faster).map(|finding| finding.rule).collect();
    // Noise may hide a difference, but does not explain one.
    let tells = |finding: &&Finding| finding.rule != Rule::NoisyEnvironment && !known.contains(&finding.rule);
    findings_of(slower).filter(tells).cloned().collect()
}

fn findings_of<'a>((run, scenario): (&'a Summary, &'a ScenarioSummary)) -> impl Iterator<Item = &'a Finding> {
    let number = scenario.number;
    run.diagnosis.iter().filter(move |finding| finding.scenarios.is_empty() || finding.scenarios.contains(&number))
}

/// Names each pair by the settings that both scenarios share and that vary from pair to pair. A name that is empty or
/// not unique is replaced by the scenarios' numbers.
fn pair_names(a: &Summary, b: &Summary, pairs: &[(usize, usize)]) -> Vec<String> {
    let settings: Vec<_> =
        pairs.iter().map(|(one, other)| (&a.scenarios[*one].settings, &b.scenarios[*other].settings)).collect();
    let of_b: Vec<&Settings> = settings.iter().map(|(_, b)| *b).collect();
    let (varying, common) = (settings::varying_axes(&of_b), settings::common_keys(&of_b));
    let described: Vec<_> = settings
        .iter()
        .map(|(a, b)| {
            let shared = varying.iter().filter(|axis| axis.value(a) == axis.value(b));
            shared.map(|axis| format!("{} {}", axis.label(), axis.words(b, &common))).collect::<Vec<_>>().join(", ")
        })
        .collect();
    let numbers = pairs.iter().map(|(one, other)| (a.scenarios[*one].number, b.scenarios[*other].number));
    let unique = |name: &String| !name.is_empty() && described.iter().filter(|other| *other == name).count() == 1;
    described
        .iter()
        .zip(numbers)
        .map(|(name, numbers)| match numbers {
            _ if unique(name) => name.clone(),
            (a, b) if a == b => format!("scenario {a}"),
            (a, b) => format!("scenario {a} of run A, {b} of run B"),
        })
        .collect()
}
