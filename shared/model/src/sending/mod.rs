//! The reasons why an instance was not stored, in one form for every sender.
//!
//! storescu, dcmsend and native report the same fact in different words. Each of them is translated to a
//! [`FailureCause`], and [`FailureCause::sentence`] alone makes the words that people read.

mod status;

use dicom_core::dictionary::UidDictionary as _;
use dicom_dictionary_std::StandardSopClassDictionary;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use status::StatusClass;

/// Seconds after which a sender that receives no answer gives up. The limit is the same for every sender.
pub const ANSWER_TIMEOUT_S: u32 = 30;
/// Seconds after which a sender stops waiting for a TCP connection.
pub const CONNECT_TIMEOUT_S: u32 = 10;

/// The reason why an instance was not sent, or was answered with another status than Success (0000H).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "cause", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum FailureCause {
    /// The server rejected the presentation context: abstract syntax not supported (PS3.8 9.3.3.2, result 3).
    ClassRejected {
        /// The SOP Class UID.
        sop_class_uid: String,
    },
    /// The server rejected the presentation context: transfer syntaxes not supported (PS3.8 9.3.3.2, result 4).
    SyntaxRejected {
        /// The SOP Class UID.
        sop_class_uid: String,
        /// The Transfer Syntax UID.
        transfer_syntax_uid: String,
    },
    /// The server rejected the presentation context and gave no reason (PS3.8 9.3.3.2, result 1 or 2).
    ContextRejected {
        /// The SOP Class UID.
        sop_class_uid: String,
        /// The Transfer Syntax UID.
        transfer_syntax_uid: String,
    },
    /// The C-STORE response had another status than Success (PS3.4 B.2.3, PS3.7 C).
    Status {
        /// The status, or its range: `A7xxH`, `0110H`.
        status: StatusClass,
    },
    /// The server rejected the association (PS3.8 9.3.4).
    AssociationRejected {
        /// 1: permanently, 2: transiently.
        result: u8,
        /// 1: service user, 2: service provider (ACSE), 3: service provider (presentation).
        source: u8,
        /// The reason, whose meaning depends on the source.
        reason: u8,
    },
    /// The server's host refused the TCP connection.
    ConnectionRefused,
    /// No connection could be opened, for another reason.
    ConnectionFailed,
    /// The server aborted the association (PS3.8 9.3.8) or closed the connection. DCMTK's senders do not distinguish
    /// the two.
    AssociationEnded,
    /// The server did not answer in time.
    NoAnswer,
    /// The server sent something else than an answer.
    ProtocolBroken,
    /// A signal ended the sender's process.
    ProcessKilled {
        /// The signal's name: `SIGSEGV`.
        signal: String,
    },
    /// The sender's process ended with an exit code before it handled the instance.
    ProcessFailed {
        /// The exit code.
        exit_code: i32,
    },
    /// The sender cannot read the object, or cannot send it.
    Unsendable {
        /// The sender's own words.
        words: String,
    },
    /// The agent stopped the sender before the answer arrived.
    SenderStopped,
}

/// The sides of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The server answered, and the answer was not Success.
    Refused,
    /// The instance was tried, and no answer arrived.
    Failed,
}

/// Instances of an iteration that failed for the same cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendFailure {
    /// The cause.
    #[serde(flatten)]
    pub cause: FailureCause,
    /// Number of these instances.
    pub instances: u32,
    /// The file of the first of them, by its name in the dataset's directory.
    pub file: String,
    /// The cause in a sentence, which is the same for every sender.
    pub says: String,
    /// The sender's own words about the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_words: Option<String>,
}

impl FailureCause {
    /// Returns the cause for the status of a C-STORE response; `None` for Success.
    #[must_use]
    pub fn from_status(status: u16) -> Option<Self> {
        (status != 0).then(|| Self::Status { status: StatusClass::from_code(status) })
    }

    /// Returns the cause for the result of a presentation context (PS3.8 9.3.3.2); `None` for acceptance.
    #[must_use]
    pub fn from_context_result(result: u8, sop_class_uid: &str, transfer_syntax_uid: &str) -> Option<Self> {
        let (sop_class_uid, transfer_syntax_uid) = (sop_class_uid.to_owned(), transfer_syntax_uid.to_owned());
        match result {
            0 => None,
            3 => Some(Self::ClassRejected { sop_class_uid }),
            4 => Some(Self::SyntaxRejected { sop_class_uid, transfer_syntax_uid }),
            _ => Some(Self::ContextRejected { sop_class_uid, transfer_syntax_uid }),
        }
    }

    /// Returns the side of the failure.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        match self {
            Self::ClassRejected { .. }
            | Self::SyntaxRejected { .. }
            | Self::ContextRejected { .. }
            | Self::Status { .. }
            | Self::AssociationRejected { .. } => FailureKind::Refused,
            _ => FailureKind::Failed,
        }
    }

    /// Writes the cause as a sentence without its full stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::ClassRejected { sop_class_uid } => {
                format!("the server does not accept SOP class {}", class_name(sop_class_uid))
            }
            Self::SyntaxRejected { sop_class_uid, transfer_syntax_uid } => format!(
                "the server does not accept transfer syntax {} for SOP class {}",
                syntax_name(transfer_syntax_uid),
                class_name(sop_class_uid)
            ),
            Self::ContextRejected { sop_class_uid, transfer_syntax_uid } => format!(
                "the server rejected the presentation context of SOP class {} in transfer syntax {}",
                class_name(sop_class_uid),
                syntax_name(transfer_syntax_uid)
            ),
            Self::Status { status } => format!("the server answered with status {status}"),
            Self::AssociationRejected { result, source, reason } => format!(
                "the server rejected the association{}: {}",
                rejection_result(*result),
                rejection_reason(*source, *reason)
            ),
            Self::ConnectionRefused => "the server's host refused the connection".to_owned(),
            Self::ConnectionFailed => "no connection to the server could be opened".to_owned(),
            Self::AssociationEnded => "the server aborted the association or closed the connection".to_owned(),
            Self::NoAnswer => format!("the server did not answer within {ANSWER_TIMEOUT_S} s"),
            Self::ProtocolBroken => "the server's answer breaks the protocol".to_owned(),
            Self::ProcessKilled { signal } => format!("the sender's process died of {signal}"),
            Self::ProcessFailed { exit_code } => format!("the sender's process ended with exit code {exit_code}"),
            Self::Unsendable { words } => format!("the sender cannot send the object: {words}"),
            Self::SenderStopped => "the sender was stopped before the answer arrived".to_owned(),
        }
    }
}

