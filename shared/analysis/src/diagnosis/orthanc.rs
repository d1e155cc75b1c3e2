//! Rules for settings that make Orthanc work on each instance.

use serde_json::Value;

use super::measured::{Case, Measured, Variant, at_least, findings, is_closed, share};
use dicomperf_model::results::{Confidence, Finding, Rule};
use dicomperf_model::results::{ScenarioSummary, Summary};
use dicomperf_model::settings::Axis;

/// Orthanc's work costs time if its busiest thread is busy for at least this share of the time, or if Orthanc uses at
/// least this share of all CPUs.
const MIN_BUSY_SHARE: f64 = 0.50;

/// A setting that makes Orthanc work on every instance.
struct Work {
    rule: Rule,
    key: &'static str,
    is_on: fn(&Value) -> bool,
    says: &'static str,
    fix: &'static str,
}

const WORK: [Work; 2] = [
    Work {
        rule: Rule::StorageCompression,
        key: "StorageCompression",
        is_on: |value| value == &Value::Bool(true),
        says: "Orthanc deflates each file before it writes it, on the thread that receives the next one.",
        fix: "StorageCompression off, as the Orthanc Book advises \
              (https://orthanc.uclouvain.be/book/faq/scalability.html), or a compressed transfer syntax from the sender.",
    },
    Work {
        rule: Rule::IngestTranscoding,
        key: "IngestTranscoding",
        is_on: |value| value.as_str().is_some_and(|syntax| !syntax.is_empty()),
        says: "Orthanc decodes and encodes each instance before it stores it.",
        fix: "IngestTranscoding off; where instances must be stored compressed, let the sender compress them.",
    },
];

pub(super) fn find(measured: &Measured<'_>) -> Vec<Finding> {
    WORK.iter()
        .flat_map(|work| {
            let cases = measured.orthanc_scenarios().filter_map(|one| ingest_cost(measured, one, work)).collect();
            findings(work.rule, cases, work.says, work.fix)
        })
        .collect()
}

fn ingest_cost(measured: &Measured<'_>, scenario: &ScenarioSummary, work: &Work) -> Option<Case> {
    let number = scenario.number;
    if !setting_value(measured.summary, scenario, work.key).is_some_and(work.is_on) || !is_closed(scenario) {
        return None;
    }
    let used = scenario.resources.server.as_ref();
    let busy = used.and_then(|used| {
        let orthanc = used.orthanc?;
        let of_all = orthanc.cpu_cores / f64::from(used.cpus.max(1));
        Some(orthanc.busiest_thread.unwrap_or_default().max(of_all))
    });
    let figure = "Orthanc's busiest thread, or its share of all CPUs";
    let mut evidences: Vec<_> =
        busy.map(|busy| share(number, figure, busy, at_least(MIN_BUSY_SHARE))).into_iter().collect();
    let without = measured.variants(scenario, Axis::Orthanc).into_iter().find(|other| is_without(other, work));
    let (confidence, gain) = match without {
        Some(without) if without.is_faster() => {
            evidences.push(without.evidence(number, &format!("with {} off", work.key)));
            (Confidence::Proven, Some(without.gain(number)))
        }
        Some(_) => return None,
        None if busy.is_some_and(|busy| busy >= MIN_BUSY_SHARE) => (Confidence::Likely, None),
        None => (Confidence::Possible, None),
    };
    Some(Case { scenario: number, confidence, weight: busy.unwrap_or_default(), evidence: evidences, gain })
}

/// Returns the value of a key in a scenario: from the request, or else from the live configuration.
fn setting_value<'a>(summary: &'a Summary, scenario: &'a ScenarioSummary, key: &str) -> Option<&'a Value> {
    let live = || summary.server_configuration.as_ref()?.orthanc.get("configuration")?.get(key);
    scenario.settings.orthanc.get(key).or_else(live)
}

/// True if the other scenario differs in this setting only, and has it off.
fn is_without(other: &Variant<'_>, work: &Work) -> bool {
    let keys = other.value.as_object().into_iter().chain(other.own.as_object()).flatten();
    // Keys with the setting's name as a prefix belong to it, and may differ too.
    keys.map(|(key, _)| key).all(|key| key.starts_with(work.key)) && !other.value.get(work.key).is_some_and(work.is_on)
}
