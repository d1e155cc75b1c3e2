//! The rule that finds a TCP timer: Nagle's algorithm at one end, a delayed acknowledgement at the other.

use std::ops::RangeInclusive;

use super::measured::{Case, Measured, Variant, at_least, at_most, evidence, findings, is_closed, lacking, share};
use dicomperf_model::request::TcpNoDelay;
use dicomperf_model::results::ScenarioSummary;
use dicomperf_model::results::{Confidence, Evidence, Finding, Gain, Rule};
use dicomperf_model::settings::Axis;

/// A median C-STORE of at least this many ms may be waiting for the timer. Linux delays an ACK by 40 ms at least
/// (`TCP_DELACK_MIN`, HZ/25, in include/net/tcp.h). 2 ms are subtracted, because the timer ticks 250 times a second and
/// may be set within a tick.
const MIN_STALL_MS: f64 = 38.0;
/// Times of C-STOREs that waited for one or two delayed ACKs, in ms: from, to, and the wait itself. Above the 40 or 80
/// ms lie up to 12 and 24 ms of work and late timers, which C-STOREs of CT took on loopback (44 to 48 ms at the median,
/// docs/lab-notebook.md).
const MODES_MS: [(f64, f64, f64); 2] = [(MIN_STALL_MS, 52.0, 40.0), (78.0, 104.0, 80.0)];
/// The timer is likely from this share of C-STOREs in the modes on. If 1 of 4 waits 40 ms, an ingest of 2 ms an
/// instance is 6 times slower.
const MIN_MODES_SHARE: f64 = 0.25;
/// A thread of Orthanc that is busier than this does not wait for a timer, so a long C-STORE has another explanation.
const MAX_THREAD_SHARE: f64 = 0.80;
/// Times of C-STOREs around the first mode, in ms, where a timer puts few of them.
const BESIDE_MS: RangeInclusive<f64> = 20.0..=78.0;
/// The times of a timer lie close together: beside its modes lie at most this share of the number in them. A server whose
/// work takes 45 ms passes that bound too if its times have a standard deviation of 4 ms or less.
const MAX_BESIDE_SHARE: f64 = 0.10;

/// The end of the connection that holds back its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Either end, or both.
    Unknown,
    /// The sender.
    Client,
    /// The server.
    Server,
}

pub(super) fn find(measured: &Measured<'_>) -> Vec<Finding> {
    if measured.is_existing() {
        return [End::Client, End::Server, End::Unknown].into_iter().flat_map(|end| find_at(measured, end)).collect();
    }
    findings(
        Rule::NagleDelayedAck,
        measured.scenarios().filter_map(|one| of_started_server(measured, one)).collect(),
        "C-STOREs wait for a TCP timer, while Orthanc does nothing: one end holds back the last segment of a message until \
         the one before it is acknowledged (Nagle), and the other end delays that acknowledgement by some 40 ms.",
        "Set TCP_NODELAY=1 in the environment of both ends: of Orthanc's service, and of every modality or router that \
         uses DCMTK (https://forum.dcmtk.org/viewtopic.php?t=4632).",
    )
}

