//! Counts of what was received, over all associations.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// Counts C-STOREs.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Counted>);

/// The answer of the control interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// Affected SOP Instance UID of each C-STORE, in their order.
    pub sop_instance_uids: Vec<String>,
    /// Bytes of their datasets.
    pub dataset_bytes: u64,
    /// Number of C-STOREs.
    pub count: u64,
}

impl Tally {
    /// Adds a C-STORE.
    pub fn add(&self, sop_instance_uid: &str, dataset_bytes: u64) {
        let mut counted = self.lock();
        counted.sop_instance_uids.push(sop_instance_uid.to_owned());
        counted.dataset_bytes += dataset_bytes;
        counted.count += 1;
    }

    /// All so far.
    pub fn counted(&self) -> Counted {
        self.lock().clone()
    }

    /// Number of C-STOREs so far.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// Begins anew.
    pub fn clear(&self) {
        *self.lock() = Counted::default();
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        // Nothing that holds the lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
