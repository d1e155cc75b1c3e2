//! What the transport connection and the associations on it cost.

use super::measured::{Case, Measured, at_least, at_most, closed, evidence, findings, lanes, share};
use super::{Confidence, Finding, Gain, Rule};
use crate::request::{InstancesPerAssociation, Sender, TcpNoDelay};
use crate::summary::ScenarioSummary;

/// From this median of C-STOREs on, in ms, it may be the timer: Linux delays an ACK by 40 ms at least (`TCP_DELACK_MIN`,
/// HZ/25, in include/net/tcp.h), less 2 ms for a timer that ticks 250 times a second and was set within a tick.
const STALLED_MS: f64 = 38.0;
/// The times of C-STOREs that waited for one delayed ACK or two, in ms: 40 or 80, and up to 12 and 24 ms of work and late
/// timers, which is what C-STOREs of CT took on loopback (44 to 48 ms at the median, docs/diagnosis.md).
const MODES_MS: [(f64, f64, f64); 2] = [(STALLED_MS, 52.0, 40.0), (78.0, 104.0, 80.0)];
/// From this share of C-STOREs in the modes on: 1 of 4 that waits 40 ms makes an ingest of 2 ms an instance 6 times slower.
const IN_MODES: f64 = 0.25;
/// A thread of Orthanc that is busier than this does not wait for a timer: then a long C-STORE has another explanation.
const BUSY: f64 = 0.80;
/// PDUs below this are small: it is the default of DCMTK and Orthanc (orthanc.json, `MaximumPduLength`).
const USUAL_PDU: u32 = 16_384;
/// From this share of the time on, associations are short: without them the transfer would be a quarter faster, which is
/// beyond any noise in which two scenarios can be told apart (docs/results.md).
const ASSOCIATING: f64 = 0.20;

pub(super) fn find(measured: &Measured<'_>) -> Vec<Finding> {
    let mut found = findings(
        Rule::NagleDelayedAck,
        measured.scenarios().filter_map(|one| nagle(measured, one)).collect(),
        "C-STOREs wait for a TCP timer, while Orthanc does nothing: one end holds back the last segment of a message until \
         the one before it is acknowledged (Nagle), and the other end delays that acknowledgement by some 40 ms.",
        "Set TCP_NODELAY=1 in the environment of both ends: of Orthanc's service, and of every modality or router that \
         uses DCMTK (https://forum.dcmtk.org/viewtopic.php?t=4632).",
    );
    found.extend(findings(
        Rule::SmallPdu,
        measured.scenarios().filter_map(|one| small_pdu(measured, one)).collect(),
        "Each PDU costs a header, a system call and a look at both ends, and these PDUs are small.",
        "Raise the maximum PDU length at both ends: Orthanc's MaximumPduLength, and the sender's own setting.",
    ));
    found.extend(findings(
        Rule::ShortAssociations,
        measured.scenarios().filter_map(|one| short_associations(measured, one)).collect(),
        "Much of the time goes into starting senders and opening and releasing associations, each of which carries few \
         instances.",
        "Send more instances on each association: a study, or as long as there are any.",
    ));
    found
}

fn nagle(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let (number, latency) = (scenario.scenario, scenario.latency_ms?);
    if scenario.settings.tcp_no_delay == TcpNoDelay::Both || !closed(scenario) {
        return None;
    }
    let stalls = Stalls::of(scenario);
    let in_modes = stalls.count / stalls.all;
    if in_modes < IN_MODES && latency.p50 < STALLED_MS {
        return None;
    }
    let modes = format!("{} to {} or {} to {} ms", MODES_MS[0].0, MODES_MS[0].1, MODES_MS[1].0, MODES_MS[1].1);
    let mut evidences = vec![
        evidence(number, "median C-STORE", latency.p50, "ms", format!("at least {STALLED_MS} ms")),
        share(number, &format!("C-STOREs that took {modes}"), in_modes, at_least(IN_MODES)),
    ];
    let thread = scenario.resources.server.as_ref().and_then(|used| used.orthanc?.busiest_thread);
    evidences.extend(thread.map(|busy| share(number, "Orthanc's busiest thread", busy, at_most(BUSY))));
    let both =
        measured.changed(scenario, "tcpNoDelay").into_iter().find(|other| other.value == &serde_json::json!(true));
    let (confidence, gain) = match both {
        Some(both) if both.is_faster() => {
            evidences.push(both.evidence(number, "with TCP_NODELAY at both ends"));
            (Confidence::Proven, Some(both.gain(number)))
        }
        // Tried, and it was not that.
        Some(_) => return None,
        None if thread.is_some_and(|busy| busy > BUSY) => return None,
        None if in_modes >= IN_MODES => (Confidence::Likely, stalls.gain(scenario)),
        None => (Confidence::Possible, None),
    };
    Some(Case { scenario: number, confidence, weight: latency.p50, evidence: evidences, gain })
}

