//! Which scenarios of two runs belong together, and how those compare.

use serde_json::{Map, Value};

use super::noise::Spread;
use super::{ScenarioPair, wording};
use crate::diagnosis::{Finding, Rule};
use crate::statistics::Bootstrap;
use crate::summary::{SETTINGS, ScenarioSummary, Summary, setting_differences, setting_fields, setting_name};
use crate::verdict::{Comparison, LEAST_ITERATIONS};

/// Which scenarios belong together.
pub(super) struct Pairing {
    /// Their places in either run's list.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Numbers of those of a without a partner.
    pub(super) only_in_a: Vec<u32>,
    /// Numbers of those of b without a partner.
    pub(super) only_in_b: Vec<u32>,
}

/// Pairs what has the same settings; of the rest, what differs in the fewest settings, where either is the only one so
/// near to the other. What a run measured as a probe is not what was asked for, and has no partner.
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
    let fields = |all: &[ScenarioSummary]| -> Vec<_> { all.iter().map(|one| setting_fields(&one.settings)).collect() };
    let (a_fields, b_fields) = (fields(a), fields(b));
    let distance = |a: usize, b: usize| setting_differences(&a_fields[a], &b_fields[b]).len();
    for &one in &rest_of_a {
        let nearest = only_least(&rest_of_b, |other| distance(one, other));
        let back = nearest.and_then(|other| only_least(&rest_of_a, |one| distance(one, other)));
        if let Some(other) = nearest.filter(|_| back == Some(one)) {
            pairs.push((one, other));
        }
    }
    pairs.sort_unstable();
    let alone = |all: &[ScenarioSummary], paired: &dyn Fn(usize) -> bool| -> Vec<u32> {
        (0..all.len()).filter(|&place| !all[place].probe && !paired(place)).map(|place| all[place].scenario).collect()
    };
    Pairing {
        only_in_a: alone(a, &|place| pairs.iter().any(|(a, _)| *a == place)),
        only_in_b: alone(b, &|place| pairs.iter().any(|(_, b)| *b == place)),
        pairs,
    }
}

/// The place with the least distance, if there is one only.
fn only_least(places: &[usize], distance: impl Fn(usize) -> usize) -> Option<usize> {
    let least = places.iter().map(|place| distance(*place)).min()?;
    let mut least = places.iter().filter(|place| distance(**place) == least);
    least.next().copied().filter(|_| least.next().is_none())
}

/// Compares the scenarios of each pair.
pub(super) fn judge(a: &Summary, b: &Summary, pairs: &[(usize, usize)], spread: Spread) -> Vec<ScenarioPair> {
    let names = names(a, b, pairs);
    pairs.iter().zip(names).map(|(&(one, other), name)| judge_one((a, one), (b, other), name, spread)).collect()
}

fn judge_one(
    (a_run, a): (&Summary, usize),
    (b_run, b): (&Summary, usize),
    name: String,
    spread: Spread,
) -> ScenarioPair {
    let (a, b) = (&a_run.scenarios[a], &b_run.scenarios[b]);
    // Two samples that are compared have different streams.
    let resampled = |of: &ScenarioSummary, side: u64| Bootstrap::new(&rates(of), 2 * u64::from(of.scenario) + side);
    let ratio = match (resampled(a, 0), resampled(b, 1)) {
        (Some(a), Some(b)) => b.ratio_to(&a),
        _ => None,
    };
    let between_runs = ratio.map(|ratio| spread.between(&ratio));
    let reason = too_few("A", a).or_else(|| too_few("B", b));
    let verdict = match (&between_runs, &reason) {
        (Some(ratio), None) => Comparison::of_ratio(ratio),
        _ => Comparison::Inconclusive,
    };
    let because = match verdict {
        Comparison::Improved => explained((a_run, a), (b_run, b)),
        Comparison::Regressed => explained((b_run, b), (a_run, a)),
        Comparison::Equivalent | Comparison::Inconclusive => Vec::new(),
    };
    ScenarioPair {
        a: a.scenario,
        b: b.scenario,
        name,
        differences: setting_differences(&setting_fields(&a.settings), &setting_fields(&b.settings)),
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

/// The iterations that count.
fn rates(scenario: &ScenarioSummary) -> Vec<f64> {
    let counted = scenario.iterations.iter().filter(|iteration| iteration.counts());
    counted.filter_map(|iteration| iteration.instances_per_second).collect()
}

fn too_few(run: &str, scenario: &ScenarioSummary) -> Option<String> {
    let valid = rates(scenario).len();
    (valid < LEAST_ITERATIONS).then(|| {
        format!(
            "scenario {} of run {run} has {valid} valid iterations, and {LEAST_ITERATIONS} are needed",
            scenario.scenario
        )
    })
}

/// What the diagnosis finds in the slower scenario, and not in the faster.
fn explained(slower: (&Summary, &ScenarioSummary), faster: (&Summary, &ScenarioSummary)) -> Vec<Finding> {
    let known: Vec<_> = found(faster).map(|finding| finding.rule).collect();
    // Noise hides a difference, and makes none.
    let tells = |finding: &&Finding| finding.rule != Rule::NoisyEnvironment && !known.contains(&finding.rule);
    found(slower).filter(tells).cloned().collect()
}

fn found<'a>((run, scenario): (&'a Summary, &'a ScenarioSummary)) -> impl Iterator<Item = &'a Finding> {
    let number = scenario.scenario;
    run.diagnosis.iter().filter(move |finding| finding.scenarios.is_empty() || finding.scenarios.contains(&number))
}

/// What the pairs are called: by the settings that their scenarios share and that vary from pair to pair; where that does
/// not tell a pair from the others, by the scenarios' numbers.
fn names(a: &Summary, b: &Summary, pairs: &[(usize, usize)]) -> Vec<String> {
    let fields: Vec<_> = pairs
        .iter()
        .map(|(one, other)| {
            (setting_fields(&a.scenarios[*one].settings), setting_fields(&b.scenarios[*other].settings))
        })
        .collect();
    let varying: Vec<_> = SETTINGS
        .iter()
        .map(|(key, _)| *key)
        .filter(|key| fields.windows(2).any(|two| two[0].1.get(*key) != two[1].1.get(*key)))
        .collect();
    let common = |key: &String, value: &Value| fields.iter().all(|(_, b)| b["orthanc"].get(key) == Some(value));
    let described: Vec<_> = fields
        .iter()
        .map(|(a, b)| {
            let shared = varying.iter().filter(|key| a.get(**key) == b.get(**key));
            let described = shared.map(|key| match &b[*key] {
                Value::Object(entries) if *key == "orthanc" => {
                    let own: Map<_, _> =
                        entries.clone().into_iter().filter(|(key, value)| !common(key, value)).collect();
                    format!("{} {}", setting_name(key), wording::value(&Value::Object(own)))
                }
                value => format!("{} {}", setting_name(key), wording::value(value)),
            });
            described.collect::<Vec<_>>().join(", ")
        })
        .collect();
    let numbers = pairs.iter().map(|(one, other)| (a.scenarios[*one].scenario, b.scenarios[*other].scenario));
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