/// The PS3.6 name of a SOP class and its UID.
pub(crate) fn class_name(uid: &str) -> String {
    use dicom_core::dictionary::UidDictionaryEntry as _;
    with_name(StandardSopClassDictionary.by_uid(uid).map(|entry| entry.name()), uid)
}

/// The PS3.6 name of a transfer syntax and its UID.
pub(crate) fn syntax_name(uid: &str) -> String {
    with_name(TransferSyntaxRegistry.get(uid).map(|syntax| syntax.name()), uid)
}

fn with_name(name: Option<&str>, uid: &str) -> String {
    name.map_or_else(|| uid.to_owned(), |name| format!("{name} ({uid})"))
}

const fn rejection_result(result: u8) -> &'static str {
    match result {
        1 => " permanently",
        2 => " transiently",
        _ => "",
    }
}

/// The reason of an association's rejection, in the words of PS3.8 table 9-21.
fn rejection_reason(source: u8, reason: u8) -> String {
    let words = match (source, reason) {
        (1 | 2, 1) | (3, 0) => "no reason given",
        (1, 2) => "application context name not supported",
        (1, 3) => "calling AE title not recognized",
        (1, 7) => "called AE title not recognized",
        (2, 2) => "protocol version not supported",
        (3, 1) => "temporary congestion",
        (3, 2) => "local limit exceeded",
        _ => return format!("source {source}, reason {reason}"),
    };
    let source = match source {
        1 => "service user",
        2 => "service provider, ACSE",
        _ => "service provider, presentation",
    };
    format!("{words} ({source})")
}

#[cfg(test)]
mod tests {
    use dicom_dictionary_std::uids;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_class_and_a_syntax_have_their_names_and_their_uids() {
        let sentence = |result| {
            let (class, syntax) = (uids::SEGMENTATION_STORAGE, uids::EXPLICIT_VR_LITTLE_ENDIAN);
            FailureCause::from_context_result(result, class, syntax).map(|cause| cause.sentence())
        };
        assert_eq!(sentence(0), None);
        assert_eq!(
            sentence(3).expect("a cause"),
            "the server does not accept SOP class Segmentation Storage (1.2.840.10008.5.1.4.1.1.66.4)"
        );
        assert_eq!(
            sentence(4).expect("a cause"),
            "the server does not accept transfer syntax Explicit VR Little Endian (1.2.840.10008.1.2.1) for SOP class \
             Segmentation Storage (1.2.840.10008.5.1.4.1.1.66.4)"
        );
        assert!(sentence(1).expect("a cause").starts_with("the server rejected the presentation context of SOP class"));
        let private = FailureCause::ClassRejected { sop_class_uid: "1.3.12.2.1107.5.9.1".to_owned() };
        assert_eq!(private.sentence(), "the server does not accept SOP class 1.3.12.2.1107.5.9.1");
    }

    #[test]
    fn a_rejection_is_in_the_words_of_the_standard() {
        let sentence = |result, source, reason| FailureCause::AssociationRejected { result, source, reason }.sentence();
        assert_eq!(
            sentence(1, 1, 7),
            "the server rejected the association permanently: called AE title not recognized (service user)"
        );
        assert_eq!(
            sentence(2, 3, 2),
            "the server rejected the association transiently: local limit exceeded (service provider, presentation)"
        );
        assert_eq!(sentence(0, 9, 9), "the server rejected the association: source 9, reason 9");
    }

    #[test]
    fn a_status_is_the_servers_answer_and_success_is_no_failure() {
        assert_eq!(FailureCause::from_status(0), None);
        let cause = FailureCause::from_status(0xA702).expect("a cause");
        assert_eq!(cause.sentence(), "the server answered with status A7xxH, Refused: Out of Resources");
        assert_eq!(cause.kind(), FailureKind::Refused);
        assert_eq!(FailureCause::NoAnswer.kind(), FailureKind::Failed);
    }

    #[test]
    fn a_failure_is_one_flat_object_in_json() {
        let cause = FailureCause::from_status(0x0110).expect("a cause");
        let failure = SendFailure {
            says: cause.sentence(),
            cause,
            instances: 2,
            file: "000001.dcm".to_owned(),
            sender_words: None,
        };
        let json = serde_json::to_value(&failure).expect("JSON");
        assert_eq!(
            json,
            json!({
                "cause": "status", "status": "0110H", "instances": 2, "file": "000001.dcm",
                "says": "the server answered with status 0110H, Failure: Processing failure"
            })
        );
        assert_eq!(serde_json::from_value::<SendFailure>(json).expect("a failure"), failure);
        let bare = serde_json::to_value(FailureCause::NoAnswer).expect("JSON");
        assert_eq!(bare, json!({ "cause": "no-answer" }));
    }
}
