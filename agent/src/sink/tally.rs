//! The counts of received C-STOREs, over all associations.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// Counts C-STOREs.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Counted>);

/// The answer of the control interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// Affected SOP Instance UID of each C-STORE, in order of arrival.
    pub sop_instance_uids: Vec<String>,
    /// Bytes of the C-STOREs' datasets.
    pub dataset_bytes: u64,
    /// Number of C-STOREs.
    pub count: u64,
}

impl Tally {
    pub fn add(&self, sop_instance_uid: &str, dataset_bytes: u64) {
        let mut counted = self.lock();
        counted.sop_instance_uids.push(sop_instance_uid.to_owned());
        counted.dataset_bytes += dataset_bytes;
        counted.count += 1;
    }

    /// The counts so far.
    pub fn snapshot(&self) -> Counted {
        self.lock().clone()
    }

    /// Number of C-STOREs so far.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    pub fn clear(&self) {
        *self.lock() = Counted::default();
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        // No holder of the lock can leave the counts half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
