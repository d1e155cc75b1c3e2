//! Bootstrap intervals of a median and of a ratio, and the prediction interval.

use dicomperf_model::statistics::{Bootstrap, Interval, prediction_interval};
use proptest::prelude::*;

use super::{near, rates, scaled};

fn bootstrap(values: &[f64], stream: u64) -> Bootstrap {
    Bootstrap::new(values, stream).unwrap()
}

fn ratio(b: &[f64], a: &[f64]) -> Interval {
    bootstrap(b, 1).ratio_to(&bootstrap(a, 0)).unwrap()
}

proptest! {
    // A bootstrap is 10,000 resamples.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn an_interval_holds_its_median_and_stays_within_the_sample(values in rates(1..30), stream in 0..200_u64) {
        let found = bootstrap(&values, stream).interval();
        prop_assert!(found.low <= found.median && found.median <= found.high, "{:?}", found);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = values.iter().copied().fold(0.0, f64::max);
        prop_assert!(least <= found.low && found.high <= greatest, "{:?}", found);
    }

    #[test]
    fn an_interval_of_a_ratio_holds_the_ratio(b in rates(1..30), a in rates(1..30)) {
        let found = ratio(&b, &a);
        prop_assert!(found.low <= found.median && found.median <= found.high, "{:?}", found);
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_in_any_order(
        (values, shuffled) in rates(1..30).prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle())),
        stream in 0..200_u64,
    ) {
        prop_assert_eq!(bootstrap(&values, stream).interval(), bootstrap(&shuffled, stream).interval());
    }

    #[test]
    fn another_stream_gives_nearly_the_same_interval(values in rates(20..40), stream in 1..200_u64) {
        let (one, other) = (bootstrap(&values, 0).interval(), bootstrap(&values, stream).interval());
        prop_assert_eq!(one.median, other.median);
        // Two values may lie far apart, and a bound may be either of two neighbours.
        let between = |a: f64, b: f64| values.iter().filter(|&&value| a.min(b) < value && value < a.max(b)).count();
        prop_assert!(between(one.low, other.low) <= 1 && between(one.high, other.high) <= 1, "{:?} {:?}", one, other);
    }

    #[test]
    fn a_ratio_does_not_depend_on_the_unit(b in rates(1..30), a in rates(1..30), factor in 1e-6..1e6) {
        let (found, expected) = (ratio(&scaled(&b, factor), &scaled(&a, factor)), ratio(&b, &a));
        prop_assert!(near(found.median, expected.median, 1.0));
        prop_assert!(near(found.low, expected.low, 1.0) && near(found.high, expected.high, 1.0));
    }

    #[test]
    fn a_factor_on_one_side_is_a_factor_of_the_ratio(b in rates(1..30), a in rates(1..30), factor in 0.1..10.0) {
        let (found, expected) = (ratio(&scaled(&b, factor), &a), ratio(&b, &a));
        prop_assert!(near(found.median, expected.median * factor, factor));
        prop_assert!(near(found.low, expected.low * factor, factor));
        prop_assert!(near(found.high, expected.high * factor, factor));
    }

    #[test]
    fn the_other_way_round_the_ratio_is_inverted(b in rates(1..30), a in rates(1..30)) {
        let (b, a) = (bootstrap(&b, 1), bootstrap(&a, 0));
        let (found, other) = (b.ratio_to(&a).unwrap(), a.ratio_to(&b).unwrap());
        prop_assert!(near(found.median, 1.0 / other.median, 1.0));
        // A bound lies between two resamples, on a straight line, and the inverse of that line is not straight. These
        // samples' ratios are at most a factor of 1.22 apart, so the difference is 1% at most.
        prop_assert!((found.low * other.high - 1.0).abs() < 0.01, "{:?} {:?}", found, other);
        prop_assert!((found.high * other.low - 1.0).abs() < 0.01, "{:?} {:?}", found, other);
    }

    #[test]
    fn constant_samples_have_no_interval_but_their_ratio(
        a in 1e-3..1e9, b in 1e-3..1e9, n in 1..30_usize, m in 1..30_usize,
    ) {
        let one = Interval { median: 1.0, low: 1.0, high: 1.0 };
        prop_assert_eq!(ratio(&vec![a; n], &vec![a; m]), one);
        let found = ratio(&vec![b; n], &vec![a; m]);
        prop_assert_eq!((found.median, found.low, found.high), (b / a, b / a, b / a));
    }

    #[test]
    fn the_prediction_interval_holds_most_of_the_past_and_follows_a_change_of_unit(
        values in rates(2..30), factor in 1e-3..1e3,
    ) {
        let found = prediction_interval(&values).unwrap();
        let held = values.iter().filter(|value| found.low <= **value && **value <= found.high).count();
        // No value is further than (n - 1) / sqrt(n) standard deviations from the mean, so few can be beyond t of them.
        prop_assert!(held * 4 >= values.len() * 3, "{held} of {}", values.len());
        let there = prediction_interval(&scaled(&values, factor)).unwrap();
        prop_assert!((there.low / found.low / factor - 1.0).abs() < 1e-9);
        prop_assert!((there.high / found.high / factor - 1.0).abs() < 1e-9);
    }
}
