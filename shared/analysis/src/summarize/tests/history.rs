//! Thresholds and earlier runs.

use super::*;

#[test]
fn a_broken_threshold_names_its_metric_limit_value_and_scenario() {
    let plan = planned(json!({ "matrix": { "associations": [1, 4] },
        "thresholds": [{ "metric": "instancesPerSecond", "min": 150 }, { "metric": "latencyMs.p50", "max": 20 }] }));
    let summary = summarize(&plan, &all_steps(&plan, classic_transfer_ms), went_well());
    assert_eq!(summary.verdict, Verdict::ThresholdBroken);
    let broken: Vec<_> = summary.thresholds.iter().filter(|one| one.state == ThresholdState::Broken).collect();
    assert_eq!(broken.len(), 1);
    assert_eq!((broken[0].metric, broken[0].min, broken[0].scenario), (Metric::InstancesPerSecond, Some(150.0), 0));
    assert!((broken[0].value.expect("a value") - 99.6).abs() < 0.5);
}

fn history(plan: &Plan, medians: &[f64]) -> Vec<HistoricScenario> {
    let settings_key = plan.blocks[0].scenarios[0].settings.key();
    medians
        .iter()
        .zip(1..)
        .map(|(median, days)| HistoricScenario {
            settings_key: settings_key.clone(),
            run_id: format!("earlier-{days}"),
            created_at: midnight() - jiff::SignedDuration::from_hours(24 * days),
            instances_per_second: *median,
        })
        .collect()
}

#[test]
fn a_run_below_the_noise_of_its_history_is_a_regression() {
    let plan = planned(json!({ "baseline": "history" }));
    let steps = all_steps(&plan, |_, _| 2500.0); // 80 instances/s
    let history = history(&plan, &[100.0, 104.0, 98.0, 101.0, 97.0]);
    let summary = summarize(&plan, &steps, Outcome { history: history.clone(), ..went_well() });
    assert_eq!((summary.status, summary.verdict), (RunStatus::Succeeded, Verdict::Regressed));
    near(summary.baseline[0].ratio.expect("a ratio"), 0.8);
    let short = Outcome { history: history[..4].to_vec(), ..went_well() };
    let summary = summarize(&plan, &steps, short);
    assert_eq!((summary.verdict, summary.baseline[0].runs_missing), (Verdict::Passed, 1));
}

#[test]
fn history_counts_only_where_the_request_asks_for_it() {
    let plan = planned(json!({}));
    let history = history(&plan, &[100.0, 104.0, 98.0, 101.0, 97.0]);
    let summary = summarize(&plan, &all_steps(&plan, |_, _| 2500.0), Outcome { history, ..went_well() });
    assert_eq!((summary.verdict, summary.baseline.len()), (Verdict::Passed, 0));
}