/// C-STOREs of which the time is that of a delayed ACK or two.
struct Stalls {
    /// All C-STOREs.
    all: f64,
    /// Those that were stalled.
    count: f64,
    /// What all took together, in ms.
    took_ms: f64,
    /// What of it the timers took, in ms.
    stalled_ms: f64,
}

impl Stalls {
    #[expect(clippy::cast_precision_loss, reason = "an hour in us, and fewer C-STOREs")]
    fn of(scenario: &ScenarioSummary) -> Self {
        let mut stalls = Self { all: 0.0, count: 0.0, took_ms: 0.0, stalled_ms: 0.0 };
        for recorded in scenario.latency_us.0.iter_recorded() {
            let (ms, count) = (recorded.value_iterated_to() as f64 / 1000.0, recorded.count_at_value() as f64);
            stalls.all += count;
            stalls.took_ms += ms * count;
            if let Some((_, _, timer_ms)) = MODES_MS.iter().find(|(from, to, _)| (*from..=*to).contains(&ms)) {
                stalls.count += count;
                stalls.stalled_ms += timer_ms.min(ms) * count;
            }
        }
        stalls
    }

    /// What it would be without the timers.
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

fn small_pdu(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let (number, max_pdu) = (scenario.scenario, scenario.settings.max_pdu);
    let is_small = max_pdu < USUAL_PDU;
    let larger: Vec<_> = measured
        .changed(scenario, "maxPdu")
        .into_iter()
        .filter(|other| other.value.as_u64().is_some_and(|length| length > u64::from(max_pdu)))
        .collect();
    let mut evidences =
        vec![evidence(number, "maximum PDU length", f64::from(max_pdu), "bytes", format!("below {USUAL_PDU} bytes"))];
    let best = larger.iter().max_by(|a, b| a.ratio.median.total_cmp(&b.ratio.median));
    let (confidence, gain) = match best {
        Some(best) if best.is_faster() => {
            evidences.push(best.evidence(number, &format!("with a PDU of {} bytes", best.value)));
            (Confidence::Proven, Some(best.gain(number)))
        }
        Some(_) => return None,
        None if is_small => (Confidence::Likely, from_experience(max_pdu)),
        None => return None,
    };
    Some(Case { scenario: number, confidence, weight: 1.0 / f64::from(max_pdu), evidence: evidences, gain })
}

/// Of other lengths nobody has measured it.
fn from_experience(max_pdu: u32) -> Option<Gain> {
    (max_pdu == 4096).then(|| Gain {
        times: 1.7,
        low: None,
        high: None,
        basis: "measured elsewhere: 200 CT to Orthanc on loopback, PDUs of 16,384 bytes against 4,096".to_owned(),
    })
}

fn short_associations(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let number = scenario.scenario;
    let InstancesPerAssociation::Count(count) = scenario.settings.instances_per_association else { return None };
    if !closed(scenario) {
        return None;
    }
    let parts = scenario.decomposition.as_ref()?;
    let (duration_ms, transfer_ms) = (scenario.duration_ms?.median, scenario.transfer_ms?.median);
    // The agent's own sender is one process for all.
    let startup_ms = parts.startup_ms.filter(|_| scenario.settings.sender != Sender::Native).map_or(0.0, |one| one.p50);
    let association_ms = parts.association_ms.map_or(0.0, |one| one.p50);
    let release_ms = parts.release_ms.map_or(0.0, |one| one.p50);
    let each_ms = startup_ms + association_ms + release_ms;
    let of_lane = f64::from(measured.summary.dataset.instances) / lanes(scenario, measured.summary);
    let associations = (of_lane / f64::from(count)).ceil();
    // Medians may add up to more than the whole: they take no more than what the C-STOREs leave.
    let stores_ms = of_lane * scenario.latency_ms?.p50;
    let spent = (associations * each_ms).min(duration_ms - stores_ms) / duration_ms;
    if associations < 2.0 || spent < ASSOCIATING {
        return None;
    }
    let mut evidences = vec![
        evidence(number, "start, association and release of each association", each_ms, "ms", String::new()),
        share(number, "time spent on them", spent, at_least(ASSOCIATING)),
    ];
    let longer = measured.changed(scenario, "instancesPerAssociation").into_iter().filter(|other| {
        other.value == "all" || other.value.as_u64().is_some_and(|instances| instances > u64::from(count))
    });
    let (confidence, gain) = match longer.max_by(|a, b| a.ratio.median.total_cmp(&b.ratio.median)) {
        Some(longer) if longer.is_faster() => {
            evidences.push(longer.evidence(number, &format!("with {} instances an association", longer.value)));
            (Confidence::Proven, Some(longer.gain(number)))
        }
        Some(_) => return None,
        None => {
            // Of the first association the start, and of the last the release, lie outside of the transfer.
            let without_ms = (transfer_ms - (associations - 1.0) * each_ms).max(stores_ms);
            let basis = "computed: the same transfer on one association".to_owned();
            (Confidence::Likely, Some(Gain { times: transfer_ms / without_ms, low: None, high: None, basis }))
        }
    };
    Some(Case { scenario: number, confidence, weight: spent, evidence: evidences, gain })
}
