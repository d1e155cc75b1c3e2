//! The plan's decisions on a user's own objects, from S3 or from a directory.

use std::io::Read;

use super::{Inspected, MAX_NAMED, Part, PlannedObject, Refused, inspect, without_duplicates, without_unsendable};
use crate::request::{OwnObjects, Request};

/// A user's own objects, of which some are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The objects that every sender of the request can send, sorted by key.
    pub objects: Vec<PlannedObject>,
    /// The others, sorted by key.
    pub refused: Vec<Refused>,
}

impl OwnObjects {
    /// Inspects an object, or its beginning up to the pixel data, as the request wants it.
    ///
    /// # Errors
    /// The reason to refuse the object.
    pub fn inspect(&self, source: impl Read, part: Part) -> Result<Inspected, String> {
        let inspected = inspect(source, part, self.allow_identified || self.deidentify)?;
        if self.deidentify && inspected.burned_in_annotation {
            return Err("identified: Burned In Annotation is YES, and deidentify does not change pixels".to_owned());
        }
        Ok(inspected)
    }
}

impl PlannedObject {
    /// Returns the planned object with these facts. `etag` stands for its content.
    #[must_use]
    pub fn new(key: String, bytes: u64, etag: String, inspected: Inspected) -> Self {
        Self {
            key,
            bytes,
            etag,
            sop_instance_uid: inspected.sop_instance_uid,
            sop_class_uid: inspected.sop_class_uid,
            transfer_syntax_uid: inspected.transfer_syntax_uid,
        }
    }
}

impl Selection {
    /// Selects the objects that every sender of the request can send and that are not there twice. `refused` are those
    /// that the inspection refused.
    #[must_use]
    pub fn new(request: &Request, inspected: Vec<PlannedObject>, mut refused: Vec<Refused>) -> Self {
        let (objects, unsendable) = without_unsendable(request, inspected);
        let (objects, duplicates) = without_duplicates(objects);
        refused.extend(unsendable.into_iter().chain(duplicates));
        refused.sort_by(|a, b| a.key.cmp(&b.key));
        Self { objects, refused }
    }

    /// True if the dataset as a whole is refused.
    #[must_use]
    pub fn is_refused(&self, skip_refused: bool) -> bool {
        self.objects.is_empty() || !(self.refused.is_empty() || skip_refused)
    }
}

/// Describes refused files for a person, the first ones by name.
#[must_use]
pub fn refusal(refused: &[Refused], files: usize) -> String {
    let shown = refused.iter().take(MAX_NAMED).map(|one| format!("{}: {}", one.key, one.reason));
    let shown = shown.collect::<Vec<_>>().join("; ");
    format!("{} of {files} files cannot be sent: {shown}", refused.len())
}
