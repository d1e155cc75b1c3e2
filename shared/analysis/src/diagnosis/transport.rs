//! Rules for the costs of the transport connection and of the associations.

use super::measured::{Case, Measured, at_least, at_most, evidence, findings, is_closed, lanes, share};
use dicomperf_model::orthanc::USUAL_PDU;
use dicomperf_model::request::{InstancesPerAssociation, Sender, TcpNoDelay};
use dicomperf_model::results::ScenarioSummary;
use dicomperf_model::results::{Confidence, Finding, Gain, Rule};
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
/// Associations are short if starting, opening and releasing them takes at least this share of the time. Without that
/// the transfer would be a quarter faster, which is beyond the noise of any comparison (docs/results.md).
const MIN_ASSOCIATION_SHARE: f64 = 0.20;

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
        "Each PDU costs a header, a system call and processing at both ends, and these PDUs are small.",
        "Raise the maximum PDU length at both ends: Orthanc's MaximumPduLength, and the sender's own setting.",
    ));
    found.extend(findings(
        Rule::ShortAssociations,
        measured.scenarios().filter_map(|one| short_associations(measured, one)).collect(),
        "Much of the time goes into starting senders and opening and releasing associations, each of which carries few \
         instances.",
        "Send more instances on each association: a whole study, or all that are left.",
    ));
    found
}

fn nagle(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let (number, latency) = (scenario.number, scenario.latency_ms?);
    if scenario.settings.tcp_no_delay == TcpNoDelay::Both || !is_closed(scenario) {
        return None;
    }
    let stalls = Stalls::from_scenario(scenario);
    let in_modes = stalls.count / stalls.all;
    if in_modes < MIN_MODES_SHARE && latency.p50 < MIN_STALL_MS {
        return None;
    }
    let modes = format!("{} to {} or {} to {} ms", MODES_MS[0].0, MODES_MS[0].1, MODES_MS[1].0, MODES_MS[1].1);
    let mut evidences = vec![
        evidence(number, "median C-STORE", latency.p50, "ms", format!("at least {MIN_STALL_MS} ms")),
        share(number, &format!("C-STOREs that took {modes}"), in_modes, at_least(MIN_MODES_SHARE)),
    ];
    let thread = scenario.resources.server.as_ref().and_then(|used| used.orthanc?.busiest_thread);
    evidences.extend(thread.map(|busy| share(number, "Orthanc's busiest thread", busy, at_most(MAX_THREAD_SHARE))));
    let both =
        measured.variants(scenario, Axis::TcpNoDelay).into_iter().find(|other| other.value == &serde_json::json!(true));
    let (confidence, gain) = match both {
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
    Some(Case { scenario: number, confidence, weight: latency.p50, evidence: evidences, gain })
}

/// The C-STOREs that took as long as one or two delayed ACKs.
struct Stalls {
    /// Number of all C-STOREs.
    all: f64,
    /// Number of stalled C-STOREs.
    count: f64,
    /// Sum of the times of all C-STOREs, in ms.
    took_ms: f64,
    /// The part of that sum that the timers took, in ms.
    stalled_ms: f64,
}

impl Stalls {
    #[expect(clippy::cast_precision_loss, reason = "an hour in us, and fewer C-STOREs")]
    fn from_scenario(scenario: &ScenarioSummary) -> Self {
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

fn small_pdu(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let (number, max_pdu) = (scenario.number, scenario.settings.max_pdu);
    let is_small = max_pdu < USUAL_PDU;
    let larger: Vec<_> = measured
        .variants(scenario, Axis::MaxPdu)
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
        None if is_small => (Confidence::Likely, gain_from_experience(max_pdu)),
        None => return None,
    };
    Some(Case { scenario: number, confidence, weight: 1.0 / f64::from(max_pdu), evidence: evidences, gain })
}

/// Returns the gain that was measured elsewhere. Only the length 4096 was measured.
fn gain_from_experience(max_pdu: u32) -> Option<Gain> {
    (max_pdu == 4096).then(|| Gain {
        times: 1.7,
        low: None,
        high: None,
        basis: "measured elsewhere: 200 CT to Orthanc on loopback, PDUs of 16,384 bytes against 4,096".to_owned(),
    })
}

fn short_associations(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let number = scenario.number;
    let InstancesPerAssociation::Count(count) = scenario.settings.instances_per_association else { return None };
    if !is_closed(scenario) {
        return None;
    }
    let parts = scenario.decomposition.as_ref()?;
    let (duration_ms, transfer_ms) = (scenario.duration_ms?.median, scenario.transfer_ms?.median);
    // The native sender is one process for all associations.
    let startup_ms = parts.startup_ms.filter(|_| scenario.settings.sender != Sender::Native).map_or(0.0, |one| one.p50);
    let association_ms = parts.association_ms.map_or(0.0, |one| one.p50);
    let release_ms = parts.release_ms.map_or(0.0, |one| one.p50);
    let each_ms = startup_ms + association_ms + release_ms;
    let of_lane = f64::from(measured.summary.dataset.instances) / lanes(scenario, measured.summary);
    let associations = (of_lane / f64::from(count)).ceil();
    // The sum of medians may exceed the duration, so it is capped at the time that the C-STOREs leave.
    let stores_ms = of_lane * scenario.latency_ms?.p50;
    let spent = (associations * each_ms).min(duration_ms - stores_ms) / duration_ms;
    if associations < 2.0 || spent < MIN_ASSOCIATION_SHARE {
        return None;
    }
    let mut evidences = vec![
        evidence(number, "start, association and release of each association", each_ms, "ms", String::new()),
        share(number, "time spent on them", spent, at_least(MIN_ASSOCIATION_SHARE)),
    ];
    let longer = measured.variants(scenario, Axis::InstancesPerAssociation).into_iter().filter(|other| {
        other.value == "all" || other.value.as_u64().is_some_and(|instances| instances > u64::from(count))
    });
    let (confidence, gain) = match longer.max_by(|a, b| a.ratio.median.total_cmp(&b.ratio.median)) {
        Some(longer) if longer.is_faster() => {
            evidences.push(longer.evidence(number, &format!("with {} instances an association", longer.value)));
            (Confidence::Proven, Some(longer.gain(number)))
        }
        Some(_) => return None,
        None => {
            // The start of the first association and the release of the last one lie outside the transfer.
            let without_ms = (transfer_ms - (associations - 1.0) * each_ms).max(stores_ms);
            let basis = "computed: the same transfer on one association".to_owned();
            (Confidence::Likely, Some(Gain { times: transfer_ms / without_ms, low: None, high: None, basis }))
        }
    };
    Some(Case { scenario: number, confidence, weight: spent, evidence: evidences, gain })
}
