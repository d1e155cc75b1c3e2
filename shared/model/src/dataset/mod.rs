//! The dataset: synthetic instances, and checks on a user's own objects.

mod attributes;
mod canvas;
mod deflate;
mod deidentify;
mod edits;
mod encode;
mod header;
mod inspect;
mod meta;
mod mix;
mod noise;
mod own;
mod place;
mod profile;
mod refused;
mod repairs;
mod rewrite;
mod senders;
mod synthetic;
mod uids;
mod walk;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use inspect::{Inspected, Part, inspect, is_private, is_storage, name_of_class};
pub use own::{Selection, refusal};
pub use refused::{Refused, without_duplicates};
pub use repairs::Repairs;
pub use rewrite::{Changes, Rewrite, Rewritten, UidPlace};
pub use senders::{MAX_CONTEXTS, context_count, unsendable, without_unsendable};
pub use synthetic::{GENERATOR_VERSION, GeneratedInstance, generate, largest_synthetic_bytes, synthetic_bytes};
pub use uids::{UID_CHARACTERS, UidReplacement, new_uid};

/// Files that an error names at most.
const MAX_NAMED: usize = 10;

/// A user's own object that will be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedObject {
    /// S3 key, or path in the directory.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
    /// S3's ETag or the file's SHA-256, which stands for the content.
    pub etag: String,
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
    /// SOP Class UID (0008,0016).
    pub sop_class_uid: String,
    /// Transfer Syntax UID (0002,0010).
    pub transfer_syntax_uid: String,
}
