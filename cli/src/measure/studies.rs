//! The studies that a measurement sent, and what became of them, in words.

use dicomperf_model::results::ExistingSummary;
use dicomperf_model::words::list;

use super::care::PATIENT_ID;

/// Says where the studies are; `None` if none was sent. `server` is the name of the server.
pub fn says(existing: &ExistingSummary, server: &str) -> Option<String> {
    let sent = existing.study_instance_uids.len();
    if sent == 0 {
        return None;
    }
    let ids = &existing.patient_ids;
    let ids = if ids.is_empty() { PATIENT_ID.to_owned() } else { list(ids) };
    Some(match &existing.cleanup_outcome {
        None => {
            let (noun, verb) = if sent == 1 { ("study", "stays") } else { ("studies", "stay") };
            format!("{sent} {noun} of Patient ID {ids} {verb} on {server}")
        }
        Some(outcome) => {
            let (deleted, asked) = (outcome.deleted, outcome.studies);
            match &outcome.error {
                None => format!("{deleted} of {asked} studies were deleted from {server}"),
                Some(error) => {
                    format!("{deleted} of {asked} studies of Patient ID {ids} were deleted from {server}: {error}")
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use dicomperf_model::measurement::CleanupOutcome;
    use dicomperf_model::request::{Cleanup, Existing, Receipt};
    use serde_json::json;

    use super::*;

    fn says(count: usize, cleanup: Option<(u32, u32, Option<&str>)>) -> Option<String> {
        let server = json!({ "address": "pacs", "port": 104, "aeTitle": "PACS" });
        let server: Existing = serde_json::from_value(server).expect("a server");
        let cleanup_outcome = cleanup.map(|(studies, deleted, error)| CleanupOutcome {
            studies,
            deleted,
            error: error.map(str::to_owned),
        });
        let existing = ExistingSummary {
            server: server.identity(),
            receipt: Receipt::CFind,
            patient_ids: Vec::new(),
            study_instance_uids: (0..count).map(|number| format!("2.25.{number}")).collect(),
            cleanup: Cleanup::None,
            cleanup_outcome,
        };
        super::says(&existing, "PACS")
    }

    #[test]
    fn studies_stay_or_were_deleted() {
        assert_eq!(says(0, None), None);
        assert_eq!(says(1, None).as_deref(), Some("1 study of Patient ID DICOMPERF stays on PACS"));
        assert_eq!(says(12, None).as_deref(), Some("12 studies of Patient ID DICOMPERF stay on PACS"));
        let all = says(2, Some((2, 2, None)));
        assert_eq!(all.as_deref(), Some("2 of 2 studies were deleted from PACS"));
        let some = says(2, Some((2, 1, Some("404 Not Found")))).expect("words");
        assert!(
            some.starts_with("1 of 2 studies of Patient ID DICOMPERF") && some.ends_with(": 404 Not Found"),
            "{some}"
        );
    }
}
