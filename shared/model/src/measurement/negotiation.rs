//! The server's answer to an association request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sending::{class_name, syntax_name};

/// A server's answer to an association request (PS3.8 9.3.3, PS3.7 D.3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Negotiated {
    /// Implementation Class UID; null if the server announces none.
    pub implementation_class_uid: Option<String>,
    /// Implementation Version Name; null if the server announces none.
    pub implementation_version_name: Option<String>,
    /// Maximum length in bytes of a P-DATA-TF that the server receives; 0 for no limit, null if it announces none.
    pub max_pdu: Option<u32>,
    /// Asynchronous operations that the server accepts; null without an answer, which means one at a time (PS3.7
    /// D.3.3.3).
    pub asynchronous_operations: Option<AsynchronousOperations>,
    /// The proposed presentation contexts and their results.
    pub contexts: Vec<NegotiatedContext>,
}

/// The asynchronous operations window (PS3.7 D.3.3.3). 0 means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AsynchronousOperations {
    /// Operations that the client may have outstanding.
    pub invoked: u16,
    /// Operations that the server may have outstanding.
    pub performed: u16,
}

/// A presentation context and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NegotiatedContext {
    /// SOP Class UID.
    pub sop_class_uid: String,
    /// PS3.6 name of the SOP class, and its UID.
    pub sop_class: String,
    /// Transfer Syntax UID.
    pub transfer_syntax_uid: String,
    /// PS3.6 name of the transfer syntax, and its UID.
    pub transfer_syntax: String,
    /// Result (PS3.8 table 9-18): 0 is acceptance.
    pub result: u8,
}

impl NegotiatedContext {
    /// Returns a presentation context with its names. The agent names it: the tables of names would make the binary of
    /// `summarize` 129 kB larger.
    #[must_use]
    pub fn new(sop_class_uid: &str, transfer_syntax_uid: &str, result: u8) -> Self {
        Self {
            sop_class_uid: sop_class_uid.to_owned(),
            sop_class: class_name(sop_class_uid),
            transfer_syntax_uid: transfer_syntax_uid.to_owned(),
            transfer_syntax: syntax_name(transfer_syntax_uid),
            result,
        }
    }
}
