//! Rules for the course of a scenario over time: within its iterations, and from one iteration to the next.

use std::cmp::Ordering;

use super::measured::{Case, Measured, at_least, evidence, findings, is_closed, lacking, median_of_iterations, share};
use dicomperf_model::results::{Confidence, Finding, Gain, Rule};
use dicomperf_model::results::{LatencyBucket, ScenarioSummary};

/// Latency grows if the last quarter's median is at least this factor above the first quarter's. A single disturbance
/// in the middle of an iteration changes a median by less.
const MIN_GROWTH_FACTOR: f64 = 1.25;
/// Instances that an iteration needs before the rule looks for a trend.
const MIN_INSTANCES: u32 = 100;
/// Stretches that an iteration needs before the rule looks for a trend. One disturbance would cover most of fewer ones.
const MIN_STRETCHES: usize = 9;
/// Medians rise steadily if the later stretch is the slower one in at least this share of all pairs of stretches
/// (Kendall's tau of 0.7; Mann, Nonparametric tests against trend, Econometrica 13, 1945). Chance gives half of the
/// pairs, and 9 stretches reach this share once in 200. A CPU and a disk that other programs used reached 75%
/// (docs/diagnosis.md).
const MIN_RISING_SHARE: f64 = 0.85;
/// The environment is noisy from this spread of iterations on (1.4826 MAD / median, which estimates a standard
/// deviation): a change of a tenth is then within the spread. With a spread of 5%, 88% of such changes are found
/// (docs/results.md).
const MIN_SPREAD: f64 = 0.10;
/// The factor that turns a MAD into an estimate of the standard deviation.
const STANDARD_DEVIATIONS_PER_MAD: f64 = 1.4826;
/// An outlier counts here from this relative distance to the median on. A nearer one may be an outlier only because the
/// other iterations agree very well.
const MIN_OUTLIER_DISTANCE: f64 = 0.20;
/// The environment is noisy from this number of such outliers on: a single one may be chance.
const MIN_OUTLIERS: usize = 2;
/// Iterations that outliers and a meaningful spread need ([`dicomperf_model::statistics::MIN_FOR_OUTLIERS`]).
const MIN_ITERATIONS: u32 = 5;
/// Other programs disturb from this share of a host's CPUs on, which the sender and the server could have used.
const MIN_OTHERS_SHARE: f64 = 0.25;

pub(super) fn find(measured: &Measured<'_>) -> Vec<Finding> {
    let fills = measured.scenarios().filter_map(slower_as_it_fills).collect();
    let noisy = measured.scenarios().filter_map(|one| noisy_environment(measured, one)).collect();
    let differ = "Iterations of the same scenario differ so much that a change of a tenth cannot be told from noise.";
    let (mut found, noise) = if measured.is_existing() {
        let found = findings(
            Rule::SlowerAsItFills,
            fills,
            "A C-STORE takes longer from the first instance of an iteration to its last. Nothing was deleted between the \
             iterations, so the cause is in what each of them begins anew: its studies, its associations, a queue.",
            "Look for work that grows with the instances of a study or of an association, and for a queue or a cache that \
             fills while the server receives.",
        );
        let noise = findings(
            Rule::NoisyEnvironment,
            noisy,
            differ,
            "More iterations; a time at which the server, the network and this machine have nothing else to do.",
        );
        (found, lacking(noise, "The load of the server: other clients may use it at the same time."))
    } else {
        let found = findings(
            Rule::SlowerAsItFills,
            fills,
            "A C-STORE takes longer the more instances the server holds already, from the first of an iteration to its last.",
            "Look for what grows with what is stored: the database (Orthanc's SQLite has its limits, and the Book advises \
             PostgreSQL for large archives: https://orthanc.uclouvain.be/book/faq/scalability.html), a directory, a cache. \
             Measure with as many instances as the server will hold.",
        );
        let fix = "More iterations and rounds; dedicated hosts that are not burstable and run nothing else.";
        (found, findings(Rule::NoisyEnvironment, noisy, differ, fix))
    };
    found.extend(noise);
    found
}

