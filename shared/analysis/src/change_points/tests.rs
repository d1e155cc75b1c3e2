use std::f64::consts::TAU;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Runs whose median is 100 before `step` and `after` from there on, with log-normal noise between runs.
fn series(seed: u64, runs: usize, step: usize, after: f64, spread: f64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..runs)
        .map(|run| {
            let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
            let noise = (spread * (-2.0 * u.ln()).sqrt() * (TAU * v).cos()).exp();
            noise * if run < step { 100.0 } else { after }
        })
        .collect()
}

#[test]
fn a_step_of_a_tenth_is_marked_within_two_runs() {
    for after in [90.0, 110.0] {
        let misplaced: Vec<_> = (0..100)
            .map(|seed| change_points(&series(seed, 40, 20, after, 0.03)))
            .filter(|found| found.len() != 1 || found[0].abs_diff(20) > 2)
            .collect();
        assert_eq!(misplaced, Vec::<Vec<usize>>::new(), "to {after}");
    }
}

#[test]
fn noise_alone_is_no_change() {
    let marked: Vec<_> =
        (0..100).filter(|seed| !change_points(&series(*seed, 40, 0, 100.0, 0.03)).is_empty()).collect();
    assert_eq!(marked, Vec::<u64>::new());
}

#[test]
fn one_disturbed_run_is_no_change() {
    for place in [0, 20, 39] {
        let mut values = series(7, 40, 0, 100.0, 0.03);
        values[place] = 30.0;
        assert_eq!(change_points(&values), Vec::<usize>::new(), "run {place}");
    }
}

#[test]
fn several_steps_of_a_long_series_are_found_across_windows() {
    let mut values = Vec::new();
    for (part, (runs, level)) in [(90, 100.0), (95, 90.0), (60, 101.0), (155, 80.0)].into_iter().enumerate() {
        values.extend(series(part as u64, runs, 0, level, 0.02));
    }
    let found = change_points(&values);
    assert_eq!(found.len(), 3, "{found:?}");
    for (found, expected) in found.iter().zip([90, 185, 245]) {
        assert!(found.abs_diff(expected) <= 2, "{found} is not {expected}");
    }
}

#[test]
fn a_short_series_is_not_searched_and_has_its_noise() {
    let values = series(1, 24, 12, 50.0, 0.01);
    let found = segments(&values);
    assert_eq!((found.len(), found[0].runs.clone(), found[0].ratio), (1, 0..24, None));
    assert!(segments(&values[..4])[0].noise.is_none());
    assert_eq!(segments(&[]), []);
    assert_eq!(segments(&[0.0; 30]).len(), 1, "nothing is divided by 0");
}

#[test]
fn a_segment_has_its_own_noise_and_its_ratio() {
    let found = segments(&series(3, 40, 20, 90.0, 0.02));
    let [before, after] = &found[..] else { panic!("{found:?}") };
    assert!((after.ratio.expect("a ratio") - 0.9).abs() < 0.02, "{after:?}");
    let (low, high) = (before.noise.as_ref().expect("noise"), after.noise.as_ref().expect("noise"));
    assert!(low.low > 88.0 && high.high < 100.0, "{found:?}");
}

#[test]
fn a_change_below_the_margin_is_none() {
    // 1% with hardly any noise is significant, and no change.
    assert_eq!(change_points(&series(5, 60, 30, 101.0, 0.001)), Vec::<usize>::new());
}

#[test]
fn the_same_runs_give_the_same_change_points() {
    let values = series(11, 200, 77, 93.0, 0.04);
    assert_eq!(segments(&values), segments(&values));
}
