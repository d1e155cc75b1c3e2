//! The input of the rules, and the merging of their cases in single scenarios into findings.

use std::net::IpAddr;

use serde_json::Value;

use crate::verdict::EQUIVALENCE_MARGIN;
use dicomperf_model::network::NetworkBaseline;
use dicomperf_model::request::{Arrival, Target};
use dicomperf_model::results::{Confidence, Evidence, Finding, Gain, Rule};
use dicomperf_model::results::{IterationSummary, ScenarioSummary, Summary};
use dicomperf_model::settings::Axis;
use dicomperf_model::statistics::{Interval, median};

/// Valid counted iterations that each side of a comparison needs to prove anything. Three iterations are all slower
/// than three others of the same kind by chance in one case of twenty.
const MIN_TO_PROVE: u32 = 3;
/// Scenarios whose evidence a finding shows, the clearest first.
const MAX_SHOWN: usize = 3;

/// The measured scenarios of a run.
pub(super) struct Measured<'a> {
    pub summary: &'a Summary,
}

/// The result of a rule in one scenario.
pub(super) struct Case {
    pub scenario: u32,
    pub confidence: Confidence,
    /// The rank among the cases of the rule: greater is clearer.
    pub weight: f64,
    pub evidence: Vec<Evidence>,
    /// The gain that the fix should bring in this scenario.
    pub gain: Option<Gain>,
}

/// The same scenario with one setting changed, as measured in this run.
pub(super) struct Variant<'a> {
    /// The scenario with the change.
    pub scenario: u32,
    /// The changed value; for the axis `orthanc` an object of the keys that differ.
    pub value: &'a Value,
    /// The unchanged value; for the axis `orthanc` an object of the keys that differ.
    pub own: &'a Value,
    /// Instances per second with the change over those without.
    pub ratio: Interval,
}

impl<'a> Measured<'a> {
    pub const fn new(summary: &'a Summary) -> Self {
        Self { summary }
    }

    /// Returns every scenario with a valid counted iteration.
    pub fn scenarios(&self) -> impl Iterator<Item = &'a ScenarioSummary> + use<'a> {
        self.summary.scenarios.iter().filter(|one| one.valid_iterations > 0 && one.latency_ms.is_some())
    }

    /// True if the run measures a server that it did not start, and whose host has no samples.
    pub const fn is_existing(&self) -> bool {
        self.summary.existing.is_some()
    }

    /// True if an existing server runs on the machine that sends to it.
    pub fn is_server_here(&self) -> bool {
        self.summary.existing.as_ref().is_some_and(|existing| {
            let address = existing.server.address.as_str();
            address == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        })
    }

    /// Returns the longest PDU that an existing server receives; `None` without a limit that is known. The limit of a server
    /// that the run starts is a setting of each block.
    pub fn server_max_pdu(&self) -> Option<u32> {
        self.summary.existing.as_ref()?;
        let announced = self.summary.negotiated.iter().filter_map(|one| one.answer.max_pdu);
        // 0 stands for no limit.
        announced.filter(|&limit| limit > 0).min()
    }

    /// Returns the measured scenarios whose target is not the sink, which is a yardstick and not under test.
    pub fn server_scenarios(&self) -> impl Iterator<Item = &'a ScenarioSummary> + use<'a> {
        self.scenarios().filter(|one| one.settings.target != Target::Sink)
    }

    /// Returns the measured scenarios whose target is an Orthanc that the run started.
    pub fn orthanc_scenarios(&self) -> impl Iterator<Item = &'a ScenarioSummary> + use<'a> {
        self.scenarios().filter(|one| one.settings.target == Target::Orthanc)
    }

    /// Returns the scenarios that differ from this one on one axis only, if both have enough iterations to prove
    /// anything.
    pub fn variants(&self, scenario: &ScenarioSummary, axis: Axis) -> Vec<Variant<'a>> {
        let number = scenario.number;
        let enough = |number| {
            let other = self.summary.scenarios.iter().find(|one| one.number == number);
            other.is_some_and(|one| one.valid_iterations >= MIN_TO_PROVE)
        };
        let comparisons = self.summary.comparisons.iter().filter(|one| one.difference.setting == axis);
        comparisons
            .filter(|one| enough(one.a) && enough(one.b))
            .filter_map(|one| {
                let (ratio, difference) = (one.ratio?, &one.difference);
                if one.a == number {
                    Some(Variant { scenario: one.b, value: &difference.b, own: &difference.a, ratio })
                } else if one.b == number {
                    let ratio = Interval { median: 1.0 / ratio.median, low: 1.0 / ratio.high, high: 1.0 / ratio.low };
                    Some(Variant { scenario: one.a, value: &difference.a, own: &difference.b, ratio })
                } else {
                    None
                }
            })
            .collect()
    }

    /// Returns the median rate of iperf3 before the block runs of a scenario, in bytes a second.
    pub fn network_bytes_per_second(&self, scenario: &ScenarioSummary) -> Option<f64> {
        let of_block = self.summary.network.iter().filter(|one| one.block == scenario.block);
        let rate = |baseline: &NetworkBaseline| baseline.to_server_bytes_per_second;
        median(&of_block.filter_map(|one| one.baseline.as_ref().map(rate)).collect::<Vec<_>>())
    }
}