/// Returns the number of instances up to which no scenario got slower as the server filled; `None` where the diagnosis
/// found growth, or no iteration is long enough to look for it.
pub(super) fn instances_without_growth(measured: &Measured<'_>) -> Option<u32> {
    let long_enough =
        |one: &&ScenarioSummary| is_closed(one) && one.growth.is_some_and(|growth| growth.instances >= MIN_INSTANCES);
    let scenarios: Vec<_> = measured.scenarios().filter(long_enough).collect();
    let grows = scenarios.iter().any(|one| slower_as_it_fills(one).is_some());
    let instances = scenarios.iter().filter_map(|one| Some(one.growth?.instances)).max();
    instances.filter(|_| !grows)
}

fn slower_as_it_fills(scenario: &ScenarioSummary) -> Option<Case> {
    let (number, growth) = (scenario.number, scenario.growth?);
    if !is_closed(scenario) || growth.instances < MIN_INSTANCES || growth.first_quarter_p50_ms <= 0.0 {
        return None;
    }
    let grows = growth.last_quarter_p50_ms / growth.first_quarter_p50_ms;
    let rising = rising_share(&scenario.latency_over_time)?;
    // A trend in a single iteration may be a disturbance, not a property of the server.
    if grows < MIN_GROWTH_FACTOR
        || rising < MIN_RISING_SHARE
        || growth.ms_per_thousand <= 0.0
        || scenario.valid_iterations < 2
    {
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
                format!("at least {MIN_GROWTH_FACTOR}"),
            ),
            evidence(
                number,
                "time that a thousand instances add to a C-STORE",
                growth.ms_per_thousand,
                "ms",
                "above 0".to_owned(),
            ),
            share(number, "pairs of stretches in which the later one is slower", rising, at_least(MIN_RISING_SHARE)),
        ],
        gain: Some(Gain {
            times: mean_ms / growth.first_quarter_p50_ms,
            low: None,
            high: None,
            basis: format!("computed: all {} instances as fast as the first quarter", growth.instances),
        }),
    })
}

/// Returns the share of all pairs of stretches in which the later one is slower. A pair of equal medians counts half.
fn rising_share(stretches: &[LatencyBucket]) -> Option<f64> {
    if stretches.len() < MIN_STRETCHES {
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

fn noisy_environment(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let number = scenario.number;
    let rate = scenario.instances_per_second?.median;
    if scenario.valid_iterations < MIN_ITERATIONS || rate <= 0.0 {
        return None;
    }
    let spread = scenario.instances_per_second_mad? * STANDARD_DEVIATIONS_PER_MAD / rate;
    let far = |one: f64| (one / rate - 1.0).abs() >= MIN_OUTLIER_DISTANCE;
    let outliers = scenario.iterations.iter().filter(|one| one.counts() && one.outlier);
    let outliers = outliers.filter(|one| one.instances_per_second.is_some_and(far)).count();
    if spread < MIN_SPREAD && outliers < MIN_OUTLIERS {
        return None;
    }
    let count = f64::from(u32::try_from(outliers).unwrap_or(u32::MAX));
    let mut evidences = vec![
        share(number, "spread of the iterations (1.4826 MAD / median)", spread, at_least(MIN_SPREAD)),
        evidence(number, "outliers 20% or more from the median", count, "", format!("at least {MIN_OUTLIERS}")),
    ];
    // A server on this machine counts as another program, and is not the disturbance.
    let others = cpu_share_of_others(scenario).filter(|_| !measured.is_server_here());
    if let Some(others) = others {
        evidences.push(share(
            number,
            "CPUs of the client that other programs used",
            others,
            at_least(MIN_OTHERS_SHARE),
        ));
    }
    let confidence =
        if others.is_some_and(|share| share >= MIN_OTHERS_SHARE) { Confidence::Likely } else { Confidence::Possible };
    Some(Case { scenario: number, confidence, weight: spread, evidence: evidences, gain: None })
}

/// Returns the share of the client's CPUs that other programs used: neither the sender nor an Orthanc on the same host.
fn cpu_share_of_others(scenario: &ScenarioSummary) -> Option<f64> {
    let used = scenario.resources.client.as_ref()?;
    let sender = median_of_iterations(scenario, |one| Some(one.sender_cpu_ms? / one.duration_ms.max(1.0)))?;
    let cpus = f64::from(used.cpus.max(1));
    // In the lab both hosts are the same machine.
    let orthanc = used.orthanc.map_or(0.0, |orthanc| orthanc.cpu_cores);
    Some((used.cpu.user + used.cpu.system - (sender + orthanc) / cpus).max(0.0))
}
