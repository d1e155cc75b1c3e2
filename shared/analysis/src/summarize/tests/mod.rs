//! Summaries of runs that never happened.

mod history;
mod samples;
mod size;
mod unfinished;

use serde_json::json;

use super::fixture::*;
use super::*;
use dicomperf_model::measurement::ServerMetrics;
use dicomperf_model::network::{NetworkBaseline, RoundTrip, RoundTripMethod};
use dicomperf_model::request::Metric;
use dicomperf_model::results::{Rule, ScenarioResources};
use dicomperf_model::samples::{CpuSample, ResourceSample};
use dicomperf_model::settings::Axis;
use dicomperf_model::statistics::LeastSquares;
use dicomperf_model::step::HostRole;

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6 * expected, "{found} is not {expected}");
}

#[test]
fn a_complete_run_is_a_success_and_says_how_fast_it_was() {
    let plan = planned(json!({ "iterations": 5, "rounds": 2 }));
    let summary = summarize(&plan, &all_steps(&plan, |_, _| 2000.0), went_well());
    assert_eq!((summary.status, summary.verdict), (RunStatus::Succeeded, Verdict::Passed));
    let scenario = &summary.scenarios[0];
    let rate = scenario.instances_per_second.expect("a rate");
    assert_eq!((rate.median, rate.low, rate.high), (100.0, 100.0, 100.0));
    near(scenario.bytes_per_second.expect("a rate").median, 52_500_000.0);
    near(scenario.transfer_ms.expect("a time").median, 2000.0);
    near(scenario.duration_ms.expect("a time").median, 2035.0);
    assert_eq!(scenario.instances_per_second_mad, Some(0.0));
    assert_eq!((scenario.valid_iterations, scenario.counted_iterations, scenario.planned_iterations), (10, 10, 10));
    assert_eq!(scenario.iterations.len(), 12);
    assert_eq!(scenario.settings_key, plan.blocks[0].scenarios[0].settings.key());
    near(summary.cost_usd_at_most, plan.estimate.usd_per_hour / 2.0);
    assert_eq!(summary.versions.server.expect("told").orthanc.as_deref(), Some("1.12.2"));
    assert_eq!(summary.versions.client.expect("told").dcmtk.as_deref(), Some("3.6.7"));
}

#[test]
fn warm_ups_do_not_count() {
    let plan = planned(json!({ "iterations": 2, "rounds": 1, "warmup": 3 }));
    let slow_at_first = |_: &dicomperf_model::settings::Settings, index: u32| if index < 3 { 9000.0 } else { 1000.0 };
    let summary = summarize(&plan, &all_steps(&plan, slow_at_first), went_well());
    let scenario = &summary.scenarios[0];
    assert_eq!(scenario.instances_per_second.expect("a rate").median, 200.0);
    assert_eq!(scenario.c_stores, 400);
    assert!(scenario.latency_ms.expect("latencies").max < 5.1);
}

#[test]
fn latencies_are_percentiles_of_all_c_stores_together_and_no_means_of_percentiles() {
    let plan = planned(json!({ "iterations": 10, "rounds": 1 }));
    // One iteration in ten is slow: p90 is fast, p95 slow. The mean of ten p95 would be 14.5 ms.
    let one_slow = |_: &dicomperf_model::settings::Settings, index: u32| if index == 10 { 20_000.0 } else { 1000.0 };
    let summary = summarize(&plan, &all_steps(&plan, one_slow), went_well());
    let latency = summary.scenarios[0].latency_ms.expect("latencies");
    assert!((latency.p50 - 5.0).abs() < 0.01 && (latency.p90 - 5.0).abs() < 0.01, "{latency:?}");
    assert!((latency.p95 - 100.0).abs() < 0.1 && (latency.max - 100.0).abs() < 0.1, "{latency:?}");
}

