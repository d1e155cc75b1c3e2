//! A sender's record of each association, in the same form for every sender.

use dicomperf_model::sending::FailureCause;
use serde::{Deserialize, Serialize};

/// The word for status 0000H (PS3.7 C.1.1), as storescu writes it.
pub const SUCCESS: &str = "Success";

/// An association, as the sender saw it. Times are in us since 1970-01-01 UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Association {
    /// The time of the A-ASSOCIATE request, which follows the opening of the transport connection.
    pub requested_us: Option<u64>,
    /// The time of the acceptance.
    pub accepted_us: Option<u64>,
    /// The time of the A-RELEASE request.
    pub release_requested_us: Option<u64>,
    /// The time of the release response.
    pub released_us: Option<u64>,
    /// The C-STOREs in order.
    pub stores: Vec<Store>,
    /// The instances that were refused or failed, with or without a C-STORE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failed>,
    /// Errors in the sender's words. Warnings are not included, because oddities of an object cause them too.
    pub complaints: Vec<String>,
}

/// A C-STORE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// The file's name in the dataset's directory.
    pub file: String,
    /// The scheduled time of the request, with open arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_us: Option<u64>,
    /// The time of the request.
    pub requested_us: u64,
    /// The time of the response, and its status: [`SUCCESS`], or the code and name of another.
    pub response: Option<(u64, String)>,
}

/// An instance that was not stored, and the cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// The file's name in the dataset's directory.
    pub file: String,
    /// The cause.
    pub cause: FailureCause,
    /// The sender's own words, if they say more than the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

impl Store {
    /// True if the status of the response is Success (0000H). A warning (Bxxx) is not.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.response.as_ref().is_some_and(|(_, status)| status == SUCCESS)
    }
}
