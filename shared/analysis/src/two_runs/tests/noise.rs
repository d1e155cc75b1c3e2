//! The noise between runs.

use super::*;

fn history(runs: &[f64]) -> BaselineComparison {
    compare_with_history(0, None, runs)
}

#[test]
fn the_noise_between_runs_is_that_of_the_longer_history() {
    let mut a = run(json!({}), steady(1000.0));
    let mut b = a.clone();
    assert_eq!(Spread::between_runs(&a, &b), Spread::assumed());
    b.baseline = vec![history(&[100.0, 104.0, 98.0, 101.0])]; // one too few
    assert_eq!(Spread::between_runs(&a, &b), Spread::assumed());
    assert!(RunNoise::from(Spread::assumed()).source.starts_with("assumed: 5% between hosts"));
    let medians = [100.0, 104.0, 98.0, 101.0, 97.0];
    assert!(prediction_interval(&medians).is_some());
    b.baseline = vec![history(&medians)];
    let found = Spread::between_runs(&a, &b);
    // sqrt(sum((ln x - mean)^2) / 4)
    assert!((found.standard_deviation - 0.027_261).abs() < 1e-5 && found.runs == Some(5), "{found:?}");
    a.baseline = vec![history(&[100.0; 6]), history(&[100.0, 110.0, 100.0, 110.0, 100.0, 110.0, 100.0])];
    let longer = Spread::between_runs(&a, &b);
    assert_eq!(longer.runs, Some(6));
    assert_eq!(Spread::between_runs(&b, &a), longer);
    assert!(compare(&a, &b).noise.source.starts_with("measured: the medians of 6 earlier runs"));
}

#[test]
fn with_little_noise_between_runs_two_runs_are_equivalent() {
    let mut a = run(json!({}), steady(1000.0));
    a.baseline = vec![history(&[100.0, 100.1, 100.2, 100.1, 100.0, 99.9, 100.0, 100.1])];
    let found = compare(&a, &a.clone());
    assert_eq!(found.verdict, Change::Equivalent, "{:?}", found.scenarios[0]);
    assert_eq!(found.says, "Run B is as fast as run A: 1.00 (0.99–1.01) times.");
}

#[test]
fn a_ratio_without_noise_of_its_own_has_that_between_runs() {
    let exact = Interval { median: 2.0, low: 2.0, high: 2.0 };
    let found = Spread::assumed().between(&exact);
    let reach = 1.959_964 * 2.0_f64.sqrt() * 0.05;
    assert!((found.low - 2.0 * (-reach).exp()).abs() < 1e-6 && (found.high - 2.0 * reach.exp()).abs() < 1e-6);
    // Student's t with 4 degrees of freedom
    let found = Spread { standard_deviation: 0.05, runs: Some(5) }.between(&exact);
    assert!((found.high - 2.0 * (2.776_445 * 2.0_f64.sqrt() * 0.05).exp()).abs() < 1e-6);
    let steady = Spread { standard_deviation: 0.0, runs: None };
    let within = Interval { median: 2.0, low: 1.9, high: 2.2 };
    let found = steady.between(&within);
    assert!((found.low - 1.9).abs() < 1e-9 && (found.high - 2.2).abs() < 1e-9);
}

/// Hosts differ by 5%, iterations by 2%, as in benches/verdict-simulation, which prints the rates.
#[test]
fn alike_runs_are_seldom_called_different_and_half_as_fast_is_found() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut iterations_of = |speed: f64| {
        let hosts = noisy(&mut random, 1, speed, 0.05)[0];
        noisy(&mut random, 10, hosts, 0.02)
    };
    let (mut pooled, mut assumed, mut measured, mut found) = (0, 0, 0, 0);
    for _ in 0..100 {
        let runs = [100.0, 100.0, 50.0].map(&mut iterations_of);
        let [a, alike, slow] = [0, 1, 2].map(|run| Bootstrap::new(&runs[run], run as u64).expect("a sample"));
        let earlier: Vec<_> =
            (0..6).filter_map(|_| dicomperf_model::statistics::median(&iterations_of(100.0))).collect();
        let history = Spread::measured(&history(&earlier)).expect("enough runs");
        let ratio = alike.ratio_to(&a).expect("a ratio");
        let different =
            |ratio: &Interval| u32::from(matches!(judge_ratio(ratio), Change::Regressed | Change::Improved));
        pooled += different(&ratio);
        assumed += different(&Spread::assumed().between(&ratio));
        measured += different(&history.between(&ratio));
        let slow = Spread::assumed().between(&slow.ratio_to(&a).expect("a ratio"));
        found += u32::from(judge_ratio(&slow) == Change::Regressed);
    }
    let rates = format!("of 100: {pooled} pooled, {assumed} assumed, {measured} measured, {found} found");
    assert!(pooled >= 30 && assumed <= 5 && measured <= 5 && found >= 99, "{rates}");
}
