//! The sections on an existing server: the proof of storage, and the studies that the run leaves there.

use std::cmp::Ordering;

use super::section;
use crate::document::{Block, LongList, Section, Text};
use dicomperf_model::request::{Cleanup, Receipt};
use dicomperf_model::results::{ExistingSummary, Summary};
use dicomperf_model::words;

/// Patient IDs that the report names; further ones are only counted.
const MAX_PATIENT_IDS: usize = 5;

/// Returns the existing server of a run that sent something.
fn measured(summary: &Summary) -> Option<&ExistingSummary> {
    summary.existing.as_ref().filter(|_| !summary.request.dry_run)
}

/// True if the run did not prove that the server stored what was sent.
pub(super) fn lacks_proof(summary: &Summary) -> bool {
    measured(summary).is_some_and(|existing| existing.receipt == Receipt::None)
}

/// Describes the proof of storage.
pub(super) fn proof(summary: &Summary) -> Option<Section> {
    let existing = measured(summary)?;
    let asked = match existing.receipt {
        Receipt::CFind => Some("C-FIND at the IMAGE level of the Study Root model (PS3.4 C.6.2.1)"),
        Receipt::Qido => Some("QIDO-RS, search for instances (PS3.18 10.6)"),
        Receipt::Orthanc => Some("Orthanc's REST interface"),
        Receipt::None => None,
    };
    let words = match asked {
        Some(asked) => Text::from(format!(
            "After each iteration the server was asked for the instances of every study that the iteration sent: {asked}. \
             An iteration is valid only if the server has exactly the SOP Instance UIDs that were sent. Each iteration \
             sends new UIDs, so no instance of an earlier one can pass for its own.",
        )),
        None => Text::new().strong("Storage was not proven.").and(
            " The request asks for no receipt, so the responses to C-STOREs are the only sign. Their status Success does \
             not mean that an instance is stored: a server may answer so and discard it. The receipts c-find, qido and \
             orthanc ask the server.",
        ),
    };
    section("proof", "Proof of storage", vec![Block::Paragraph(words)])
}

/// Lists the studies that the run sent, and describes their deletion.
pub(super) fn studies(summary: &Summary) -> Option<Section> {
    let existing = measured(summary)?;
    let uids = &existing.study_instance_uids;
    if uids.is_empty() {
        return None;
    }
    let server = &existing.server;
    let sent = format!(
        "The run sent {} to {} at {}:{}, with {}. ",
        studies_of(uids.len()),
        server.ae_title,
        server.address,
        server.port,
        patient_ids(&existing.patient_ids)
    );
    let mut blocks = vec![Block::Paragraph(Text::from(sent).and(cleanup(existing)))];
    if existing.studies_left() > 0 {
        blocks.push(Block::words("To delete them:"));
        blocks.push(Block::List(deletion(existing)));
    }
    let title = format!("Study Instance UIDs ({})", uids.len());
    blocks.push(Block::LongList(LongList { title, items: uids.clone() }));
    section("studies", "Studies on the server", blocks)
}

/// Writes `1 study` or `2 studies`.
fn studies_of(count: usize) -> String {
    if count == 1 { "1 study".to_owned() } else { format!("{count} studies") }
}

fn patient_ids(ids: &[String]) -> String {
    let mut names: Vec<_> = ids.iter().take(MAX_PATIENT_IDS).cloned().collect();
    if ids.len() > MAX_PATIENT_IDS {
        names.push(format!("{} more, which are in report.json", ids.len() - MAX_PATIENT_IDS));
    }
    match ids.len() {
        0 => "Patient IDs that were not reported".to_owned(),
        1 => format!("Patient ID {}", ids[0]),
        _ => format!("Patient IDs {}", words::list(&names)),
    }
}

/// Describes the deletion that the run made.
fn cleanup(existing: &ExistingSummary) -> String {
    let interface = match existing.cleanup {
        Cleanup::None => return "They are still there: the request asks for no cleanup.".to_owned(),
        Cleanup::Orthanc => "Orthanc's REST interface",
        Cleanup::Dicomweb => "DICOMweb",
    };
    let Some(outcome) = &existing.cleanup_outcome else {
        return format!("They may still be there: no block run reported their deletion through {interface}.");
    };
    let reason = outcome
        .error
        .as_ref()
        .map_or_else(String::new, |error| format!(" The others may still be there: {}.", error.trim_end_matches('.')));
    match outcome.deleted.cmp(&outcome.studies) {
        Ordering::Less => {
            let (deleted, all) = (outcome.deleted, studies_of(outcome.studies as usize));
            format!("{deleted} of {all} were deleted afterwards through {interface}.{reason}")
        }
        _ => format!("All were deleted afterwards through {interface}."),
    }
}

/// Lists the ways to delete the studies by hand.
fn deletion(existing: &ExistingSummary) -> Vec<Text> {
    let by_patient = match &existing.patient_ids[..] {
        [] => String::new(),
        [only] => format!("search for Patient ID {only}, and make sure that it has no other studies; or "),
        _ => "search for these Patient IDs, and make sure that they have no other studies; or ".to_owned(),
    };
    vec![
        format!("An archive with a user interface: {by_patient}search for each Study Instance UID below.").into(),
        "Orthanc: POST a Study Instance UID to /tools/lookup, and DELETE the Path of the answer.".into(),
        "DICOMweb: DELETE studies/UID below the base URL. PS3.18 does not define it, and many servers have it.".into(),
        "The next run: \"cleanup\": \"orthanc\" or \"dicomweb\" in server.existing deletes its studies after the \
         measurement."
            .into(),
    ]
}
