use serde_json::json;

use crate::fixtures::{small, went_well};
use crate::markdown;
use dicomperf_analysis::summarize::{Outcome, summarize};
use dicomperf_analysis::verdict::HistoricScenario;
use dicomperf_fixtures::*;
use dicomperf_model::dataset::Refused;
use dicomperf_model::results::RunError;
use dicomperf_model::step::StepId;

/// Text that, unescaped, would break out of a table, a line, or Markdown itself.
const HOSTILE: &str = "a|b\nc <script>alert(1)</script> [x](javascript:y) `z` **w** # v";

fn line<'a>(report: &'a str, part: &str) -> &'a str {
    report.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part:?} in\n{report}"))
}

/// Asserts that every row of every table has as many cells as the header.
fn assert_tables_are_whole(report: &str) {
    let mut columns = None;
    for line in report.lines() {
        let cells = line.replace("\\|", "").matches('|').count();
        if line.starts_with('|') {
            assert_eq!(*columns.get_or_insert(cells), cells, "{line}");
        } else {
            columns = None;
        }
    }
}

#[test]
fn a_passed_run_says_so_in_its_first_sentence() {
    let report = markdown(&small());
    assert!(report.starts_with("# dicomperf: classic\n\n**Passed**: all 24 counted iterations are valid, scenario 3"));
    let sentence = line(&report, "**Passed**");
    assert!(
        sentence.contains("(associations 4, TCP_NODELAY on) is the fastest of 4, at 199 instances/s"),
        "{sentence}"
    );
    assert!(sentence.ends_with("and the threshold is kept."), "{sentence}");
    assert_tables_are_whole(&report);
}

#[test]
fn the_table_has_the_settings_that_vary_and_the_figures_with_their_units() {
    let report = markdown(&small());
    assert_eq!(
        line(&report, "| MAD |"),
        "| scenario | associations | TCP_NODELAY | instances/s | MAD | MB/s | p50 ms | p90 ms | p95 ms | p99 ms | max ms \
         | C-STOREs | valid |"
    );
    let row = line(&report, "| 3 | 4 | on | 199 (199–200) |");
    assert!(row.ends_with("| 1200 | 6/6 |"), "{row}");
}

#[test]
fn comparisons_read_as_sentences() {
    let report = markdown(&small());
    let sentence = line(&report, "TCP_NODELAY on is");
    assert!(
        sentence
            .starts_with("- TCP_NODELAY on is 5.0 (5.0–5.0) times as fast as off, with associations 1: **improved**"),
        "{sentence}"
    );
    assert!(report.contains("- associations 4 is 2.0 (2.0–2.0) times as fast as 1, with TCP_NODELAY off"), "{report}");
}

#[test]
fn an_axis_of_many_values_is_shown_against_its_first() {
    let plan = planned(json!({ "matrix": { "associations": [1, 2, 4, 8] } }));
    let report = markdown(&summarize(&plan, &all_steps(&plan, |_, _| 1000.0), went_well()));
    assert_eq!(report.matches("times as fast as 1").count(), 3);
    assert!(report.contains("3 more pairs are in report.json."), "{report}");
}

#[test]
fn too_short_a_history_says_how_many_runs_are_missing() {
    let report = markdown(&small());
    let sentence = line(&report, "- scenario 0 (associations 1, TCP");
    assert!(
        sentence.contains("**inconclusive**: 0 of 5 earlier runs") && sentence.ends_with("5 missing"),
        "{sentence}"
    );
}

#[test]
fn a_regression_and_a_broken_threshold_are_said_first_with_their_figures() {
    let plan = planned(json!({ "baseline": "history" }));
    let history = (1..=5).map(|days| HistoricScenario {
        settings_key: plan.blocks[0].scenarios[0].settings.key(),
        run_id: format!("earlier-{days}"),
        created_at: midnight() - jiff::SignedDuration::from_hours(24 * days),
        instances_per_second: if days % 2 == 0 { 100.0 } else { 102.0 },
    });
    let outcome = Outcome { history: history.collect(), ..went_well() };
    let report = markdown(&summarize(&plan, &all_steps(&plan, |_, _| 2500.0), outcome));
    assert!(
        report.contains("**Regressed**: scenario 0 is 0.78 times as fast as the median of 5 earlier runs"),
        "{report}"
    );

    let plan = planned(json!({ "thresholds": [{ "metric": "latencyMs.p99", "max": 10 }] }));
    let report = markdown(&summarize(&plan, &all_steps(&plan, |_, _| 4000.0), went_well()));
    let sentence = line(&report, "**Threshold broken**");
    assert!(sentence.contains("latencyMs.p99 is 20.0 in scenario 0, and at most 10 is asked for"), "{sentence}");
}