/// Returns the findings of an existing server in which this end is the cause.
fn find_at(measured: &Measured<'_>, end: End) -> Vec<Finding> {
    let of_end = |scenario| of_existing_server(measured, scenario).filter(|(found, _)| *found == end);
    let cases = measured.scenarios().filter_map(of_end).map(|(_, case)| case).collect();
    let says = match end {
        End::Client => {
            "C-STOREs wait for a TCP timer: the sender holds back the last segment of a request until the one before it is \
             acknowledged (Nagle), and the server delays that acknowledgement by some 40 ms."
        }
        End::Server => {
            "C-STOREs wait for a TCP timer: the server holds back the last segment of its response until the one before it \
             is acknowledged (Nagle), and this machine delays that acknowledgement by some 40 ms."
        }
        End::Unknown => {
            "C-STOREs wait for a TCP timer: one end holds back the last segment of a message until the one before it is \
             acknowledged (Nagle), and the other end delays that acknowledgement by some 40 ms."
        }
    };
    let fix = match end {
        End::Client => {
            "Your end: set TCP_NODELAY=1 in the environment of every modality or router that uses DCMTK \
             (https://forum.dcmtk.org/viewtopic.php?t=4632). The server needs no change for that."
        }
        End::Server => {
            "The server's end: ask its administrator to turn on TCP_NODELAY there. A server that is built with DCMTK, as \
             Orthanc is, reads TCP_NODELAY=1 from its environment (https://forum.dcmtk.org/viewtopic.php?t=4632)."
        }
        End::Unknown => {
            "First your end: set TCP_NODELAY=1 in the environment of every modality or router that uses DCMTK \
             (https://forum.dcmtk.org/viewtopic.php?t=4632). Measure with \"tcpNoDelay\": [false, \"client\"] to see \
             what that brings; what remains is the server's end, and its administrator's to change."
        }
    };
    let lacks =
        "The work of the server in this time: a server that needs some 40 ms for every instance looks the same.";
    lacking(findings(Rule::NagleDelayedAck, cases, says, fix), lacks)
}

/// True if the timer may act at all: a segment may be held back, and each instance waits for the answer before.
fn is_possible(scenario: &ScenarioSummary) -> bool {
    scenario.settings.tcp_no_delay != TcpNoDelay::Both && is_closed(scenario)
}

/// A scenario that may wait for a TCP timer.
struct Suspicion {
    p50_ms: f64,
    stalls: Stalls,
    /// Share of the C-STOREs in the modes.
    in_modes: f64,
    evidence: Vec<Evidence>,
}

/// Returns the suspicion that the median or the modes of a scenario raise.
fn suspicion(scenario: &ScenarioSummary) -> Option<Suspicion> {
    let (number, p50_ms) = (scenario.number, scenario.latency_ms?.p50);
    let stalls = Stalls::from_scenario(scenario);
    let in_modes = stalls.count / stalls.all;
    if !is_possible(scenario) || (in_modes < MIN_MODES_SHARE && p50_ms < MIN_STALL_MS) {
        return None;
    }
    let modes = format!("{} to {} or {} to {} ms", MODES_MS[0].0, MODES_MS[0].1, MODES_MS[1].0, MODES_MS[1].1);
    let evidence = vec![
        evidence(number, "median C-STORE", p50_ms, "ms", format!("at least {MIN_STALL_MS} ms")),
        share(number, &format!("C-STOREs that took {modes}"), in_modes, at_least(MIN_MODES_SHARE)),
    ];
    Some(Suspicion { p50_ms, stalls, in_modes, evidence })
}

fn of_started_server(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let Suspicion { p50_ms, stalls, in_modes, evidence: mut evidences } = suspicion(scenario)?;
    let number = scenario.number;
    let thread = scenario.resources.server.as_ref().and_then(|used| used.orthanc?.busiest_thread);
    evidences.extend(thread.map(|busy| share(number, "Orthanc's busiest thread", busy, at_most(MAX_THREAD_SHARE))));
    let (confidence, gain) = match variant(measured, scenario, &true.into()) {
        Some(both) if both.is_faster() => {
            evidences.push(both.evidence(number, "with TCP_NODELAY at both ends"));
            (Confidence::Proven, Some(both.gain(number)))
        }
        // The run tried TCP_NODELAY at both ends, and it was not faster: the timer is not the cause.
        Some(_) => return None,
        None if thread.is_some_and(|busy| busy > MAX_THREAD_SHARE) => return None,
        None if in_modes >= MIN_MODES_SHARE => (Confidence::Likely, stalls.gain(scenario)),
        None => (Confidence::Possible, None),
    };
    Some(Case { scenario: number, confidence, weight: p50_ms, evidence: evidences, gain })
}

