//! The verdicts: on a threshold, on two measurements, and on a run against its history.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use dicomperf_model::request::Threshold;
use dicomperf_model::results::{BaselineComparison, Change, ThresholdOutcome, ThresholdState};
use dicomperf_model::statistics::{Interval, Range, median, prediction_interval};

/// A difference of at most this factor, either way, counts as no change: 2%.
///
/// There are two reasons. Iterations on one pair of hosts scatter by about as much, so a smaller difference could be a
/// drift between two restarts of the server. And the settings that are known to matter change the throughput at least
/// eight times as much (SyncStorageArea and TLS: 17% each).
pub const EQUIVALENCE_MARGIN: f64 = 0.02;
/// Earlier runs that are needed to estimate the noise between runs.
pub const MIN_RUNS: usize = 5;
/// Earlier runs that are used, the latest first. A longer series calls for change-point detection instead.
pub const MAX_RUNS: usize = 25;

/// A scenario's throughput in an earlier run of the same fingerprint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoricScenario {
    /// [`dicomperf_model::settings::Settings::key`] of its settings.
    pub settings_key: String,
    /// The id of the run that measured it.
    pub run_id: String,
    /// The time at which that run was planned.
    pub created_at: Timestamp,
    /// The median over the valid iterations of that run.
    pub instances_per_second: f64,
}

/// Judges the ratio of two throughputs, b/a: improved means that b is faster.
///
/// The noise is from 1/1.02 to 1.02 ([`EQUIVALENCE_MARGIN`]), so that a/b gets the opposite verdict.
#[must_use]
pub fn judge_ratio(ratio: &Interval) -> Change {
    judge(ratio, &Range { low: 1.0 / (1.0 + EQUIVALENCE_MARGIN), high: 1.0 + EQUIVALENCE_MARGIN })
}

/// Judges an interval of a throughput. It is a change only if the whole interval lies beyond the noise.
#[must_use]
pub fn judge(interval: &Interval, noise: &Range) -> Change {
    // Both bounds are compared, so that a bound that is not a number never makes a change.
    if interval.low < noise.low && interval.high < noise.low {
        Change::Regressed
    } else if interval.low > noise.high && interval.high > noise.high {
        Change::Improved
    } else if noise.low <= interval.low && interval.high <= noise.high {
        Change::Equivalent
    } else {
        Change::Inconclusive
    }
}

/// Checks a scenario's figure against a threshold.
#[must_use]
pub fn check_threshold(threshold: &Threshold, scenario: u32, value: Option<f64>) -> ThresholdOutcome {
    let is_met =
        |value: f64| threshold.min.is_none_or(|min| value >= min) && threshold.max.is_none_or(|max| value <= max);
    let state = match value {
        None => ThresholdState::NotMeasured,
        Some(value) if is_met(value) => ThresholdState::Kept,
        Some(_) => ThresholdState::Broken,
    };
    ThresholdOutcome { metric: threshold.metric, min: threshold.min, max: threshold.max, scenario, value, state }
}

/// Compares a scenario's median and its interval with earlier runs' medians.
///
/// The noise is the 95% prediction interval of one more run ([`prediction_interval`]). With fewer than [`MIN_RUNS`]
/// earlier runs, or no valid iteration in this one, the verdict is inconclusive.
#[must_use]
pub fn compare_with_history(scenario: u32, current: Option<&Interval>, earlier: &[f64]) -> BaselineComparison {
    let noise = if earlier.len() < MIN_RUNS { None } else { prediction_interval(earlier) };
    let history_median = median(earlier);
    BaselineComparison {
        scenario,
        verdict: match (current, &noise) {
            (Some(current), Some(noise)) => judge(current, noise),
            _ => Change::Inconclusive,
        },
        runs: earlier.len(),
        runs_missing: MIN_RUNS.saturating_sub(earlier.len()),
        history_median,
        noise,
        ratio: current.zip(history_median).map(|(current, median)| current.median / median),
    }
}

