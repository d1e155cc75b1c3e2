//! Valid or not, thresholds, and how two samples compare.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::request::{Metric, Threshold};
use crate::statistics::{Interval, Range, median, prediction_interval};

/// A change of less than this, either way, is none: 2%.
///
/// Two reasons. Iterations of one pair of hosts scatter by about as much, so that a smaller difference is not told from
/// a drift between two restarts of the server. And the least of the settings that are known to matter is worth eight
/// times more (SyncStorageArea and TLS: 17% each).
pub const EQUIVALENCE_MARGIN: f64 = 0.02;
/// With fewer valid iterations on either side two scenarios are not judged.
///
/// Simulated without any difference (`make bench-simulation`), the 95% interval missed a ratio of 1 in 10% of pairs of 3
/// and 3, in 7% of 4 and 4, and in 3 to 4% of 5 and 5 or more.
pub const LEAST_ITERATIONS: usize = 5;
/// Earlier runs that tell how much runs differ by themselves.
pub const LEAST_RUNS: usize = 5;
/// The earlier runs that are looked at, the latest first: beyond them a series is a matter for change-point detection.
pub const MOST_RUNS: usize = 25;

/// What a run's result means. Of several that apply it is the first of: invalid, threshold broken, regressed, passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every counted iteration is valid and every threshold is kept.
    Passed,
    /// A threshold is broken.
    ThresholdBroken,
    /// Slower than the baseline, beyond its noise.
    Regressed,
    /// There is an iteration that proves nothing, or something was not measured.
    Invalid,
}

/// How one throughput compares with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// Slower: the whole interval lies below the noise.
    Regressed,
    /// Faster: the whole interval lies above the noise.
    Improved,
    /// The whole interval lies within the noise.
    Equivalent,
    /// The interval crosses a bound of the noise, or there is too little to judge from.
    Inconclusive,
}

/// Whether a threshold is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdState {
    /// The value is within the limits; a value that equals a limit is.
    Kept,
    /// The value is outside.
    Broken,
    /// There is no valid iteration to take a value from.
    NotMeasured,
}

/// A threshold, held against one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdOutcome {
    /// What is limited.
    pub metric: Metric,
    /// The least that is good enough, in the metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The most that is good enough, in the metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The scenario's number.
    pub scenario: u32,
    /// The scenario's figure, in the metric's unit: the median, or the percentile of all C-STOREs.
    pub value: Option<f64>,
    /// Whether it is within the limits.
    pub state: ThresholdState,
}

/// A scenario's throughput in an earlier run of the same fingerprint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoricScenario {
    /// [`crate::plan::Settings::key`] of its settings.
    pub settings_key: String,
    /// The run that measured it.
    pub run_id: String,
    /// When that run was planned.
    pub created_at: Timestamp,
    /// Its median over that run's valid iterations.
    pub instances_per_second: f64,
}

/// A scenario's throughput against the earlier runs of the same fingerprint and settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaselineComparison {
    /// The scenario's number.
    pub scenario: u32,
    /// What it amounts to.
    pub verdict: Comparison,
    /// Earlier runs, each of which counts as one sample however many iterations it made.
    pub runs: usize,
    /// Earlier runs that are missing before there can be a verdict.
    pub runs_missing: usize,
    /// Instances per second: median of the earlier runs' medians.
    pub history_median: Option<f64>,
    /// Instances per second: where an unchanged run's median lies in 95% of cases.
    pub noise: Option<Range>,
    /// This run's median over the median of the earlier runs.
    pub ratio: Option<f64>,
}

impl Comparison {
    /// Judges the ratio of two throughputs, b/a: improved means that b is faster.
    ///
    /// The noise is from 1/1.02 to 1.02 ([`EQUIVALENCE_MARGIN`]), so that a/b gets the opposite verdict.
    #[must_use]
    pub fn of_ratio(ratio: &Interval) -> Self {
        let noise = Range { low: 1.0 / (1.0 + EQUIVALENCE_MARGIN), high: 1.0 + EQUIVALENCE_MARGIN };
        Self::against(ratio, &noise)
    }

    /// Judges an interval of a throughput: a change is one only where the whole interval lies beyond the noise.
    #[must_use]
    pub fn against(interval: &Interval, noise: &Range) -> Self {
        // Both bounds are asked, so that one which is no number is never a change.
        if interval.low < noise.low && interval.high < noise.low {
            Self::Regressed
        } else if interval.low > noise.high && interval.high > noise.high {
            Self::Improved
        } else if noise.low <= interval.low && interval.high <= noise.high {
            Self::Equivalent
        } else {
            Self::Inconclusive
        }
    }

    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Verdict {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::ThresholdBroken => "threshold-broken",
            Self::Regressed => "regressed",
            Self::Invalid => "invalid",
        }
    }
}