/// Decides on a server whose threads and whose setting of TCP_NODELAY are not known. Without a proof only the modes tell
/// a timer from a slow server.
fn of_existing_server(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<(End, Case)> {
    let Suspicion { p50_ms, stalls, in_modes, evidence: mut evidences } = suspicion(scenario)?;
    let number = scenario.number;
    let client = variant(measured, scenario, &"client".into());
    let end = match (scenario.settings.tcp_no_delay, &client) {
        (TcpNoDelay::Neither, Some(client)) if client.is_faster() => {
            evidences.push(client.evidence(number, "with TCP_NODELAY at the client"));
            let (confidence, gain) = (Confidence::Proven, Some(client.gain(number)));
            let case = Case { scenario: number, confidence, weight: p50_ms, evidence: evidences, gain };
            return Some((End::Client, case));
        }
        (TcpNoDelay::Neither, None) => End::Unknown,
        // The client holds nothing back, or it makes no difference whether it does.
        _ => End::Server,
    };
    if in_modes < MIN_MODES_SHARE {
        return None;
    }
    let beside = stalls.beside / stalls.count;
    let figure = "C-STOREs that took 20 to 78 ms beside them, over those";
    evidences.push(share(number, figure, beside, at_most(MAX_BESIDE_SHARE)));
    let (confidence, gain) = if beside <= MAX_BESIDE_SHARE {
        (Confidence::Likely, stalls.gain(scenario))
    } else {
        (Confidence::Possible, None)
    };
    Some((end, Case { scenario: number, confidence, weight: p50_ms, evidence: evidences, gain }))
}

/// Returns the scenario that differs in this value of TCP_NODELAY alone.
fn variant<'a>(
    measured: &Measured<'a>,
    scenario: &ScenarioSummary,
    tcp_no_delay: &serde_json::Value,
) -> Option<Variant<'a>> {
    measured.variants(scenario, Axis::TcpNoDelay).into_iter().find(|other| other.value == tcp_no_delay)
}

/// The C-STOREs that took as long as one or two delayed ACKs.
struct Stalls {
    /// Number of all C-STOREs.
    all: f64,
    /// Number of stalled C-STOREs.
    count: f64,
    /// Number of C-STOREs just beside the modes.
    beside: f64,
    /// Sum of the times of all C-STOREs, in ms.
    took_ms: f64,
    /// The part of that sum that the timers took, in ms.
    stalled_ms: f64,
}

impl Stalls {
    #[expect(clippy::cast_precision_loss, reason = "an hour in us, and fewer C-STOREs")]
    fn from_scenario(scenario: &ScenarioSummary) -> Self {
        let mut stalls = Self { all: 0.0, count: 0.0, beside: 0.0, took_ms: 0.0, stalled_ms: 0.0 };
        for recorded in scenario.latency_us.0.iter_recorded() {
            let (ms, count) = (recorded.value_iterated_to() as f64 / 1000.0, recorded.count_at_value() as f64);
            stalls.all += count;
            stalls.took_ms += ms * count;
            if let Some((_, _, timer_ms)) = MODES_MS.iter().find(|(from, to, _)| (*from..=*to).contains(&ms)) {
                stalls.count += count;
                stalls.stalled_ms += timer_ms.min(ms) * count;
            } else if BESIDE_MS.contains(&ms) {
                stalls.beside += count;
            }
        }
        stalls
    }

    /// Returns the gain if the timers took no time.
    fn gain(&self, scenario: &ScenarioSummary) -> Option<Gain> {
        let between_ms = scenario.decomposition.as_ref().and_then(|parts| parts.between_stores_ms).unwrap_or_default();
        let all_ms = self.took_ms + between_ms * self.all;
        let without_ms = all_ms - self.stalled_ms;
        (without_ms > 0.0).then(|| Gain {
            times: all_ms / without_ms,
            low: None,
            high: None,
            basis: "computed: these C-STOREs without the 40 or 80 ms of the timer".to_owned(),
        })
    }
}