#[test]
fn a_failed_run_names_host_step_and_reason_and_what_is_missing() {
    let plan = planned(json!({ "rounds": 2 }));
    let steps = [
        measured(&plan, 0, |_, _| 1000.0),
        failed(StepId::Measure { ordinal: 1, part: 0 }, "AssociationFailed", "refused"),
    ];
    let error = RunError {
        error: "StepFailed".to_owned(),
        cause: "client host i-0abc, step client-measure-1: refused\nsecond line".to_owned(),
    };
    let report = markdown(&summarize(&plan, &steps, Outcome { error: Some(error), hosts_left: 1, ..went_well() }));
    assert!(
        report.contains("**Failed** with StepFailed: 5 of 10 planned iterations are measured and valid"),
        "{report}"
    );
    assert!(report.contains("> client host i-0abc, step client-measure-1: refused\\\n> second line"), "{report}");
    assert!(report.contains("client host, step client-measure-1: **AssociationFailed**"), "{report}");
    assert!(report.contains("**1 host left**"), "{report}");
    assert!(report.contains("- 5 iterations in round 1 of scenario 0"), "{report}");
}

#[test]
fn a_run_that_measured_nothing_has_a_report() {
    let plan = planned(json!({ "matrix": { "associations": [1, 4] }, "baseline": "history",
        "thresholds": [{ "metric": "bytesPerSecond", "min": 1 }] }));
    let report = markdown(&summarize(&plan, &[], went_well()));
    assert!(report.contains("**Failed** without measuring all that was planned: nothing was measured."), "{report}");
    assert!(report.contains("| 0 | 1 | – | – |"), "{report}");
    assert_tables_are_whole(&report);
}

#[test]
fn invalid_iterations_and_refused_objects_have_their_reasons() {
    let mut plan = planned(json!({ "iterations": 3, "rounds": 1 }));
    plan.dataset.refused.push(Refused { key: "a.dcm".to_owned(), reason: "not DICOM".to_owned() });
    let mut steps = all_steps(&plan, |_, _| 1000.0);
    let spoiled = &mut iterations_of(steps.last_mut().expect("a block"))[1];
    (spoiled.valid, spoiled.reason) = (false, Some("199 of 200 are stored".to_owned()));
    let report = markdown(&summarize(&plan, &steps, went_well()));
    assert!(report.contains("**Invalid**: 1 of 3 counted iterations are invalid"), "{report}");
    assert!(report.contains("| scenario 0 | 0 | 1 | 200 | 0 | 0 | 0 | 200 | 199 of 200 are stored |"), "{report}");
    assert!(report.contains("| a.dcm | not DICOM |"), "{report}");
}

#[test]
fn foreign_text_cannot_break_out_of_its_place() {
    let mut plan = planned(json!({ "iterations": 2, "rounds": 1 }));
    plan.dataset.refused.push(Refused { key: HOSTILE.to_owned(), reason: HOSTILE.to_owned() });
    plan.request.name = HOSTILE.to_owned();
    let mut steps = all_steps(&plan, |_, _| 1000.0);
    let spoiled = &mut iterations_of(steps.last_mut().expect("a block"))[1];
    (spoiled.valid, spoiled.reason) = (false, Some(HOSTILE.to_owned()));
    steps.push(failed(StepId::Collect, HOSTILE, HOSTILE));
    let error = RunError { error: HOSTILE.to_owned(), cause: format!("- {HOSTILE}") };
    let report = markdown(&summarize(&plan, &steps, Outcome { error: Some(error), ..went_well() }));
    assert_tables_are_whole(&report);
    for raw in ["<script", "[x](", "`z`", "**w**"] {
        assert!(!report.contains(raw), "{raw} is in\n{report}");
    }
    assert!(report.contains("a\\|b c &lt;script&gt;"), "{report}");
}

#[test]
fn configuration_versions_and_cost_are_there() {
    let report = markdown(&small());
    for part in [
        "| Orthanc | 1.12.2 | – |",
        "| DCMTK | – | 3.6.7 |",
        "| type | t3.micro, unlimited credits |",
        "In every scenario: sender storescu, target orthanc, instances an association all, PDU bytes 16384, TLS off",
        "| configuration | DicomThreadsCount | 4 |",
        "| environment | TCP_NODELAY | 1 |",
        "fingerprint",
        "US dollars at list price",
        "200 instances, 105 MB",
        "docs/results.md",
    ] {
        assert!(report.contains(part), "{part} is missing in\n{report}");
    }
}

/// The sink is a yardstick for sender and network: it counts and discards.
#[test]
fn the_headline_is_of_the_server_under_test_and_not_of_the_sink() {
    let plan = planned(json!({ "matrix": { "target": ["orthanc", "sink"] } }));
    let sink_is_faster = |settings: &dicomperf_model::settings::Settings, _| match settings.target {
        dicomperf_model::request::Target::Sink => 100.0,
        dicomperf_model::request::Target::Orthanc | dicomperf_model::request::Target::Existing => 1000.0,
    };
    let report = markdown(&summarize(&plan, &all_steps(&plan, sink_is_faster), went_well()));
    assert!(line(&report, "Passed").contains("at 200 instances/s"), "{}", line(&report, "Passed"));
    assert!(!line(&report, "Passed").contains("sink"), "{}", line(&report, "Passed"));
}
