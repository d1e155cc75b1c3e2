//! The rule that finds the sender as the limit.

use super::measured::{
    Case, Measured, at_least, at_most, evidence, findings, is_closed, lacking, lanes, median_of_iterations, share,
};
use dicomperf_model::results::ScenarioSummary;
use dicomperf_model::results::{Confidence, Finding, Rule};
use dicomperf_model::settings::Axis;

/// The sender is the limit if it computes for at least this share of the time. Any change to the server could then make
/// the transfer at most 1 / 0.7 = 1.4 times as fast.
const MIN_COMPUTING_SHARE: f64 = 0.70;
/// Orthanc's busiest thread counts as not busy up to this share. A sender that computes for 70% of the time, and waits
/// for each answer, leaves 30% to the server; reading the incoming data comes on top.
const MAX_THREAD_SHARE: f64 = 0.60;
/// A sender that is the limit reaches at most this factor of its rate when it sends to the sink, which only counts.
const MAX_SINK_RATIO: f64 = 1.10;

pub(super) fn find(measured: &Measured<'_>) -> Vec<Finding> {
    // The sink exists to measure the sender: there the sender is the limit by design.
    let cases = measured.server_scenarios().filter_map(|one| client_bound(measured, one)).collect();
    if measured.is_existing() {
        let found = findings(
            Rule::ClientBound,
            cases,
            "The sender computes nearly all the time: the server may be able to do more than is shown here.",
            "Use the sender `native`, more associations, or a machine with more or faster CPUs.",
        );
        return lacking(found, "The CPU time of the server: it may be as busy as the sender at the same time.");
    }
    findings(
        Rule::ClientBound,
        cases,
        "The sender computes nearly all the time, and Orthanc waits for it: the server can do more than is shown here.",
        "Use the sender `native`, more associations, or a client host with more or faster CPUs.",
    )
}

fn client_bound(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let number = scenario.number;
    // With open arrival the request sets the rate, and therefore how much the sender idles.
    if !is_closed(scenario) {
        return None;
    }
    let computing = median_of_iterations(scenario, |one| Some(one.sender_cpu_ms? / one.duration_ms.max(1.0)))?;
    let associations = lanes(scenario, measured.summary);
    let cpus = scenario.resources.client.as_ref().map_or(associations, |used| f64::from(used.cpus));
    let sending = computing / associations.min(cpus);
    let thread = scenario.resources.server.as_ref().and_then(|used| used.orthanc?.busiest_thread);
    // Nothing is known of an existing server's threads.
    let is_server_idle = thread.map_or(measured.is_existing(), |busy| busy <= MAX_THREAD_SHARE);
    if sending < MIN_COMPUTING_SHARE || !is_server_idle {
        return None;
    }
    let mut evidences =
        vec![share(number, "time in which each sender computed", sending, at_least(MIN_COMPUTING_SHARE))];
    evidences.extend(thread.map(|busy| share(number, "Orthanc's busiest thread", busy, at_most(MAX_THREAD_SHARE))));
    let sink = measured.variants(scenario, Axis::Target).into_iter().find(|other| other.value == "sink");
    let native = measured.variants(scenario, Axis::Sender).into_iter().find(|other| other.value == "native");
    if let Some(sink) = &sink {
        let limit = format!("at most {MAX_SINK_RATIO}");
        evidences.push(evidence(
            number,
            "instances/s to the sink, over those to Orthanc",
            sink.ratio.median,
            "times",
            limit,
        ));
    }
    let native = native.filter(super::measured::Variant::is_faster);
    if let Some(native) = &native {
        evidences.push(native.evidence(number, "with the sender native"));
    }
    let confidence = match &sink {
        _ if native.is_some() => Confidence::Proven,
        Some(sink) if sink.ratio.high <= MAX_SINK_RATIO => Confidence::Proven,
        // A faster server makes this sender faster, so the sender is not the limit.
        Some(sink) if sink.ratio.low > 1.0 / MIN_COMPUTING_SHARE => return None,
        _ if measured.is_existing() => Confidence::Possible,
        _ => Confidence::Likely,
    };
    let gain = native.map(|native| native.gain(number));
    Some(Case { scenario: number, confidence, weight: sending, evidence: evidences, gain })
}
