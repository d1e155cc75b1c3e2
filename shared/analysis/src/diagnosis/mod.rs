//! The diagnosis of a run: rules over its [`Summary`] that find what limited it. Each finding has evidence, a
//! confidence, a fix, and the gain that the fix should bring.
//!
//! docs/diagnosis.md lists the rules. docs/lab-notebook.md has the measurements of each rule, provoked on purpose.

mod association;
mod client;
mod configuration;
mod course;
mod failures;
mod measured;
mod nagle;
mod network;
mod orthanc;
mod server;
mod transport;

use dicomperf_model::results::{ConfigurationAdvice, Finding, Summary};

pub(crate) use association::association_advice;
pub(crate) use failures::{ServerSide, UnusualStore, Window, fault_of_end, fault_of_log};
use measured::Measured;

/// Returns every finding of a run: first the failures of the server, then the limits of the transfer. Both are sorted
/// by confidence and then by gain, the highest first.
///
/// The summary has all that is needed, so an old report can be diagnosed again.
#[must_use]
pub fn diagnose(summary: &Summary) -> Vec<Finding> {
    let measured = Measured::new(summary);
    let mut findings = Vec::new();
    findings.extend(failures::find(summary));
    findings.extend(nagle::find(&measured));
    findings.extend(transport::find(&measured));
    findings.extend(client::find(&measured));
    findings.extend(server::find(&measured));
    findings.extend(network::find(&measured));
    findings.extend(orthanc::find(&measured));
    findings.extend(course::find(&measured));
    findings.extend(configuration::find(summary));
    let gain = |finding: &Finding| finding.gain.as_ref().map_or(1.0, |gain| gain.times);
    let rank = |finding: &Finding| (!finding.rule.is_server_fault(), finding.confidence);
    findings.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| gain(b).total_cmp(&gain(a))));
    findings
}

/// Returns a note on the range in which the diagnosis looked for growth and found none.
#[must_use]
pub fn growth_note(summary: &Summary) -> Option<String> {
    let measured = Measured::new(summary);
    course::instances_without_growth(&measured).map(|instances| {
        if measured.is_existing() {
            format!(
                "No scenario got slower from the first instance of an iteration to its last, up to {instances} instances. \
                 The number of instances that the server held before is not known."
            )
        } else {
            format!(
                "No scenario got slower as the server filled, up to {instances} instances. A larger archive may show \
                 growth."
            )
        }
    })
}

/// Returns, in words, the findings due to which a scenario's figures may not be those of the server.
#[must_use]
pub fn warnings(findings: &[Finding], scenario: u32) -> Vec<String> {
    let of_scenario = findings.iter().filter(|one| one.rule.is_warning() && one.scenarios.contains(&scenario));
    of_scenario.map(|one| format!("{} ({}): {}", one.rule.title(), one.confidence, one.says)).collect()
}

/// Compares each setting of Orthanc's live configuration with the advice for ingest. Empty if the configuration is not
/// known.
#[must_use]
pub fn configuration(summary: &Summary) -> Vec<ConfigurationAdvice> {
    configuration::advice(summary)
}

#[cfg(test)]
mod tests;