#[test]
fn an_outlier_is_marked_and_still_counts() {
    let plan = planned(json!({ "iterations": 6, "rounds": 1 }));
    let transfer = |_: &dicomperf_model::settings::Settings, index: u32| {
        if index == 4 { 6000.0 } else { 1000.0 + f64::from(index) }
    };
    let summary = summarize(&plan, &all_steps(&plan, transfer), went_well());
    let scenario = &summary.scenarios[0];
    let marked: Vec<_> = scenario.iterations.iter().filter(|one| one.outlier).map(|one| one.index).collect();
    assert_eq!(marked, [4]);
    assert_eq!(scenario.valid_iterations, 6);
    assert!(summary.notes.iter().any(|note| note.starts_with("Scenario 0: outliers")), "{:?}", summary.notes);
}

proptest::proptest! {
    // Each case computes four bootstraps.
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(8))]

    #[test]
    fn every_valid_iteration_counts_marked_or_not(
        times in proptest::collection::vec(proptest::prop_oneof![9 => 900.0..1100.0, 1 => 5000.0..9000.0], 5..20),
    ) {
        let plan = planned(json!({ "iterations": times.len(), "rounds": 1, "warmup": 0 }));
        let summary = summarize(&plan, &all_steps(&plan, |_, index| times[index as usize]), went_well());
        let scenario = &summary.scenarios[0];
        proptest::prop_assert_eq!(scenario.valid_iterations as usize, times.len());
        proptest::prop_assert_eq!(scenario.c_stores, u64::from(INSTANCES) * times.len() as u64);
        let rates: Vec<_> = times.iter().map(|ms| f64::from(INSTANCES) / (ms / 1000.0)).collect();
        let rate = scenario.instances_per_second.expect("a rate").median;
        proptest::prop_assert_eq!(Some(rate), dicomperf_model::statistics::median(&rates));
        let marks: Vec<_> = scenario.iterations.iter().map(|one| one.outlier).collect();
        proptest::prop_assert_eq!(marks, dicomperf_model::statistics::outliers(&rates));
    }
}

#[test]
fn scenarios_that_differ_in_one_setting_are_compared() {
    let summary = classic();
    let found: Vec<_> = summary.comparisons.iter().map(|one| (one.a, one.b, one.difference.setting)).collect();
    assert_eq!(
        found,
        [(0, 1, Axis::Associations), (0, 2, Axis::TcpNoDelay), (1, 3, Axis::TcpNoDelay), (2, 3, Axis::Associations),]
    );
    let no_delay = &summary.comparisons[1];
    assert_eq!((&no_delay.difference.a, &no_delay.difference.b), (&json!(false), &json!(true)));
    let ratio = no_delay.ratio.expect("a ratio");
    assert!(ratio.low > 4.9 && ratio.high < 5.1 && (ratio.median - 5.0).abs() < 0.05, "{ratio:?}");
    assert!(summary.comparisons.iter().all(|one| one.verdict == Change::Improved));
}

#[test]
fn an_orthanc_configuration_counts_as_one_setting_and_shows_what_differs() {
    let plan = planned(json!({ "server": { "orthanc": { "StableAge": 5 } }, "matrix": { "orthanc": [
        {}, { "SyncStorageArea": false, "StorageCompression": true }, { "StableAge": 9 }] } }));
    let summary = summarize(&plan, &all_steps(&plan, |_, _| 1000.0), went_well());
    assert_eq!(summary.comparisons.len(), 3);
    let difference = &summary.comparisons[0].difference;
    assert_eq!(difference.a, json!({}));
    assert_eq!(difference.b, json!({ "SyncStorageArea": false, "StorageCompression": true }));
    assert_eq!(summary.comparisons[1].difference.a, json!({ "StableAge": 5 }));
    assert!(summary.comparisons.iter().all(|one| one.verdict == Change::Equivalent));
}

#[test]
fn too_few_iterations_give_a_ratio_and_no_verdict() {
    let plan = planned(json!({ "iterations": 4, "rounds": 1, "matrix": { "associations": [1, 4] } }));
    let summary = summarize(&plan, &all_steps(&plan, classic_transfer_ms), went_well());
    let comparison = &summary.comparisons[0];
    assert!((comparison.ratio.expect("a ratio").median - 2.0).abs() < 0.05);
    assert_eq!(comparison.verdict, Change::Inconclusive);
    assert_eq!(comparison.reason.as_deref(), Some("scenario 0 has 4 valid iterations, and 5 are needed"));
}

