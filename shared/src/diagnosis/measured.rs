//! What rules look at, and how what they find in single scenarios becomes findings.

use serde_json::Value;

use super::{Confidence, Evidence, Finding, Gain, Rule};
use crate::network::NetworkBaseline;
use crate::request::{Arrival, Target};
use crate::statistics::{Interval, median};
use crate::summary::{IterationSummary, ScenarioSummary, Summary};
use crate::verdict::EQUIVALENCE_MARGIN;

/// Valid counted iterations that each side of a comparison needs before it proves anything: that three are all slower than
/// three others of the same kind happens by chance in one case of twenty.
const LEAST_TO_PROVE: u32 = 3;
/// Scenarios whose evidence is shown, the clearest ones.
const SHOWN: usize = 3;

/// The scenarios of a run that have figures.
pub(super) struct Measured<'a> {
    /// The run.
    pub summary: &'a Summary,
}

/// What a rule found in one scenario.
pub(super) struct Case {
    /// The scenario.
    pub scenario: u32,
    /// How sure it is.
    pub confidence: Confidence,
    /// How clear it is among the cases of its rule: greater is clearer.
    pub weight: f64,
    /// The figures.
    pub evidence: Vec<Evidence>,
    /// What the fix should gain there.
    pub gain: Option<Gain>,
}

/// What this run measured of the same scenario with one setting changed.
pub(super) struct Changed<'a> {
    /// The scenario with the change.
    pub scenario: u32,
    /// The setting there; of `orthanc` the keys that differ.
    pub value: &'a Value,
    /// The setting here; of `orthanc` the keys that differ.
    pub own: &'a Value,
    /// Instances per second with the change over those without.
    pub ratio: Interval,
}

impl<'a> Measured<'a> {
    pub const fn of(summary: &'a Summary) -> Self {
        Self { summary }
    }

    /// Every scenario with a valid counted iteration.
    pub fn scenarios(&self) -> impl Iterator<Item = &'a ScenarioSummary> + use<'a> {
        self.summary.scenarios.iter().filter(|one| one.valid_iterations > 0 && one.latency_ms.is_some())
    }

    /// Those of them whose target is Orthanc.
    pub fn of_orthanc(&self) -> impl Iterator<Item = &'a ScenarioSummary> + use<'a> {
        self.scenarios().filter(|one| one.settings.target == Target::Orthanc)
    }

    /// The same scenario with another value of one setting, wherever both sides have enough iterations to prove anything.
    pub fn changed(&self, scenario: &ScenarioSummary, setting: &str) -> Vec<Changed<'a>> {
        let number = scenario.scenario;
        let enough = |number| {
            let other = self.summary.scenarios.iter().find(|one| one.scenario == number);
            other.is_some_and(|one| one.valid_iterations >= LEAST_TO_PROVE)
        };
        let comparisons = self.summary.comparisons.iter().filter(|one| one.difference.setting == setting);
        comparisons
            .filter(|one| enough(one.a) && enough(one.b))
            .filter_map(|one| {
                let (ratio, difference) = (one.ratio?, &one.difference);
                if one.a == number {
                    Some(Changed { scenario: one.b, value: &difference.b, own: &difference.a, ratio })
                } else if one.b == number {
                    let ratio = Interval { median: 1.0 / ratio.median, low: 1.0 / ratio.high, high: 1.0 / ratio.low };
                    Some(Changed { scenario: one.a, value: &difference.a, own: &difference.b, ratio })
                } else {
                    None
                }
            })
            .collect()
    }

    /// What the network could do by itself before the block runs of a scenario: the median, in bytes a second.
    pub fn network_bytes_per_second(&self, scenario: &ScenarioSummary) -> Option<f64> {
        let of_block = self.summary.network.iter().filter(|one| one.block == scenario.block);
        let rate = |baseline: &NetworkBaseline| baseline.to_server_bytes_per_second;
        median(&of_block.filter_map(|one| one.baseline.as_ref().map(rate)).collect::<Vec<_>>())
    }
}

impl Changed<'_> {
    /// Whether the change made it faster, by more than counts as none.
    pub fn is_faster(&self) -> bool {
        self.ratio.low > 1.0 + EQUIVALENCE_MARGIN
    }

    /// What it gained.
    pub fn gain(&self, scenario: u32) -> Gain {
        Gain {
            times: self.ratio.median,
            low: Some(self.ratio.low),
            high: Some(self.ratio.high),
            basis: format!("measured in this run: scenario {} against scenario {scenario}", self.scenario),
        }
    }

    /// The ratio, as evidence of the slower scenario.
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

/// A figure of a scenario.
pub(super) fn evidence(scenario: u32, figure: &str, value: f64, unit: &str, limit: String) -> Evidence {
    Evidence { scenario: Some(scenario), figure: figure.to_owned(), value, unit: unit.to_owned(), limit }
}

/// A share of 0 to 1 as a figure of a scenario, in percent.
pub(super) fn share(scenario: u32, figure: &str, value: f64, limit: String) -> Evidence {
    evidence(scenario, figure, value * 100.0, "%", limit)
}

/// `at least 80%`, of a share of 0 to 1.
pub(super) fn at_least(share: f64) -> String {
    format!("at least {:.0}%", share * 100.0)
}

/// `at most 80%`, of a share of 0 to 1.
pub(super) fn at_most(share: f64) -> String {
    format!("at most {:.0}%", share * 100.0)
}

/// Whether each instance is sent as soon as the one before it is answered. Where instances arrive at a rate, a time counts
/// from when an instance was due, and has the queue in it.
pub(super) fn closed(scenario: &ScenarioSummary) -> bool {
    scenario.settings.arrival == Arrival::Closed
}

/// The median of a figure of the iterations that count.
pub(super) fn of_iterations(
    scenario: &ScenarioSummary,
    figure: impl Fn(&IterationSummary) -> Option<f64>,
) -> Option<f64> {
    let counted = scenario.iterations.iter().filter(|iteration| iteration.counts());
    median(&counted.map(figure).collect::<Option<Vec<_>>>()?)
}

/// Lanes of a scenario: associations that are really open at once.
pub(super) fn lanes(scenario: &ScenarioSummary, summary: &Summary) -> f64 {
    f64::from(scenario.settings.associations.min(summary.dataset.instances).max(1))
}

/// One finding for the cases of each confidence: all their scenarios, the evidence of the clearest, the gain of the
/// clearest that has one.
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
                evidence: cases.iter().take(SHOWN).flat_map(|case| case.evidence.iter().cloned()).collect(),
                fix: fix.to_owned(),
                gain: cases.iter().find_map(|case| case.gain.clone()),
            })
        })
        .collect()
}
