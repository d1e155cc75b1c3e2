//! New UIDs for every iteration to an existing server, and the deletion of its studies after the last one.

use std::collections::{BTreeMap, BTreeSet};

use dicomperf_model::measurement::BlockMeasurement;

use super::BlockRunner;
use crate::client::converted::Converted;
use crate::client::dataset::Dataset;
use crate::client::renewal::renew_uids;
use crate::failure::{DuringIo as _, Failure};
use crate::reporter::Reporter;

/// The Study Instance UIDs that a run has sent, in its directory on the host. They are written before anything is sent,
/// so that a killed process leaves them too.
const STUDIES_FILE: &str = "studies.json";

/// Study Instance UIDs by the block run's place in the sequence.
type SentStudies = BTreeMap<u32, BTreeSet<String>>;

/// A dataset whose instances are new to the server.
pub(super) struct Renewed {
    pub dataset: Dataset,
    /// True if the run has sent one of its studies before.
    pub are_sent_before: bool,
}

impl Renewed {
    /// The Study Instance UIDs, each once.
    pub fn studies(&self) -> Vec<String> {
        studies(&self.dataset).into_iter().collect()
    }
}

impl BlockRunner<'_> {
    /// Gives every instance new UIDs, and records them.
    pub(super) fn renew(&self, files: &Converted, configured: &Dataset) -> Result<Renewed, Failure> {
        let dataset = renew_uids(configured, &self.home.path(&files.directory))?;
        let new = studies(&dataset);
        let mut all = self.sent_studies()?;
        let are_sent_before = all.values().any(|sent| !sent.is_disjoint(&new));
        all.entry(self.block.ordinal).or_default().extend(new);
        self.home.write(STUDIES_FILE, &all).while_path("write", &self.home.path(STUDIES_FILE))?;
        Ok(Renewed { dataset, are_sent_before })
    }

    /// Deletes the studies that the block run has sent, if the request wants that. A failure of it is reported and ends nothing.
    pub(super) fn clean_up(&self, measurement: &mut BlockMeasurement, reporter: &mut Reporter) -> Result<(), Failure> {
        let is_done = measurement.cleanup.as_ref().is_some_and(|cleanup| cleanup.error.is_none());
        if !self.server.is_existing() || is_done {
            return Ok(());
        }
        let mut studies = self.sent_studies()?.remove(&self.block.ordinal).unwrap_or_default();
        studies.extend(measurement.all_iterations().flat_map(|one| one.study_instance_uids.iter().cloned()));
        if let Some(outcome) = self.server.delete_studies(&studies) {
            tracing::info!(studies = outcome.studies, deleted = outcome.deleted, error = outcome.error, "cleanup");
            measurement.cleanup = Some(outcome);
            self.save(measurement, reporter)?;
        }
        Ok(())
    }

    fn sent_studies(&self) -> Result<SentStudies, Failure> {
        let read = self.home.read(STUDIES_FILE).while_path("read", &self.home.path(STUDIES_FILE))?;
        Ok(read.unwrap_or_default())
    }
}

fn studies(dataset: &Dataset) -> BTreeSet<String> {
    dataset.instances.iter().map(|one| one.study_instance_uid.clone()).collect()
}
