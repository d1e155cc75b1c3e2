//! Median, MAD, percentiles and outliers, and the histogram that replaces many values.

use dicomperf_model::measurement::LatencyHistogram;
use dicomperf_model::statistics::{MIN_FOR_OUTLIERS, mad, median, outliers, percentile};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{figures, largest, near, rates, scaled};

fn histogram(microseconds: &[u64]) -> LatencyHistogram {
    let mut histogram = LatencyHistogram::new();
    for &one in microseconds {
        histogram.record(one);
    }
    histogram
}

proptest! {
    #[test]
    fn no_percentile_leaves_the_sample_and_a_greater_percent_gives_no_lesser_value(
        values in figures(1..60), low in 0.0..=100.0, high in 0.0..=100.0,
    ) {
        let (low, high) = if low <= high { (low, high) } else { (high, low) };
        let (low, high) = (percentile(&values, low).unwrap(), percentile(&values, high).unwrap());
        // Rounding may move the result slightly outside two equal values.
        let bit = 1e-12 * largest(&values);
        prop_assert!(low <= high + bit, "{low} > {high}");
        prop_assert!(values.iter().any(|value| *value <= low + bit) && values.iter().any(|value| high - bit <= *value));
    }

    #[test]
    fn the_median_is_the_50th_percentile_and_half_of_the_values_lie_on_either_side(values in figures(1..60)) {
        let middle = median(&values).unwrap();
        prop_assert!(near(percentile(&values, 50.0).unwrap(), middle, largest(&values)));
        let (below, above) = (values.iter().filter(|v| **v < middle), values.iter().filter(|v| **v > middle));
        prop_assert!(below.count() * 2 <= values.len() && above.count() * 2 <= values.len());
    }

    #[test]
    fn the_order_of_the_values_does_not_matter(
        (values, shuffled) in figures(1..60).prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle())),
        percent in 0.0..=100.0,
    ) {
        prop_assert_eq!(median(&values), median(&shuffled));
        prop_assert_eq!(mad(&values), mad(&shuffled));
        prop_assert_eq!(percentile(&values, percent), percentile(&shuffled, percent));
    }

    #[test]
    fn figures_follow_a_change_of_unit_and_of_origin(
        values in figures(1..60), factor in -100.0..100.0, shift in -1e9..1e9, percent in 0.0..=100.0,
    ) {
        let moved: Vec<_> = values.iter().map(|value| value * factor + shift).collect();
        let size = largest(&values) * f64::abs(factor) + f64::abs(shift);
        prop_assert!(near(median(&moved).unwrap(), median(&values).unwrap() * factor + shift, size));
        prop_assert!(near(mad(&moved).unwrap(), mad(&values).unwrap() * f64::abs(factor), size));
        let percent_there = if factor < 0.0 { 100.0 - percent } else { percent };
        let expected = percentile(&values, percent).unwrap() * factor + shift;
        prop_assert!(near(percentile(&moved, percent_there).unwrap(), expected, size));
    }

    #[test]
    fn the_mad_is_no_more_than_half_of_the_range_and_none_of_a_constant(values in figures(1..60)) {
        let (low, high) = (percentile(&values, 0.0).unwrap(), percentile(&values, 100.0).unwrap());
        let found = mad(&values).unwrap();
        prop_assert!(0.0 <= found && found <= (high - low) / 2.0 * (1.0 + 1e-12));
        prop_assert_eq!(mad(&vec![values[0]; values.len()]), Some(0.0));
    }

    #[test]
    fn outliers_are_flagged_one_by_one_and_never_among_the_middle_half(values in figures(0..60)) {
        let flags = outliers(&values);
        prop_assert_eq!(flags.len(), values.len());
        if values.len() < MIN_FOR_OUTLIERS {
            prop_assert!(flags.iter().all(|flag| !flag));
        } else {
            let (middle, mad) = (median(&values).unwrap(), mad(&values).unwrap());
            let close = values.iter().zip(&flags).filter(|(value, _)| (*value - middle).abs() <= mad);
            prop_assert!(close.clone().all(|(_, flag)| !flag));
            prop_assert!(close.count() * 2 >= values.len());
        }
    }

    #[test]
    fn flags_stay_with_their_values_in_any_order_and_any_unit(
        (values, order) in rates(5..40).prop_flat_map(|values| {
            let order: Vec<_> = (0..values.len()).collect();
            (Just(values), Just(order).prop_shuffle())
        }),
    ) {
        let flags = outliers(&values);
        let shuffled: Vec<_> = order.iter().map(|from| values[*from]).collect();
        let expected: Vec<_> = order.iter().map(|from| flags[*from]).collect();
        prop_assert_eq!(outliers(&shuffled), expected);
        // A power of two causes no rounding.
        prop_assert_eq!(outliers(&scaled(&values, 0.125)), flags);
    }

    #[test]
    fn a_value_far_from_all_others_is_flagged(mut values in rates(5..40), far in prop_oneof![1.0..20.0, 300.0..1e6]) {
        values.push(far);
        prop_assert!(outliers(&values)[values.len() - 1], "{far} among {:?}", values);
    }

    #[test]
    fn merged_histograms_are_the_histogram_of_all_values(
        one in vec(1..100_000_000_u64, 0..60), other in vec(1..100_000_000_u64, 0..60), percent in 0.0..=100.0,
    ) {
        let all: Vec<_> = one.iter().chain(&other).copied().collect();
        let (one, other) = (histogram(&one), histogram(&other));
        let (mut merged, mut the_other_way) = (one.clone(), other.clone());
        merged.add(&other);
        the_other_way.add(&one);
        prop_assert_eq!(&merged, &the_other_way);
        prop_assert_eq!(&merged, &histogram(&all));
        prop_assert_eq!(merged.len(), one.len() + other.len());
        if !one.is_empty() && !other.is_empty() {
            let (a, b) = (one.percentile_ms(percent), other.percentile_ms(percent));
            let of_both = merged.percentile_ms(percent);
            prop_assert!(a.min(b) <= of_both && of_both <= a.max(b), "{of_both} is not between {a} and {b}");
        }
        let slowest = all.iter().max().map_or(0.0, |microseconds| f64::from(u32::try_from(*microseconds).unwrap()) / 1e3);
        prop_assert!((merged.max_ms() - slowest).abs() <= slowest / 1e3, "{} is not {slowest}", merged.max_ms());
    }
}
