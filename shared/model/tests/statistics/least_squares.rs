//! The least squares line: exact where it must be, and the same for any division of its points into parts.

use dicomperf_model::statistics::LeastSquares;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

fn fit(points: &[(f64, f64)]) -> LeastSquares {
    let mut fit = LeastSquares::default();
    for &(x, y) in points {
        fit.add(x, y);
    }
    fit
}

/// Sizes in bytes and times in ms. At least two sizes differ.
fn points() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let point = || (1e3..5e8_f64, 0.1..1e4_f64);
    (point(), point(), vec(point(), 0..60))
        .prop_map(|(one, (x, y), mut rest)| {
            rest.extend([one, (x, y)]);
            rest
        })
        .prop_filter("two different sizes", |points| points.iter().any(|(x, _)| (x - points[0].0).abs() > 1e3))
}

fn alike(one: &LeastSquares, other: &LeastSquares) -> bool {
    let near = |a: f64, b: f64, size: f64| (a - b).abs() <= 1e-9 * size;
    one.n == other.n
        && near(one.mean_x, other.mean_x, other.mean_x)
        && near(one.mean_y, other.mean_y, other.mean_y)
        && near(one.m2_x, other.m2_x, other.m2_x)
        // By Cauchy and Schwarz, c_xy is at most this, and may be anything below.
        && near(one.c_xy, other.c_xy, other.m2_x.sqrt() * 1e4 * 8.0)
}

proptest! {
    #[test]
    fn points_on_a_line_give_that_line(
        xs in vec(1e3..5e8_f64, 2..60), intercept in -100.0..100.0, slope in -1e-3..1e-3,
    ) {
        prop_assume!(xs.iter().any(|x| (x - xs[0]).abs() > 1e3));
        let points: Vec<_> = xs.iter().map(|x| (*x, intercept + slope * x)).collect();
        let line = fit(&points).line().unwrap();
        for (x, y) in points {
            prop_assert!((line.intercept + line.slope * x - y).abs() < 1e-6, "{:?} at {x}", line);
        }
    }

    #[test]
    fn the_line_passes_through_the_means_and_the_distances_cancel(points in points()) {
        let fit = fit(&points);
        let line = fit.line().unwrap();
        let at_mean = line.intercept + line.slope * fit.mean_x;
        prop_assert!((at_mean - fit.mean_y).abs() <= 1e-9 * (line.slope * fit.mean_x).abs().max(fit.mean_y));
        let distances: f64 = points.iter().map(|(x, y)| y - (line.intercept + line.slope * x)).sum();
        prop_assert!(distances.abs() < 1e-6 * (line.slope.abs() * 5e8).max(1e4), "{distances}");
    }

    #[test]
    fn no_other_line_is_closer_to_the_points(points in points(), turn in -1.0..1.0, shift in -1.0..1.0) {
        let line = fit(&points).line().unwrap();
        let squares = |intercept: f64, slope: f64| -> f64 {
            points.iter().map(|(x, y)| (y - (intercept + slope * x)).powi(2)).sum()
        };
        let (best, other) = (
            squares(line.intercept, line.slope),
            squares(line.intercept + shift * 1e3, line.slope + turn * 1e-5),
        );
        prop_assert!(best <= other * (1.0 + 1e-9) + 1e-6, "{best} > {other}");
    }

    #[test]
    fn parts_merge_into_the_whole_in_any_order(points in points(), cut in any::<Index>(), cut_again in any::<Index>()) {
        let (cut, cut_again) = (cut.index(points.len()), cut_again.index(points.len()));
        let (low, high) = (cut.min(cut_again), cut.max(cut_again));
        let parts = [fit(&points[..low]), fit(&points[low..high]), fit(&points[high..])];
        let whole = fit(&points);
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]] {
            let mut merged = LeastSquares::default();
            for part in order {
                merged.merge(&parts[part]);
            }
            prop_assert!(alike(&merged, &whole), "{:?} is not {:?}", merged, whole);
        }
        let mut right_first = parts[1];
        right_first.merge(&parts[2]);
        let mut merged = parts[0];
        merged.merge(&right_first);
        prop_assert!(alike(&merged, &whole), "{:?} is not {:?}", merged, whole);
    }

    #[test]
    fn an_empty_part_changes_nothing(points in points()) {
        let (whole, empty) = (fit(&points), LeastSquares::default());
        let (mut left, mut right) = (empty, whole);
        left.merge(&whole);
        right.merge(&empty);
        prop_assert_eq!(left, whole);
        prop_assert_eq!(right, whole);
    }

    #[test]
    fn equal_sizes_have_no_line_however_they_were_divided(
        x in -1e9..1e9, ys in vec(0.0..1e4, 0..30), more in vec(0.0..1e4, 0..30),
    ) {
        let of = |ys: &[f64]| fit(&ys.iter().map(|y| (x, *y)).collect::<Vec<_>>());
        let mut merged = of(&ys);
        prop_assert_eq!(merged.line(), None);
        merged.merge(&of(&more));
        prop_assert_eq!(merged.line(), None);
    }

    #[test]
    fn a_far_origin_costs_no_digits(points in vec((0.0..1e3_f64, 0.0..1e3_f64), 3..60)) {
        prop_assume!(points.iter().any(|(x, _)| (x - points[0].0).abs() > 10.0));
        // Whole numbers and a power of two: shifting them causes no rounding.
        let near: Vec<_> = points.iter().map(|(x, y)| (x.round(), y.round())).collect();
        let far: Vec<_> = near.iter().map(|(x, y)| (x + f64::from(1 << 30), *y)).collect();
        let (near, far) = (fit(&near).line().unwrap(), fit(&far).line().unwrap());
        prop_assert!((near.slope - far.slope).abs() <= 1e-6 * near.slope.abs().max(1.0), "{:?} {:?}", near, far);
    }
}