/// Returns the medians of a scenario in earlier runs, matched by its settings: one a run, the latest [`MAX_RUNS`].
/// This run and later runs are left out.
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
    runs.into_values().rev().take(MAX_RUNS).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use dicomperf_fixtures::spread;
    use dicomperf_model::request::Metric;
    use dicomperf_model::statistics::Bootstrap;

    fn interval(low: f64, high: f64) -> Interval {
        Interval { median: f64::midpoint(low, high), low, high }
    }

    #[test]
    fn a_change_is_called_only_where_the_whole_interval_is_beyond_the_noise() {
        for (low, high, expected) in [
            (1.021, 1.2, Change::Improved),
            (1.01, 1.2, Change::Inconclusive),
            (0.99, 1.019, Change::Equivalent),
            (0.9, 1.2, Change::Inconclusive),
            (0.5, 0.99, Change::Inconclusive),
            (0.5, 0.98, Change::Regressed),
        ] {
            assert_eq!(judge_ratio(&interval(low, high)), expected, "{low} to {high}");
        }
    }

    #[test]
    fn the_other_way_round_the_verdict_is_the_opposite() {
        for (low, high) in [(1.021, 1.2), (1.0, 1.0199), (0.5, 0.98), (0.9, 1.1)] {
            let opposite = match judge_ratio(&interval(low, high)) {
                Change::Improved => Change::Regressed,
                Change::Regressed => Change::Improved,
                same => same,
            };
            assert_eq!(judge_ratio(&interval(1.0 / high, 1.0 / low)), opposite);
        }
    }

    #[test]
    fn a_value_that_equals_its_limit_keeps_it() {
        let threshold = Threshold { metric: Metric::InstancesPerSecond, min: Some(100.0), max: Some(200.0) };
        let state = |value| check_threshold(&threshold, 0, value).state;
        assert_eq!(state(Some(100.0)), ThresholdState::Kept);
        assert_eq!(state(Some(99.9)), ThresholdState::Broken);
        assert_eq!(state(Some(200.1)), ThresholdState::Broken);
        assert_eq!(state(None), ThresholdState::NotMeasured);
    }

    #[test]
    fn too_few_earlier_runs_are_inconclusive_and_counted() {
        let found = compare_with_history(2, Some(&interval(10.0, 11.0)), &[100.0, 101.0, 99.0]);
        assert_eq!((found.verdict, found.runs, found.runs_missing), (Change::Inconclusive, 3, 2));
        assert_eq!((found.noise, found.history_median), (None, Some(100.0)));
        let none = compare_with_history(2, None, &[]);
        assert_eq!((none.verdict, none.runs_missing, none.ratio), (Change::Inconclusive, 5, None));
    }

    #[test]
    fn a_run_is_judged_by_the_noise_between_its_earlier_runs() {
        let earlier = [100.0, 104.0, 98.0, 101.0, 97.0]; // noise: 92.0 to 108.6
        let verdict = |low, high| compare_with_history(0, Some(&interval(low, high)), &earlier).verdict;
        assert_eq!(verdict(85.0, 91.0), Change::Regressed);
        assert_eq!(verdict(85.0, 93.0), Change::Inconclusive);
        assert_eq!(verdict(93.0, 108.0), Change::Equivalent);
        assert_eq!(verdict(109.0, 130.0), Change::Improved);
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

    /// Hosts differ by 5%, iterations by 2%, as in benches/verdict-simulation, which prints the rates.
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
                compare_with_history(0, Some(&run), &earlier).verdict
            };
            let (unchanged, slow) = (verdict_of(iterations_of(100.0)), verdict_of(iterations_of(70.0)));
            false_alarms += u32::from(matches!(unchanged, Change::Regressed | Change::Improved));
            found += u32::from(slow == Change::Regressed);
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
            let verdict = |b: &Bootstrap| judge_ratio(&b.ratio_to(&a).expect("a ratio"));
            false_alarms += u32::from(matches!(verdict(&alike), Change::Regressed | Change::Improved));
            found += u32::from(verdict(&slow) == Change::Regressed);
        }
        assert!(false_alarms <= 1 && found >= 18, "{false_alarms} false alarms, {found} found, of 20");
    }
}