impl ThresholdOutcome {
    /// Holds a threshold against a scenario's figure.
    #[must_use]
    pub fn new(threshold: &Threshold, scenario: u32, value: Option<f64>) -> Self {
        let state = match value {
            None => ThresholdState::NotMeasured,
            Some(value)
                if threshold.min.is_none_or(|min| value >= min) && threshold.max.is_none_or(|max| value <= max) =>
            {
                ThresholdState::Kept
            }
            Some(_) => ThresholdState::Broken,
        };
        Self { metric: threshold.metric, min: threshold.min, max: threshold.max, scenario, value, state }
    }
}

impl BaselineComparison {
    /// Compares a scenario's median and its interval with earlier runs' medians.
    ///
    /// The noise is the 95% prediction interval of one more run ([`prediction_interval`]). With fewer than
    /// [`LEAST_RUNS`] earlier runs, or no valid iteration in this one, the verdict is inconclusive.
    #[must_use]
    pub fn new(scenario: u32, current: Option<&Interval>, earlier: &[f64]) -> Self {
        let noise = if earlier.len() < LEAST_RUNS { None } else { prediction_interval(earlier) };
        let history_median = median(earlier);
        Self {
            scenario,
            verdict: match (current, &noise) {
                (Some(current), Some(noise)) => Comparison::against(current, noise),
                _ => Comparison::Inconclusive,
            },
            runs: earlier.len(),
            runs_missing: LEAST_RUNS.saturating_sub(earlier.len()),
            history_median,
            noise,
            ratio: current.zip(history_median).map(|(current, median)| current.median / median),
        }
    }
}

/// The medians of a scenario's earlier runs, by its settings: one a run, the latest [`MOST_RUNS`], none of which is this
/// run or later than it.
#[must_use]
pub fn earlier_medians(
    history: &[HistoricScenario],
    settings_key: &str,
    run_id: &str,
    created_at: Timestamp,
) -> Vec<f64> {
    let runs: BTreeMap<_, _> = history
        .iter()
        .filter(|earlier| earlier.settings_key == settings_key && earlier.run_id != run_id)
        .filter(|earlier| earlier.created_at <= created_at)
        .filter(|earlier| earlier.instances_per_second.is_finite() && earlier.instances_per_second > 0.0)
        .map(|earlier| ((earlier.created_at, &earlier.run_id), earlier.instances_per_second))
        .collect();
    runs.into_values().rev().take(MOST_RUNS).collect()
}

