//! Comparisons of two runs that never happened.

mod differences;
mod existing;
mod noise;
mod pairs;
mod sentence;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::*;
use crate::summarize::{fixture, summarize};
use crate::verdict::{compare_with_history, judge_ratio};
use dicomperf_fixtures::spread as noisy;
use dicomperf_model::results::{BaselineComparison, Confidence, DifferenceOf, Finding, Rule, RunDifference, RunNoise};
use dicomperf_model::settings::{Axis, Settings};
use dicomperf_model::statistics::{Bootstrap, Interval, prediction_interval};

/// A run whose iterations take as many ms as `transfer_ms` returns.
fn run(document: Value, transfer_ms: impl Fn(&Settings, u32) -> f64) -> Summary {
    let plan = fixture::planned(document);
    let steps = fixture::all_steps(&plan, transfer_ms);
    Summary { diagnosis: Vec::new(), ..summarize(&plan, &steps, fixture::went_well()) }
}

/// Times of iterations that differ by at most 1%.
fn steady(base: f64) -> impl Fn(&Settings, u32) -> f64 {
    move |_, iteration| base * (1.0 + f64::from(iteration * 7 % 5) * 0.002)
}

fn finding(rule: Rule, scenarios: &[u32]) -> Finding {
    Finding {
        rule,
        confidence: Confidence::Likely,
        scenarios: scenarios.to_vec(),
        says: "so".to_owned(),
        evidence: Vec::new(),
        lacks: None,
        fix: "this".to_owned(),
        gain: None,
    }
}

#[test]
fn a_run_is_like_itself_and_five_percent_of_noise_leave_it_unproved() {
    let a = fixture::classic();
    let found = compare(&a, &a.clone());
    assert!(found.comparable && found.differences.is_empty() && found.only_in_a.is_empty());
    assert_eq!(found.scenarios.len(), 4);
    for pair in &found.scenarios {
        let (ratio, wide) = (pair.ratio.expect("a ratio"), pair.ratio_between_runs.expect("a ratio"));
        assert!(wide.low < ratio.low && ratio.high < wide.high, "{pair:?}");
        assert_eq!((pair.a, ratio.median, wide.median), (pair.b, 1.0, 1.0));
    }
    assert_eq!(found.verdict, Change::Inconclusive);
    assert_eq!(found.scenarios[0].name, "associations 1, TCP_NODELAY off");
    let says = "Of 4 pairs of scenarios: 4 inconclusive. Run B is 1.00 (0.87–1.15) times as fast as run A (associations 1, \
                TCP_NODELAY off): with this much noise between runs that is inconclusive.";
    assert_eq!(found.says, says);
}

#[test]
fn a_run_is_held_against_its_baseline() {
    let (earlier, slower) = (run(json!({}), steady(1000.0)), run(json!({}), steady(2000.0)));
    let held = |earlier: Result<&Summary, &str>| {
        let mut summary = slower.clone();
        compare_with_baseline(&mut summary, "run-0", earlier);
        summary
    };
    let regressed = held(Ok(&earlier));
    assert_eq!(regressed.verdict, Verdict::Regressed);
    assert_eq!(regressed.against.map(|against| against.verdict), Some(Change::Regressed));
    assert_eq!(held(Ok(&slower)).verdict, Verdict::Passed);

    let elsewhere = Summary { fingerprint: "another".to_owned(), ..earlier };
    let not_comparable = held(Ok(&elsewhere));
    assert_eq!(not_comparable.verdict, Verdict::Passed);
    assert!(not_comparable.against.is_some_and(|against| !against.comparable));
    assert!(not_comparable.notes.last().is_some_and(|note| note.starts_with("The baseline, run run-0: These runs")));

    let missing = held(Err("it has no report"));
    assert_eq!((missing.against, missing.verdict), (None, Verdict::Passed));
    assert_eq!(
        missing.notes.last().map(String::as_str),
        Some("Not compared with the baseline, run run-0: it has no report.")
    );
}
