//! The studies that a measurement sent, and what became of them.

use std::collections::BTreeSet;

use dicomperf_model::measurement::{BlockMeasurement, CleanupOutcome};
use dicomperf_model::step::{StepOutput, StepReport};
use dicomperf_model::words::list;

use super::care::PATIENT_ID;

/// The studies that a measurement sent.
#[derive(Debug, Default)]
pub struct SentStudies {
    patient_ids: BTreeSet<String>,
    study_instance_uids: BTreeSet<String>,
    cleanups: Vec<CleanupOutcome>,
}

impl SentStudies {
    /// The studies in the reports of the steps.
    pub fn of_steps(steps: &[StepReport]) -> Self {
        let mut studies = Self::default();
        for step in steps {
            match &step.output {
                Some(StepOutput::ClientConfigured(prepared)) => {
                    studies.patient_ids.extend(prepared.patient_ids.clone())
                }
                Some(StepOutput::Measured(measurement)) => studies.add(measurement),
                _ => {}
            }
        }
        studies
    }

    fn add(&mut self, measurement: &BlockMeasurement) {
        let searched = measurement.searches.iter().flat_map(|search| &search.iterations).map(|one| &one.iteration);
        let iterations = measurement.iterations.iter().chain(searched);
        self.study_instance_uids.extend(iterations.flat_map(|one| one.study_instance_uids.iter().cloned()));
        self.cleanups.extend(measurement.cleanup.clone());
    }

    /// Says where the studies are; `None` if there is none.
    pub fn says(&self, server: &str) -> Option<String> {
        let sent = self.study_instance_uids.len();
        if sent == 0 {
            return None;
        }
        let deleted: u32 = self.cleanups.iter().map(|cleanup| cleanup.deleted).sum();
        let asked: u32 = self.cleanups.iter().map(|cleanup| cleanup.studies).sum();
        let error = self.cleanups.iter().find_map(|cleanup| cleanup.error.as_deref());
        let ids: Vec<_> = self.patient_ids.iter().cloned().collect();
        let ids = if ids.is_empty() { PATIENT_ID.to_owned() } else { list(&ids) };
        Some(match (self.cleanups.is_empty(), error) {
            (true, _) => {
                let (noun, verb) = if sent == 1 { ("study", "stays") } else { ("studies", "stay") };
                format!("{sent} {noun} of Patient ID {ids} {verb} on {server}")
            }
            (false, None) => format!("{deleted} of {asked} studies were deleted from {server}"),
            (false, Some(error)) => {
                format!("{deleted} of {asked} studies of Patient ID {ids} were deleted from {server}: {error}")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn studies(count: usize, cleanup: Option<(u32, u32, Option<&str>)>) -> SentStudies {
        let cleanup = cleanup.map(|(studies, deleted, error)| CleanupOutcome {
            studies,
            deleted,
            error: error.map(str::to_owned),
        });
        SentStudies {
            patient_ids: BTreeSet::new(),
            study_instance_uids: (0..count).map(|number| format!("2.25.{number}")).collect(),
            cleanups: cleanup.into_iter().collect(),
        }
    }

    #[test]
    fn studies_stay_or_were_deleted() {
        assert_eq!(studies(0, None).says("PACS"), None);
        assert_eq!(studies(1, None).says("PACS").as_deref(), Some("1 study of Patient ID DICOMPERF stays on PACS"));
        assert_eq!(studies(12, None).says("PACS").as_deref(), Some("12 studies of Patient ID DICOMPERF stay on PACS"));
        let all = studies(2, Some((2, 2, None))).says("PACS");
        assert_eq!(all.as_deref(), Some("2 of 2 studies were deleted from PACS"));
        let some = studies(2, Some((2, 1, Some("404 Not Found")))).says("PACS").expect("words");
        assert!(
            some.starts_with("1 of 2 studies of Patient ID DICOMPERF") && some.ends_with(": 404 Not Found"),
            "{some}"
        );
    }
}