/// A metric's name in requests and reports: `latencyMs.p99`.
#[must_use]
pub fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::InstancesPerSecond => "instancesPerSecond",
        Metric::BytesPerSecond => "bytesPerSecond",
        Metric::LatencyP50 => "latencyMs.p50",
        Metric::LatencyP90 => "latencyMs.p90",
        Metric::LatencyP95 => "latencyMs.p95",
        Metric::LatencyP99 => "latencyMs.p99",
        Metric::LatencyMax => "latencyMs.max",
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::statistics::Bootstrap;
    use crate::statistics::tests::spread;

    fn interval(low: f64, high: f64) -> Interval {
        Interval { median: f64::midpoint(low, high), low, high }
    }

    #[test]
    fn a_change_is_called_only_where_the_whole_interval_is_beyond_the_noise() {
        for (low, high, expected) in [
            (1.021, 1.2, Comparison::Improved),
            (1.01, 1.2, Comparison::Inconclusive),
            (0.99, 1.019, Comparison::Equivalent),
            (0.9, 1.2, Comparison::Inconclusive),
            (0.5, 0.99, Comparison::Inconclusive),
            (0.5, 0.98, Comparison::Regressed),
        ] {
            assert_eq!(Comparison::of_ratio(&interval(low, high)), expected, "{low} to {high}");
        }
    }

    #[test]
    fn the_other_way_round_the_verdict_is_the_opposite() {
        for (low, high) in [(1.021, 1.2), (1.0, 1.0199), (0.5, 0.98), (0.9, 1.1)] {
            let opposite = match Comparison::of_ratio(&interval(low, high)) {
                Comparison::Improved => Comparison::Regressed,
                Comparison::Regressed => Comparison::Improved,
                same => same,
            };
            assert_eq!(Comparison::of_ratio(&interval(1.0 / high, 1.0 / low)), opposite);
        }
    }

    #[test]
    fn a_value_that_equals_its_limit_keeps_it() {
        let threshold = Threshold { metric: Metric::InstancesPerSecond, min: Some(100.0), max: Some(200.0) };
        let state = |value| ThresholdOutcome::new(&threshold, 0, value).state;
        assert_eq!(state(Some(100.0)), ThresholdState::Kept);
        assert_eq!(state(Some(99.9)), ThresholdState::Broken);
        assert_eq!(state(Some(200.1)), ThresholdState::Broken);
        assert_eq!(state(None), ThresholdState::NotMeasured);
    }

    #[test]
    fn too_few_earlier_runs_are_inconclusive_and_counted() {
        let found = BaselineComparison::new(2, Some(&interval(10.0, 11.0)), &[100.0, 101.0, 99.0]);
        assert_eq!((found.verdict, found.runs, found.runs_missing), (Comparison::Inconclusive, 3, 2));
        assert_eq!((found.noise, found.history_median), (None, Some(100.0)));
        let none = BaselineComparison::new(2, None, &[]);
        assert_eq!((none.verdict, none.runs_missing, none.ratio), (Comparison::Inconclusive, 5, None));
    }

    #[test]
    fn a_run_is_judged_by_the_noise_between_its_earlier_runs() {
        let earlier = [100.0, 104.0, 98.0, 101.0, 97.0]; // noise: 92.0 to 108.6
        let verdict = |low, high| BaselineComparison::new(0, Some(&interval(low, high)), &earlier).verdict;
        assert_eq!(verdict(85.0, 91.0), Comparison::Regressed);
        assert_eq!(verdict(85.0, 93.0), Comparison::Inconclusive);
        assert_eq!(verdict(93.0, 108.0), Comparison::Equivalent);
        assert_eq!(verdict(109.0, 130.0), Comparison::Improved);
    }

    #[test]
    fn history_is_one_median_a_run_the_latest_and_never_the_run_itself() {
        let now: Timestamp = "2026-02-01T00:00:00Z".parse().expect("a time");
        let at = |hours: i64, run: &str, key: &str| HistoricScenario {
            settings_key: key.to_owned(),
            run_id: run.to_owned(),
            created_at: now - jiff::SignedDuration::from_hours(hours),
            instances_per_second: f64::from(u32::try_from(hours.abs()).expect("small")) + 1.0,
        };
        let mut history = vec![at(0, "this", "k"), at(2, "a", "k"), at(2, "a", "k"), at(3, "b", "other")];
        history.push(at(-5, "later", "k"));
        assert_eq!(earlier_medians(&history, "k", "this", now), [3.0]);
        let many: Vec<_> = (1..=40).map(|hours| at(hours, &format!("run-{hours}"), "k")).collect();
        let found = earlier_medians(&many, "k", "this", now);
        assert_eq!((found.len(), found[0], found[24]), (25, 2.0, 26.0));
    }

    /// Hosts differ by 5%, iterations by 2%, as in benches/verdict-simulation, which has the rates.
    #[test]
    fn an_unchanged_run_is_seldom_called_changed_and_a_slow_one_mostly_is() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut iterations_of = |speed: f64| {
            let host = spread(&mut random, 1, speed, 0.05)[0];
            spread(&mut random, 10, host, 0.02)
        };
        let (mut false_alarms, mut found) = (0, 0);
        for _ in 0..20 {
            let earlier: Vec<_> = (0..10).filter_map(|_| median(&iterations_of(100.0))).collect();
            let verdict_of = |iterations: Vec<f64>| {
                let run = Bootstrap::new(&iterations, 0).expect("a sample").interval();
                BaselineComparison::new(0, Some(&run), &earlier).verdict
            };
            let (unchanged, slow) = (verdict_of(iterations_of(100.0)), verdict_of(iterations_of(70.0)));
            false_alarms += u32::from(matches!(unchanged, Comparison::Regressed | Comparison::Improved));
            found += u32::from(slow == Comparison::Regressed);
        }
        assert!(false_alarms <= 2 && found >= 18, "{false_alarms} false alarms, {found} found, of 20");
    }

    #[test]
    fn alike_scenarios_are_seldom_called_different_and_a_tenth_is_mostly_found() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let mut sample =
            |speed: f64, stream| Bootstrap::new(&spread(&mut random, 10, speed, 0.03), stream).expect("one");
        let (mut false_alarms, mut found) = (0, 0);
        for _ in 0..20 {
            let (a, alike, slow) = (sample(100.0, 0), sample(100.0, 1), sample(90.0, 2));
            let verdict = |b: &Bootstrap| Comparison::of_ratio(&b.ratio_to(&a).expect("a ratio"));
            false_alarms += u32::from(matches!(verdict(&alike), Comparison::Regressed | Comparison::Improved));
            found += u32::from(verdict(&slow) == Comparison::Regressed);
        }
        assert!(false_alarms <= 1 && found >= 18, "{false_alarms} false alarms, {found} found, of 20");
    }

    #[test]
    fn metric_names_are_those_of_the_request() {
        for metric in [Metric::InstancesPerSecond, Metric::BytesPerSecond, Metric::LatencyP50, Metric::LatencyMax] {
            assert_eq!(serde_json::to_value(metric).expect("JSON"), metric_name(metric));
        }
    }
}
