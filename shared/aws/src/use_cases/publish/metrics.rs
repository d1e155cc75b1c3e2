//! Metrics of a finished run in CloudWatch's embedded metric format: a line of JSON on standard output.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use dicomperf_model::results::{RunStatus, Verdict};
use dicomperf_model::telling::FinishedRun;

/// Namespace of the metrics.
const NAMESPACE: &str = "dicomperf";
/// Scenarios of a run with metrics at most: each makes three, and every metric has a price. A document has six metrics and
/// three dimensions at most, where the format allows 100 and 30.
const MAX_SCENARIOS: usize = 10;
/// The name of a run whose request was refused.
const UNNAMED: &str = "-";

/// Writes the metrics of a run: its end as counts of 0 or 1, and the figures of its first scenarios.
///
/// # Errors
/// The output does not take them.
pub(super) fn write(output: &mut impl Write, run: &FinishedRun, now: Timestamp) -> Result<(), Failure> {
    let name = run.name.as_deref().unwrap_or(UNNAMED);
    let count = |condition: bool| json!(u8::from(condition));
    let is_failed = run.status == RunStatus::Failed;
    let counts = [
        ("Runs", "Count", count(true)),
        ("Passed", "Count", count(run.verdict == Verdict::Passed && !is_failed)),
        ("Failed", "Count", count(is_failed)),
        ("Regressed", "Count", count(run.is_regressed())),
        ("ThresholdBroken", "Count", count(run.verdict == Verdict::ThresholdBroken)),
        ("HostsLeft", "Count", json!(run.hosts_left)),
    ];
    let dimensions = json!({ "Stack": run.stack, "Name": name });
    line(output, &json!([["Stack"], ["Stack", "Name"]]), &dimensions, &counts, run, now)?;
    for scenario in run.scenarios.iter().filter(|scenario| !scenario.probe).take(MAX_SCENARIOS) {
        let figures = [
            ("InstancesPerSecond", "Count/Second", json!(scenario.instances_per_second.map(|figure| figure.median))),
            ("BytesPerSecond", "Bytes/Second", json!(scenario.bytes_per_second.map(|figure| figure.median))),
            ("LatencyP95", "Milliseconds", json!(scenario.latency_ms.map(|latency| latency.p95))),
        ];
        // CloudWatch takes no null.
        let figures: Vec<_> = figures.into_iter().filter(|(_, _, value)| !value.is_null()).collect();
        if figures.is_empty() {
            continue;
        }
        let dimensions = json!({ "Stack": run.stack, "Name": name, "Scenario": dimension_value(&scenario.settings) });
        line(output, &json!([["Stack", "Name", "Scenario"]]), &dimensions, &figures, run, now)?;
    }
    Ok(())
}

/// Returns a text in the characters that a dimension's value may have: ASCII (CloudWatch API Reference, Dimension). The
/// words for settings end in an ellipsis if they are shortened, and are far below the limit of 1,024 characters.
fn dimension_value(text: &str) -> String {
    text.replace('…', "...").chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect()
}

/// Writes a document (Amazon CloudWatch User Guide, Specification: Embedded metric format).
fn line(
    output: &mut impl Write,
    sets: &Value,
    dimensions: &Value,
    figures: &[(&str, &str, Value)],
    run: &FinishedRun,
    now: Timestamp,
) -> Result<(), Failure> {
    let metrics: Vec<_> = figures.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let mut document: Map<String, Value> = dimensions.as_object().cloned().unwrap_or_default();
    document.extend(figures.iter().map(|(name, _, value)| ((*name).to_owned(), value.clone())));
    document.insert("RunId".to_owned(), json!(run.run_id));
    document.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": sets, "Metrics": metrics }],
        }),
    );
    // One write, so that no line of the log comes between.
    let text = format!("{}\n", Value::Object(document));
    output.write_all(text.as_bytes()).map_err(|error| Failure::Aws {
        doing: format!("writing the metrics of run {}", run.run_id),
        reason: error.to_string(),
    })
}
