//! Copies of a user's own studies, and the changes that a plan's figures follow.

use super::DatasetPlan;
use crate::hash::hash;
use crate::request::{OwnObjects, Request};
use crate::validation::FieldError;

/// The most instances of a dataset, copies included: those of the largest synthetic one. The agent keeps each in memory.
pub const MAX_INSTANCES: u32 = 100_000;

impl DatasetPlan {
    /// Returns the plan of the dataset that the client makes of these objects: its copies, without identities. The hash
    /// of an unchanged dataset stays the same, so that older runs can still be compared.
    #[must_use]
    pub fn prepared(mut self, own: OwnObjects) -> Self {
        self.instances = self.instances.saturating_mul(own.multiply);
        self.bytes = self.bytes.saturating_mul(own.multiply.into());
        if own.multiply > 1 || own.deidentify {
            self.hash = hash(&(&self.hash, own.multiply, own.deidentify));
        }
        self
    }
}

/// Returns the error of a request whose copies are too many.
pub(super) fn error(request: &Request, dataset: &DatasetPlan) -> Option<FieldError> {
    let multiply = request.dataset.own().multiply;
    if multiply <= 1 || dataset.instances <= MAX_INSTANCES {
        return None;
    }
    let objects = dataset.instances / multiply;
    let problem = format!("is {multiply}, which makes {} instances of {objects} objects", dataset.instances);
    let allowed = match MAX_INSTANCES / objects.max(1) {
        0 => format!("at most {MAX_INSTANCES} objects"),
        most => format!("at most {most}: a dataset has at most {MAX_INSTANCES} instances"),
    };
    Some(FieldError::new(request.dataset.path_of("multiply"), problem, allowed))
}
