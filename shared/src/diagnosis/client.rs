//! Whether the sender was the limit.

use super::measured::{Case, Measured, at_least, at_most, closed, evidence, findings, lanes, of_iterations, share};
use super::{Confidence, Finding, Rule};
use crate::summary::ScenarioSummary;

/// From this share of its time on that the sender computes: whatever is done to the server, the transfer could become at
/// most 1 / 0.7 = 1.4 times faster.
const SENDING: f64 = 0.70;
/// Orthanc's busiest thread is not busy up to this share. A sender that computes for 70% of the time, and does not send
/// while it waits for an answer, leaves no more than 30% to the server, and reading what comes in beside it.
const SERVER_IDLE: f64 = 0.60;
/// Against a server that does nothing but count the same sender is at most this much faster, where it is the limit itself.
const NO_FASTER: f64 = 1.10;

pub(super) fn find(measured: &Measured<'_>) -> Vec<Finding> {
    findings(
        Rule::ClientBound,
        // The sink is there to find what the sender can do: there it is the limit by design, and what is asked for.
        measured.of_orthanc().filter_map(|one| client_bound(measured, one)).collect(),
        "The sender computes nearly all the time, and Orthanc waits for it: the server can do more than is shown here.",
        "Use the sender `native`, more associations, or a client host with more or faster CPUs.",
    )
}

fn client_bound(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let number = scenario.scenario;
    // At a rate that was asked for, a sender that idles is what was asked for.
    if !closed(scenario) {
        return None;
    }
    let computing = of_iterations(scenario, |one| Some(one.sender_cpu_ms? / one.duration_ms.max(1.0)))?;
    let associations = lanes(scenario, measured.summary);
    let cpus = scenario.resources.client.as_ref().map_or(associations, |used| f64::from(used.cpus));
    let sending = computing / associations.min(cpus);
    let thread = scenario.resources.server.as_ref().and_then(|used| used.orthanc?.busiest_thread);
    if sending < SENDING || thread.is_none_or(|busy| busy > SERVER_IDLE) {
        return None;
    }
    let mut evidences = vec![share(number, "time in which each sender computed", sending, at_least(SENDING))];
    evidences.extend(thread.map(|busy| share(number, "Orthanc's busiest thread", busy, at_most(SERVER_IDLE))));
    let sink = measured.changed(scenario, "target").into_iter().find(|other| other.value == "sink");
    let native = measured.changed(scenario, "sender").into_iter().find(|other| other.value == "native");
    if let Some(sink) = &sink {
        let limit = format!("at most {NO_FASTER}");
        evidences.push(evidence(
            number,
            "instances/s to the sink, over those to Orthanc",
            sink.ratio.median,
            "times",
            limit,
        ));
    }
    let native = native.filter(super::measured::Changed::is_faster);
    if let Some(native) = &native {
        evidences.push(native.evidence(number, "with the sender native"));
    }
    let confidence = match &sink {
        _ if native.is_some() => Confidence::Proven,
        Some(sink) if sink.ratio.high <= NO_FASTER => Confidence::Proven,
        // With a faster server this sender is faster.
        Some(sink) if sink.ratio.low > 1.0 / SENDING => return None,
        _ => Confidence::Likely,
    };
    let gain = native.map(|native| native.gain(number));
    Some(Case { scenario: number, confidence, weight: sending, evidence: evidences, gain })
}
