//! Rules for the costs of PDUs and of associations.

use super::measured::{Case, Measured, at_least, evidence, findings, is_closed, lanes, share};
use dicomperf_model::orthanc::USUAL_PDU;
use dicomperf_model::request::{InstancesPerAssociation, Sender};
use dicomperf_model::results::ScenarioSummary;
use dicomperf_model::results::{Confidence, Finding, Gain, Rule};
use dicomperf_model::settings::Axis;

/// Associations are short if starting, opening and releasing them takes at least this share of the time. Without that
/// the transfer would be a quarter faster, which is beyond the noise of any comparison (docs/results.md).
const MIN_ASSOCIATION_SHARE: f64 = 0.20;

pub(super) fn find(measured: &Measured<'_>) -> Vec<Finding> {
    let mut found = findings(
        Rule::SmallPdu,
        measured.scenarios().filter_map(|one| small_pdu(measured, one)).collect(),
        "Each PDU costs a header, a system call and processing at both ends, and these PDUs are small.",
        if measured.is_existing() {
            "Raise the maximum PDU length at both ends: the sender's own setting, and that of the server, which its \
             administrator can change (Orthanc: MaximumPduLength; DCMTK's servers: --max-pdu)."
        } else {
            "Raise the maximum PDU length at both ends: Orthanc's MaximumPduLength, and the sender's own setting."
        },
    );
    found.extend(findings(
        Rule::ShortAssociations,
        measured.scenarios().filter_map(|one| short_associations(measured, one)).collect(),
        "Much of the time goes into starting senders and opening and releasing associations, each of which carries few \
         instances.",
        "Send more instances on each association: a whole study, or all that are left.",
    ));
    found
}

fn small_pdu(measured: &Measured<'_>, scenario: &ScenarioSummary) -> Option<Case> {
    let number = scenario.number;
    // The sender sends no longer PDUs than the server receives (PS3.8 D.1).
    let announced = measured.server_max_pdu().filter(|&limit| limit <= scenario.settings.max_pdu);
    let max_pdu = announced.unwrap_or(scenario.settings.max_pdu);
    let is_small = max_pdu < USUAL_PDU;
    let larger: Vec<_> = measured
        .variants(scenario, Axis::MaxPdu)
        .into_iter()
        // Beyond the server's own limit, a longer setting changes nothing.
        .filter(|_| announced.is_none())
        .filter(|other| other.value.as_u64().is_some_and(|length| length > u64::from(max_pdu)))
        .collect();
    let figure = if announced.is_some() { "maximum PDU length that the server receives" } else { "maximum PDU length" };
    let mut evidences = vec![evidence(number, figure, f64::from(max_pdu), "bytes", format!("below {USUAL_PDU} bytes"))];
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