impl Variant<'_> {
    /// True if the change made the scenario faster by more than [`EQUIVALENCE_MARGIN`].
    pub fn is_faster(&self) -> bool {
        self.ratio.low > 1.0 + EQUIVALENCE_MARGIN
    }

    /// Returns the gain of the change over the given scenario.
    pub fn gain(&self, scenario: u32) -> Gain {
        Gain {
            times: self.ratio.median,
            low: Some(self.ratio.low),
            high: Some(self.ratio.high),
            basis: format!("measured in this run: scenario {} against scenario {scenario}", self.scenario),
        }
    }

    /// Returns the ratio as evidence for the slower scenario.
    pub fn evidence(&self, scenario: u32, with: &str) -> Evidence {
        Evidence {
            scenario: Some(scenario),
            figure: format!("instances/s {with}, over those without"),
            value: self.ratio.median,
            unit: "times".to_owned(),
            limit: format!("the whole interval above {}", 1.0 + EQUIVALENCE_MARGIN),
        }
    }
}

/// Creates a piece of evidence: a figure of a scenario.
pub(super) fn evidence(scenario: u32, figure: &str, value: f64, unit: &str, limit: String) -> Evidence {
    Evidence { scenario: Some(scenario), figure: figure.to_owned(), value, unit: unit.to_owned(), limit }
}

/// Creates evidence in percent from a share of 0 to 1.
pub(super) fn share(scenario: u32, figure: &str, value: f64, limit: String) -> Evidence {
    evidence(scenario, figure, value * 100.0, "%", limit)
}

/// Returns `at least 80%` for the share 0.8.
pub(super) fn at_least(share: f64) -> String {
    format!("at least {:.0}%", share * 100.0)
}

/// Returns `at most 80%` for the share 0.8.
pub(super) fn at_most(share: f64) -> String {
    format!("at most {:.0}%", share * 100.0)
}

/// True if each instance is sent as soon as the one before it is answered. With open arrival a latency counts from the
/// time at which the instance was due, and so includes queueing.
pub(super) fn is_closed(scenario: &ScenarioSummary) -> bool {
    scenario.settings.arrival == Arrival::Closed
}

/// Returns the median of a figure over the iterations that count.
pub(super) fn median_of_iterations(
    scenario: &ScenarioSummary,
    figure: impl Fn(&IterationSummary) -> Option<f64>,
) -> Option<f64> {
    let counted = scenario.iterations.iter().filter(|iteration| iteration.counts());
    median(&counted.map(figure).collect::<Option<Vec<_>>>()?)
}

/// Returns the lanes of a scenario: the associations that are really open at once.
pub(super) fn lanes(scenario: &ScenarioSummary, summary: &Summary) -> f64 {
    f64::from(scenario.settings.associations.min(summary.dataset.instances).max(1))
}

/// Adds the figures that a run to an existing server does not have. A proof needs none of them.
pub(super) fn lacking(findings: Vec<Finding>, lacks: &str) -> Vec<Finding> {
    let lacks = |confidence| (confidence != Confidence::Proven).then(|| lacks.to_owned());
    findings.into_iter().map(|finding| Finding { lacks: lacks(finding.confidence), ..finding }).collect()
}

/// Makes one finding from all cases of the same confidence: it has all their scenarios, the evidence of the clearest
/// cases, and the gain of the clearest case that has one.
pub(super) fn findings(rule: Rule, cases: Vec<Case>, says: &str, fix: &str) -> Vec<Finding> {
    [Confidence::Proven, Confidence::Likely, Confidence::Possible]
        .into_iter()
        .filter_map(|confidence| {
            let mut cases: Vec<_> = cases.iter().filter(|case| case.confidence == confidence).collect();
            cases.sort_by(|a, b| b.weight.total_cmp(&a.weight));
            let mut scenarios: Vec<_> = cases.iter().map(|case| case.scenario).collect();
            scenarios.sort_unstable();
            (!cases.is_empty()).then(|| Finding {
                rule,
                confidence,
                scenarios,
                says: says.to_owned(),
                evidence: cases.iter().take(MAX_SHOWN).flat_map(|case| case.evidence.iter().cloned()).collect(),
                lacks: None,
                fix: fix.to_owned(),
                gain: cases.iter().find_map(|case| case.gain.clone()),
            })
        })
        .collect()
}