#[test]
fn an_invalid_iteration_makes_the_run_invalid_and_keeps_out_of_the_figures() {
    let plan = planned(json!({ "iterations": 3, "rounds": 1 }));
    let mut steps = all_steps(&plan, |_, _| 1000.0);
    let spoiled = &mut iterations_of(steps.last_mut().expect("a block"))[2];
    (spoiled.valid, spoiled.reason, spoiled.transfer_ms) = (false, Some("199 of 200 are stored".to_owned()), 10.0);
    let summary = summarize(&plan, &steps, went_well());
    assert_eq!((summary.status, summary.verdict), (RunStatus::Succeeded, Verdict::Invalid));
    assert_eq!((summary.scenarios[0].valid_iterations, summary.scenarios[0].counted_iterations), (2, 3));
    assert_eq!(summary.scenarios[0].instances_per_second.expect("a rate").high, 200.0);
    assert_eq!(summary.scenarios[0].c_stores, 400);
}

#[test]
fn an_invalid_warm_up_does_not_matter() {
    let plan = planned(json!({ "iterations": 1, "rounds": 1 }));
    let mut steps = all_steps(&plan, |_, _| 1000.0);
    iterations_of(steps.last_mut().expect("a block"))[0].valid = false;
    assert_eq!(summarize(&plan, &steps, went_well()).verdict, Verdict::Passed);
}

#[test]
fn an_iteration_without_a_time_is_invalid_and_says_so() {
    let plan = planned(json!({ "iterations": 1, "rounds": 1 }));
    let summary = summarize(&plan, &all_steps(&plan, |_, _| 0.0), went_well());
    assert_eq!(summary.verdict, Verdict::Invalid);
    assert_eq!(summary.scenarios[0].instances_per_second, None);
    let iteration = &summary.scenarios[0].iterations[1];
    assert_eq!((iteration.valid, iteration.reason.as_deref()), (false, Some("no time of transfer was measured")));
}

#[test]
fn a_differing_sample_is_noted() {
    let plan = planned(json!({}));
    let mut steps = all_steps(&plan, |_, _| 1000.0);
    if let Some(StepOutput::Measured(block)) = steps.last_mut().and_then(|report| report.output.as_mut()) {
        block
            .read_back
            .as_mut()
            .expect("an instance that was read back")
            .differences
            .push("(7fe0,0010) PixelData".to_owned());
    }
    let summary = summarize(&plan, &steps, went_well());
    assert_eq!(summary.samples[1].check.differences.len(), 1);
    assert!(summary.notes.iter().any(|note| note.contains("read-back check failed")), "{:?}", summary.notes);
}

#[test]
fn a_summary_survives_its_json() {
    let summary = classic();
    let json = serde_json::to_string(&summary).expect("JSON");
    assert_eq!(serde_json::from_str::<Summary>(&json).expect("a summary"), summary);
}

#[test]
fn a_probe_is_measured_and_compared_and_counts_for_no_verdict() {
    let plan = planned(json!({
        "iterations": 3, "rounds": 2, "matrix": { "tcpNoDelay": [false] },
        "thresholds": [{ "metric": "latencyMs.p99", "min": 40 }], "baseline": "history",
    }));
    let mut steps = all_steps(&plan, classic_transfer_ms);
    let summary = summarize(&plan, &steps, went_well());
    let [asked, probe] = &summary.scenarios[..] else { panic!("{:?}", summary.scenarios.len()) };
    assert_eq!((asked.probe, probe.probe, asked.planned_iterations, probe.planned_iterations), (false, true, 6, 5));
    near(summary.comparisons[0].ratio.expect("a ratio").median, 5.0);
    assert_eq!(summary.comparisons[0].verdict, Change::Improved);
    // The probe's 10 ms would break the threshold.
    assert_eq!((summary.thresholds.len(), summary.baseline.len()), (1, 1));
    assert_eq!((summary.status, summary.verdict), (RunStatus::Succeeded, Verdict::Passed));

    let probes = steps.iter_mut().find(|report| report.step == StepId::Measure { ordinal: 0, part: 0 }).expect("there");
    iterations_of(probes)[2].valid = false;
    assert_eq!(summarize(&plan, &steps, went_well()).verdict, Verdict::Passed);
}
