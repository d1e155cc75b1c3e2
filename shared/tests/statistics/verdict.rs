//! The verdict: one for every interval, and never more than the interval bears.

use dicomperf::statistics::{Bootstrap, Interval, Range};
use dicomperf::verdict::{BaselineComparison, Comparison, EQUIVALENCE_MARGIN, LEAST_RUNS};
use proptest::prelude::*;

use super::rates;

/// Any interval of a throughput or a ratio.
fn interval() -> impl Strategy<Value = Interval> {
    (0.01..10.0, 1.0..2.0, 1.0..2.0).prop_map(|(low, to_median, to_high)| Interval {
        low,
        median: low * to_median,
        high: low * to_median * to_high,
    })
}

/// A ratio near 1, where all four verdicts are.
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

const fn opposite(verdict: Comparison) -> Comparison {
    match verdict {
        Comparison::Regressed => Comparison::Improved,
        Comparison::Improved => Comparison::Regressed,
        same => same,
    }
}

/// A bound that is the noise's own may fall on either side when it is inverted.
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
        let verdict = Comparison::against(&interval, &noise);
        prop_assert_eq!(verdict == Comparison::Regressed, interval.high < noise.low);
        prop_assert_eq!(verdict == Comparison::Improved, interval.low > noise.high);
        let within = noise.low <= interval.low && interval.high <= noise.high;
        prop_assert_eq!(verdict == Comparison::Equivalent, within);
    }

    #[test]
    fn what_is_no_number_is_inconclusive(bound in 0.5..2.0, which in 0..3) {
        let interval = Interval {
            median: 1.0,
            low: if which == 1 { bound } else { f64::NAN },
            high: if which == 2 { bound } else { f64::NAN },
        };
        // One bound that is a number and beyond the noise would be enough to call a change, and must not be.
        let verdict = Comparison::of_ratio(&interval);
        prop_assert_eq!(verdict, Comparison::Inconclusive, "{:?}", interval);
    }

    #[test]
    fn more_noise_never_makes_a_change_of_what_was_none(ratio in ratio(), margin in 0.0..0.2, more in 0.0..0.2) {
        let (narrow, wide) =
            (Comparison::against(&ratio, &around(margin)), Comparison::against(&ratio, &around(margin + more)));
        let changed = [Comparison::Regressed, Comparison::Improved];
        prop_assert!(!changed.contains(&wide) || wide == narrow, "{:?} became {:?}", narrow, wide);
        prop_assert!(narrow != Comparison::Equivalent || wide == narrow, "{:?} became {:?}", narrow, wide);
    }

    #[test]
    fn the_other_way_round_the_verdict_is_the_opposite(ratio in ratio()) {
        prop_assume!(!at_a_bound(&ratio));
        prop_assert_eq!(Comparison::of_ratio(&inverted(&ratio)), opposite(Comparison::of_ratio(&ratio)));
    }

    #[test]
    fn a_slower_run_never_gets_the_better_verdict(ratio in ratio(), slower in 0.5..1.0) {
        let rank = |verdict| match verdict {
            Comparison::Regressed => 0,
            Comparison::Inconclusive | Comparison::Equivalent => 1,
            Comparison::Improved => 2,
        };
        let slow = Interval { median: ratio.median * slower, low: ratio.low * slower, high: ratio.high * slower };
        prop_assert!(rank(Comparison::of_ratio(&slow)) <= rank(Comparison::of_ratio(&ratio)));
    }

    #[test]
    fn fewer_than_five_earlier_runs_are_inconclusive_and_the_missing_are_counted(
        earlier in rates(0..LEAST_RUNS), current in proptest::option::of(interval()),
    ) {
        let found = BaselineComparison::new(0, current.as_ref(), &earlier);
        prop_assert_eq!(found.verdict, Comparison::Inconclusive);
        prop_assert_eq!((found.runs, found.runs_missing), (earlier.len(), 5 - earlier.len()));
        prop_assert_eq!(found.noise, None);
    }

    #[test]
    fn with_enough_earlier_runs_the_verdict_is_that_of_the_noise_shown(
        earlier in rates(LEAST_RUNS..25), current in (50.0..150.0, 1.0..1.1),
    ) {
        let current = Interval { median: current.0, low: current.0, high: current.0 * current.1 };
        let found = BaselineComparison::new(0, Some(&current), &earlier);
        let noise = found.noise.unwrap();
        prop_assert_eq!((found.runs, found.runs_missing), (earlier.len(), 0));
        prop_assert_eq!(found.verdict, Comparison::against(&current, &noise));
        prop_assert_eq!(found.verdict == Comparison::Regressed, current.high < noise.low);
        let nothing_measured = BaselineComparison::new(0, None, &earlier);
        prop_assert_eq!((nothing_measured.verdict, nothing_measured.ratio), (Comparison::Inconclusive, None));
    }
}

proptest! {
    // A bootstrap is 10,000 resamples.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_sample_against_itself_is_never_changed(values in rates(5..30)) {
        let (a, b) = (Bootstrap::new(&values, 0).unwrap(), Bootstrap::new(&values, 1).unwrap());
        let verdict = Comparison::of_ratio(&b.ratio_to(&a).unwrap());
        prop_assert!(matches!(verdict, Comparison::Equivalent | Comparison::Inconclusive), "{:?}", verdict);
    }

    #[test]
    fn scenarios_that_share_no_value_within_a_tenth_are_told_apart(values in rates(5..30), slower in 0.3..0.7) {
        let slow: Vec<_> = values.iter().map(|value| value * slower).collect();
        let (fast, slow) = (Bootstrap::new(&values, 0).unwrap(), Bootstrap::new(&slow, 1).unwrap());
        prop_assert_eq!(Comparison::of_ratio(&slow.ratio_to(&fast).unwrap()), Comparison::Regressed);
        prop_assert_eq!(Comparison::of_ratio(&fast.ratio_to(&slow).unwrap()), Comparison::Improved);
    }
}
