//! Runs that did not end as planned, and reports in any order.

use super::*;

#[test]
fn a_run_that_ended_early_keeps_what_was_measured_and_names_what_was_not() {
    let plan = planned(json!({ "iterations": 3, "rounds": 2, "matrix": { "tcpNoDelay": [false, true] } }));
    let mut steps = vec![
        measured(&plan, 0, |_, _| 1000.0),
        measured(&plan, 1, |_, _| 1000.0),
        failed(StepId::ConfigureServer { ordinal: 2 }, "ServerNotReady", "no C-ECHO after 60 s"),
    ];
    iterations_of(&mut steps[1]).truncate(2);
    let error =
        RunError { error: "StepFailed".to_owned(), cause: "server host i-1, step server-configure-2: no".to_owned() };
    let summary = summarize(&plan, &steps, Outcome { error: Some(error.clone()), ..went_well() });
    assert_eq!((summary.status, summary.verdict), (RunStatus::Failed, Verdict::Invalid));
    assert_eq!(summary.error, Some(error));
    let valid: Vec<_> = summary.scenarios.iter().map(|one| one.valid_iterations).collect();
    assert_eq!(valid, [3, 1]);
    let missing: Vec<_> = summary.not_measured.iter().map(|one| (one.ordinal, one.scenario, one.iterations)).collect();
    assert_eq!(missing, [(1, 1, 2), (2, 1, 3), (3, 0, 3)]);
    let failure = &summary.failed_steps[0];
    assert_eq!((failure.host, failure.step.as_str()), (HostRole::Server, "server-configure-2"));
}

#[test]
fn a_run_without_a_single_report_still_has_a_summary() {
    let plan = planned(json!({}));
    let error = RunError { error: "NoCapacity".to_owned(), cause: "server host: none".to_owned() };
    let summary = summarize(&plan, &[], Outcome { error: Some(error), ..went_well() });
    assert_eq!((summary.status, summary.verdict), (RunStatus::Failed, Verdict::Invalid));
    let scenario = &summary.scenarios[0];
    assert_eq!((scenario.instances_per_second, scenario.latency_ms, scenario.c_stores), (None, None, 0));
    assert_eq!(summary.dataset.instances, INSTANCES);
}

#[test]
fn a_host_that_is_left_fails_the_run_and_leaves_its_result() {
    let plan = planned(json!({}));
    let steps = all_steps(&plan, |_, _| 1000.0);
    let summary = summarize(&plan, &steps, Outcome { hosts_left: 1, ..went_well() });
    assert_eq!((summary.status, summary.verdict, summary.hosts_left), (RunStatus::Failed, Verdict::Passed, 1));
}

#[test]
fn parts_of_a_step_are_one_measurement_and_no_iteration_counts_twice() {
    let plan = planned(json!({ "iterations": 3, "rounds": 1 }));
    let whole = measured(&plan, 0, |_, _| 1000.0);
    let mut first = whole.clone();
    iterations_of(&mut first).truncate(2);
    let second = StepReport { step: StepId::Measure { ordinal: 0, part: 1 }, ..whole.clone() };
    let expected = summarize(&plan, &[whole], went_well());
    for steps in [[first.clone(), second.clone()], [second, first]] {
        assert_eq!(summarize(&plan, &steps, went_well()), expected);
    }
}

#[test]
fn the_order_of_the_reports_does_not_matter() {
    let plan = planned(json!({ "matrix": { "associations": [1, 4], "tcpNoDelay": [false, true] } }));
    let mut steps = all_steps(&plan, classic_transfer_ms);
    let expected = summarize(&plan, &steps, went_well());
    steps.reverse();
    assert_eq!(summarize(&plan, &steps, went_well()), expected);
}
