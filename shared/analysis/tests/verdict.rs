//! Properties of the verdict: every interval has exactly one, and it never claims more than the interval supports.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use dicomperf_analysis::verdict::{EQUIVALENCE_MARGIN, MIN_RUNS};
use dicomperf_analysis::verdict::{compare_with_history, judge, judge_ratio};
use dicomperf_model::results::Change;
use dicomperf_model::statistics::{Bootstrap, Interval, Range};
use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;

/// Throughputs of one scenario: positive, within 10% of 100.
fn rates(size: impl Into<SizeRange>) -> impl Strategy<Value = Vec<f64>> {
    vec(90.0..110.0, size)
}

/// An arbitrary interval of a throughput or a ratio.
fn interval() -> impl Strategy<Value = Interval> {
    (0.01..10.0, 1.0..2.0, 1.0..2.0).prop_map(|(low, to_median, to_high)| Interval {
        low,
        median: low * to_median,
        high: low * to_median * to_high,
    })
}

/// A ratio near 1, where all four verdicts occur.
fn ratio() -> impl Strategy<Value = Interval> {
    (0.9..1.1, 1.0..1.05, 1.0..1.05).prop_map(|(low, to_median, to_high)| Interval {
        low,
        median: low * to_median,
        high: low * to_median * to_high,
    })
}

fn around(margin: f64) -> Range {
    Range { low: 1.0 / (1.0 + margin), high: 1.0 + margin }
}

fn inverted(ratio: &Interval) -> Interval {
    Interval { median: 1.0 / ratio.median, low: 1.0 / ratio.high, high: 1.0 / ratio.low }
}

const fn opposite(verdict: Change) -> Change {
    match verdict {
        Change::Regressed => Change::Improved,
        Change::Improved => Change::Regressed,
        same => same,
    }
}

/// True if a bound equals that of the noise: inverted, it may fall on either side.
fn at_a_bound(ratio: &Interval) -> bool {
    let noise = around(EQUIVALENCE_MARGIN);
    [ratio.low, ratio.high].iter().any(|one| [noise.low, noise.high].iter().any(|bound| (one - bound).abs() < 1e-12))
}

proptest! {
    #[test]
    fn a_change_is_called_where_the_whole_interval_is_beyond_the_noise_and_nowhere_else(
        interval in interval(), margin in 0.0..1.0,
    ) {
        let noise = around(margin);
        let verdict = judge(&interval, &noise);
        prop_assert_eq!(verdict == Change::Regressed, interval.high < noise.low);
        prop_assert_eq!(verdict == Change::Improved, interval.low > noise.high);
        let within = noise.low <= interval.low && interval.high <= noise.high;
        prop_assert_eq!(verdict == Change::Equivalent, within);
    }

    #[test]
    fn what_is_no_number_is_inconclusive(bound in 0.5..2.0, which in 0..3) {
        let interval = Interval {
            median: 1.0,
            low: if which == 1 { bound } else { f64::NAN },
            high: if which == 2 { bound } else { f64::NAN },
        };
        // One valid bound beyond the noise must not be enough to call a change.
        let verdict = judge_ratio(&interval);
        prop_assert_eq!(verdict, Change::Inconclusive, "{:?}", interval);
    }

    #[test]
    fn more_noise_never_makes_a_change_of_what_was_none(ratio in ratio(), margin in 0.0..0.2, more in 0.0..0.2) {
        let (narrow, wide) =
            (judge(&ratio, &around(margin)), judge(&ratio, &around(margin + more)));
        let changed = [Change::Regressed, Change::Improved];
        prop_assert!(!changed.contains(&wide) || wide == narrow, "{:?} became {:?}", narrow, wide);
        prop_assert!(narrow != Change::Equivalent || wide == narrow, "{:?} became {:?}", narrow, wide);
    }

    #[test]
    fn the_other_way_round_the_verdict_is_the_opposite(ratio in ratio()) {
        prop_assume!(!at_a_bound(&ratio));
        prop_assert_eq!(judge_ratio(&inverted(&ratio)), opposite(judge_ratio(&ratio)));
    }

    #[test]
    fn a_slower_run_never_gets_the_better_verdict(ratio in ratio(), slower in 0.5..1.0) {
        let rank = |verdict| match verdict {
            Change::Regressed => 0,
            Change::Inconclusive | Change::Equivalent => 1,
            Change::Improved => 2,
        };
        let slow = Interval { median: ratio.median * slower, low: ratio.low * slower, high: ratio.high * slower };
        prop_assert!(rank(judge_ratio(&slow)) <= rank(judge_ratio(&ratio)));
    }

    #[test]
    fn fewer_than_five_earlier_runs_are_inconclusive_and_the_missing_are_counted(
        earlier in rates(0..MIN_RUNS), current in proptest::option::of(interval()),
    ) {
        let found = compare_with_history(0, current.as_ref(), &earlier);
        prop_assert_eq!(found.verdict, Change::Inconclusive);
        prop_assert_eq!((found.runs, found.runs_missing), (earlier.len(), 5 - earlier.len()));
        prop_assert_eq!(found.noise, None);
    }

    #[test]
    fn with_enough_earlier_runs_the_verdict_is_that_of_the_noise_shown(
        earlier in rates(MIN_RUNS..25), current in (50.0..150.0, 1.0..1.1),
    ) {
        let current = Interval { median: current.0, low: current.0, high: current.0 * current.1 };
        let found = compare_with_history(0, Some(&current), &earlier);
        let noise = found.noise.unwrap();
        prop_assert_eq!((found.runs, found.runs_missing), (earlier.len(), 0));
        prop_assert_eq!(found.verdict == Change::Regressed, current.high < noise.low);
        let nothing_measured = compare_with_history(0, None, &earlier);
        prop_assert_eq!((nothing_measured.verdict, nothing_measured.ratio), (Change::Inconclusive, None));
    }
}

proptest! {
    // A bootstrap draws 10,000 resamples.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_sample_against_itself_is_never_changed(values in rates(5..30)) {
        let (a, b) = (Bootstrap::new(&values, 0).unwrap(), Bootstrap::new(&values, 1).unwrap());
        let verdict = judge_ratio(&b.ratio_to(&a).unwrap());
        prop_assert!(matches!(verdict, Change::Equivalent | Change::Inconclusive), "{:?}", verdict);
    }

    #[test]
    fn scenarios_that_share_no_value_within_a_tenth_are_told_apart(values in rates(5..30), slower in 0.3..0.7) {
        let slow: Vec<_> = values.iter().map(|value| value * slower).collect();
        let (fast, slow) = (Bootstrap::new(&values, 0).unwrap(), Bootstrap::new(&slow, 1).unwrap());
        prop_assert_eq!(judge_ratio(&slow.ratio_to(&fast).unwrap()), Change::Regressed);
        prop_assert_eq!(judge_ratio(&fast.ratio_to(&slow).unwrap()), Change::Improved);
    }
}
