//! The account of a sender, association by association: the same for every sender.

use serde::{Deserialize, Serialize};

/// The word for status 0000H (PS3.7 C.1.1): storescu's own.
pub const SUCCESS: &str = "Success";

/// An association, as the sender saw it. Times are in us since 1970-01-01 UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Association {
    /// When A-ASSOCIATE was requested; before that its transport connection was opened.
    pub requested_us: Option<u64>,
    /// When it was accepted.
    pub accepted_us: Option<u64>,
    /// When A-RELEASE was requested.
    pub release_requested_us: Option<u64>,
    /// When the release was answered.
    pub released_us: Option<u64>,
    /// The C-STOREs in their order.
    pub stores: Vec<Store>,
    /// Errors in the sender's words. Warnings, which oddities of an object cause too, are not among them.
    pub complaints: Vec<String>,
}

/// A C-STORE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// The file's name in the dataset's directory.
    pub file: String,
    /// When it should have been requested, where the arrival is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_us: Option<u64>,
    /// When it was requested.
    pub requested_us: u64,
    /// When it was answered, and the status: [`SUCCESS`], or the sender's words for another.
    pub response: Option<(u64, String)>,
}

impl Store {
    /// True if the response was Success (0000H). A warning (Bxxx) is not.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.response.as_ref().is_some_and(|(_, status)| status == SUCCESS)
    }
}
