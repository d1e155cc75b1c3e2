//! How a scenario went over time: within its iterations, and from one to the next.

use std::cmp::Ordering;

use super::measured::{Case, Measured, at_least, closed, evidence, findings, of_iterations, share};
use super::{Confidence, Finding, Gain, Rule};
use crate::summary::{LatencyBucket, ScenarioSummary};

/// From this ratio of the last quarter's median to the first quarter's on: a quarter more is beyond what a single
/// disturbance in the middle of an iteration does to a median.
const GROWS: f64 = 1.25;
/// Instances of an iteration, from which on a trend is looked for.
const LEAST_INSTANCES: u32 = 100;
/// Stretches of an iteration, from which on a trend is looked for: with fewer, one disturbance is most of them.
const LEAST_STRETCHES: usize = 9;
/// Of every two stretches of an iteration, the share in which the later one is slower, from which on medians rise steadily
/// (Kendall's tau of 0.7; Mann, Nonparametric tests against trend, Econometrica 13, 1945). Chance gives half of them, and 9
/// stretches reach this once in 200. A CPU and a disk that others used reached 75% (docs/diagnosis.md).
const RISING: f64 = 0.85;
/// From this spread of iterations on (1.4826 MAD / median, which estimates a standard deviation), a change of a tenth is
/// within the spread itself. With 5%, 88% of such changes are found (docs/results.md).
const SPREAD: f64 = 0.10;
/// Makes a MAD comparable with a standard deviation.
const NORMAL: f64 = 1.4826;
/// An outlier this far from the median disturbs; a nearer one is marked where the others agree very well.
const FAR: f64 = 0.20;
/// Outliers as far as that, from which on the environment is noisy: one may be chance.
const OUTLIERS: usize = 2;
/// With fewer iterations there are no outliers and no spread to speak of ([`crate::statistics::LEAST_FOR_OUTLIERS`]).
const LEAST_ITERATIONS: u32 = 5;
/// From this share of a host's CPUs on, other programs take what sender and server could have had.
const OTHERS: f64 = 0.25;

pub(super) fn find(measured: &Measured<'_>) -> Vec<Finding> {
    let mut found = findings(
        Rule::SlowerAsItFills,
        measured.scenarios().filter_map(slower_as_it_fills).collect(),
        "A C-STORE takes longer the more instances the server holds already, from the first of an iteration to its last.",
        "Look for what grows with what is stored: the database (Orthanc's SQLite has its limits, and the Book advises \
         PostgreSQL for large archives: https://orthanc.uclouvain.be/book/faq/scalability.html), a directory, a cache. \
         Measure with as many instances as the server will hold.",
    );
    found.extend(findings(
        Rule::NoisyEnvironment,
        measured.scenarios().filter_map(noisy).collect(),
        "Iterations of the same scenario differ so much that a change of a tenth cannot be told from noise.",
        "More iterations and rounds; hosts of their own, that are not burstable; nothing else on them meanwhile.",
    ));
    found
}

fn slower_as_it_fills(scenario: &ScenarioSummary) -> Option<Case> {
    let (number, growth) = (scenario.scenario, scenario.growth?);
    if !closed(scenario) || growth.instances < LEAST_INSTANCES || growth.first_quarter_p50_ms <= 0.0 {
        return None;
    }
    let grows = growth.last_quarter_p50_ms / growth.first_quarter_p50_ms;
    let rising = rising(&scenario.latency_over_time)?;
    // What disturbs one iteration is no property of the server.
    if grows < GROWS || rising < RISING || growth.ms_per_thousand <= 0.0 || scenario.valid_iterations < 2 {
        return None;
    }
    let mean_ms = f64::midpoint(growth.first_quarter_p50_ms, growth.last_quarter_p50_ms);
    Some(Case {
        scenario: number,
        confidence: Confidence::Likely,
        weight: grows,
        evidence: vec![
            evidence(
                number,
                "median C-STORE of the last quarter over that of the first",
                grows,
                "times",
                format!("at least {GROWS}"),
            ),
            evidence(
                number,
                "what a thousand instances add to a C-STORE",
                growth.ms_per_thousand,
                "ms",
                "above 0".to_owned(),
            ),
            share(number, "stretches of which the later one is slower, of every two", rising, at_least(RISING)),
        ],
        gain: Some(Gain {
            times: mean_ms / growth.first_quarter_p50_ms,
            low: None,
            high: None,
            basis: format!("computed: all {} instances as fast as the first quarter", growth.instances),
        }),
    })
}

/// Of every two stretches the share in which the later one is slower; as many that are alike count half.
fn rising(stretches: &[LatencyBucket]) -> Option<f64> {
    if stretches.len() < LEAST_STRETCHES {
        return None;
    }
    let (mut rising, mut pairs) = (0.0, 0.0);
    for (position, earlier) in stretches.iter().enumerate() {
        for later in &stretches[position + 1..] {
            pairs += 1.0;
            match later.p50_ms.total_cmp(&earlier.p50_ms) {
                Ordering::Greater => rising += 1.0,
                Ordering::Equal => rising += 0.5,
                Ordering::Less => {}
            }
        }
    }
    Some(rising / pairs)
}

fn noisy(scenario: &ScenarioSummary) -> Option<Case> {
    let number = scenario.scenario;
    let rate = scenario.instances_per_second?.median;
    if scenario.valid_iterations < LEAST_ITERATIONS || rate <= 0.0 {
        return None;
    }
    let spread = scenario.instances_per_second_mad? * NORMAL / rate;
    let far = |one: f64| (one / rate - 1.0).abs() >= FAR;
    let outliers = scenario.iterations.iter().filter(|one| one.counts() && one.outlier);
    let outliers = outliers.filter(|one| one.instances_per_second.is_some_and(far)).count();
    if spread < SPREAD && outliers < OUTLIERS {
        return None;
    }
    let count = f64::from(u32::try_from(outliers).unwrap_or(u32::MAX));
    let mut evidences = vec![
        share(number, "spread of the iterations (1.4826 MAD / median)", spread, at_least(SPREAD)),
        evidence(number, "outliers 20% or more from the median", count, "", format!("at least {OUTLIERS}")),
    ];
    let others = others(scenario);
    if let Some(others) = others {
        evidences.push(share(number, "CPUs of the client that other programs used", others, at_least(OTHERS)));
    }
    let confidence =
        if others.is_some_and(|share| share >= OTHERS) { Confidence::Likely } else { Confidence::Possible };
    Some(Case { scenario: number, confidence, weight: spread, evidence: evidences, gain: None })
}

/// The share of the client's CPUs that neither the sender nor an Orthanc beside it used.
fn others(scenario: &ScenarioSummary) -> Option<f64> {
    let used = scenario.resources.client.as_ref()?;
    let sender = of_iterations(scenario, |one| Some(one.sender_cpu_ms? / one.duration_ms.max(1.0)))?;
    let cpus = f64::from(used.cpus.max(1));
    // In the lab both hosts are one machine.
    let orthanc = used.orthanc.map_or(0.0, |orthanc| orthanc.cpu_cores);
    Some((used.cpu.user + used.cpu.system - (sender + orthanc) / cpus).max(0.0))
}
