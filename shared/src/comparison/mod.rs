//! Two runs side by side: in what they differ, and what that does.

mod differences;
mod noise;
mod pairs;
mod sentence;
mod wording;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnosis::Finding;
use crate::statistics::Interval;
use crate::summary::{Difference, LatencySummary, Summary};
use crate::verdict::{Comparison, Verdict};
use crate::workflow::RunStatus;

pub use self::noise::Spread;

/// Run b against run a.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunComparison {
    /// The run that is compared with.
    pub a: ComparedRun,
    /// The run that is judged.
    pub b: ComparedRun,
    /// Whether they share their fingerprint. If not, nothing but the differences is told.
    pub comparable: bool,
    /// In what the fingerprints, the versions, the requests' settings and Orthanc's live configuration differ.
    pub differences: Vec<RunDifference>,
    /// Every two scenarios that belong together.
    pub scenarios: Vec<ScenarioPair>,
    /// Scenarios of a without a partner in b, by number.
    pub only_in_a: Vec<u32>,
    /// Scenarios of b without a partner in a, by number.
    pub only_in_b: Vec<u32>,
    /// The worst of the pairs' verdicts: regressed before inconclusive before improved before equivalent.
    pub verdict: Comparison,
    /// What it comes to, in a sentence or two.
    pub says: String,
    /// How much runs differ by themselves, as it was taken into account.
    pub noise: RunNoise,
}

/// A run in a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparedRun {
    /// The run.
    pub run_id: String,
    /// Its request's name.
    pub name: String,
    /// Whether it was carried out.
    pub status: RunStatus,
    /// When it was planned, RFC 3339.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// Its fingerprint.
    pub fingerprint: String,
}

/// Something in which two runs differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDifference {
    /// What kind of thing it is.
    pub of: DifferenceOf,
    /// What it is, for a person: `server Orthanc`, `DicomThreadsCount`.
    pub name: String,
    /// In run a; null where it is not there or not known.
    pub a: Value,
    /// In run b; null where it is not there or not known.
    pub b: Value,
}

/// What two runs may differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DifferenceOf {
    /// Hardware and dataset: such runs are not compared.
    Fingerprint,
    /// What the hosts ran.
    Versions,
    /// What was asked for: the matrix and how often it was measured.
    Settings,
    /// How Orthanc was really configured.
    Configuration,
}

/// Two scenarios that belong together: alike in their settings, or in all but those in which the runs differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioPair {
    /// Number of the scenario in run a.
    pub a: u32,
    /// Number of the scenario in run b.
    pub b: u32,
    /// What both are called, for a person: the settings that tell the pairs apart.
    pub name: String,
    /// The settings in which they differ.
    pub differences: Vec<Difference>,
    /// Instances per second in a.
    pub a_instances_per_second: Option<Interval>,
    /// Instances per second in b.
    pub b_instances_per_second: Option<Interval>,
    /// Times of C-STOREs in a, in ms.
    pub a_latency_ms: Option<LatencySummary>,
    /// Times of C-STOREs in b, in ms.
    pub b_latency_ms: Option<LatencySummary>,
    /// Median instances per second of b over those of a, with the 95% interval that the noise between the iterations gives.
    pub ratio: Option<Interval>,
    /// The same with the noise between runs in it: what the verdict rests on.
    pub ratio_between_runs: Option<Interval>,
    /// Improved means that b is faster than a.
    pub verdict: Comparison,
    /// Why there is no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What explains the difference: what the diagnosis finds in the slower of the two and not in the faster.
    pub because: Vec<Finding>,
}

/// How much runs differ by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunNoise {
    /// Standard deviation of the logarithm of a run's median.
    pub standard_deviation: f64,
    /// Where it is from, for a person.
    pub source: String,
}

/// Compares run b with run a.
#[must_use]
pub fn compare(a: &Summary, b: &Summary) -> RunComparison {
    let spread = Spread::between_runs(a, b);
    let mut comparison = RunComparison {
        a: ComparedRun::of(a),
        b: ComparedRun::of(b),
        comparable: a.fingerprint == b.fingerprint,
        differences: differences::between(a, b),
        scenarios: Vec::new(),
        only_in_a: Vec::new(),
        only_in_b: Vec::new(),
        verdict: Comparison::Inconclusive,
        says: String::new(),
        noise: spread.into(),
    };
    if comparison.comparable {
        let pairing = pairs::pair(&a.scenarios, &b.scenarios);
        comparison.scenarios = pairs::judge(a, b, &pairing.pairs, spread);
        comparison.only_in_a = pairing.only_in_a;
        comparison.only_in_b = pairing.only_in_b;
    }
    if let Some(worst) = comparison.scenarios.iter().map(|pair| pair.verdict).min_by_key(|verdict| severity(*verdict)) {
        comparison.verdict = worst;
    }
    comparison.says = sentence::of(&comparison);
    comparison
}

/// Holds a run against the one that its request names as its baseline: fills in [`Summary::against`], and the verdict
/// where it is regressed. Of an earlier run that is not there only a note is left, and why.
pub fn hold_against(summary: &mut Summary, earlier_id: &str, earlier: Result<&Summary, &str>) {
    match earlier {
        Ok(earlier) => {
            let against = compare(earlier, summary);
            if !against.comparable {
                summary.notes.push(format!("The baseline, run {earlier_id}: {}", against.says));
            }
            if summary.verdict == Verdict::Passed && against.verdict == Comparison::Regressed {
                summary.verdict = Verdict::Regressed;
            }
            summary.against = Some(against);
        }
        Err(why) => summary.notes.push(format!("Not compared with the baseline, run {earlier_id}: {why}.")),
    }
}

/// What is to be looked at first.
const fn severity(verdict: Comparison) -> u8 {
    match verdict {
        Comparison::Regressed => 0,
        Comparison::Inconclusive => 1,
        Comparison::Improved => 2,
        Comparison::Equivalent => 3,
    }
}

impl ComparedRun {
    fn of(summary: &Summary) -> Self {
        Self {
            run_id: summary.run_id.clone(),
            name: summary.request.name.clone(),
            status: summary.status,
            started_at: summary.started_at,
            fingerprint: summary.fingerprint.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
