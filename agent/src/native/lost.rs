//! The end of an association before its release, with its cause.

use std::fmt;
use std::io;
use std::time::Duration;

use dicom_ul::Pdu;
use dicom_ul::pdu::{
    AbortRQServiceProviderReason, AbortRQSource, AssociationRJ, AssociationRJResult,
    AssociationRJServiceProviderASCEReason, AssociationRJServiceProviderPresentationReason,
    AssociationRJServiceUserReason, AssociationRJSource,
};
use dicomperf_model::sending::FailureCause;

use crate::retry::{Backoff, retrying};

/// 8 s in all.
const BUSY: Backoff = Backoff { first_delay: Duration::from_millis(250), max_tries: 6 };

/// The reason why an association could not be opened, or ended before its release. Its `Display` is a sentence with the
/// details after it.
#[derive(Debug)]
pub struct Lost {
    /// The cause, in the same form for every sender.
    pub cause: FailureCause,
    /// The details that native knows.
    pub words: String,
    /// The action that may help, where the details point at one.
    pub advice: Option<&'static str>,
}

impl Lost {
    pub(crate) fn new(cause: FailureCause, words: impl Into<String>) -> Self {
        Self { cause, words: words.into(), advice: None }
    }

    /// Adds the action that may help.
    pub(super) fn with_advice(self, advice: &'static str) -> Self {
        Self { advice: Some(advice), ..self }
    }

    /// The failure of a connection that could not be opened.
    pub(super) fn unconnected(error: &io::Error) -> Self {
        let cause = match error.kind() {
            io::ErrorKind::ConnectionRefused => FailureCause::ConnectionRefused,
            _ => FailureCause::ConnectionFailed,
        };
        Self::new(cause, format!("connect: {error}"))
    }

    /// An answer that is not the expected one.
    pub(super) fn unexpected_pdu(pdu: &Pdu) -> Self {
        match pdu {
            Pdu::AbortRQ { source } => Self::new(FailureCause::AssociationEnded, abort_words(source)),
            Pdu::ReleaseRQ => Self::new(FailureCause::AssociationEnded, "the peer requests the release"),
            other => Self::new(
                FailureCause::ProtocolBroken,
                format!("the peer sent an unexpected PDU: {}", other.short_description()),
            ),
        }
    }

    /// The rejection of an association.
    pub(super) fn rejected(rejected: &AssociationRJ) -> Self {
        let result = match rejected.result {
            AssociationRJResult::Permanent => 1,
            AssociationRJResult::Transient => 2,
        };
        let (source, reason) = source_and_reason(&rejected.source);
        Self::new(
            FailureCause::AssociationRejected { result, source, reason },
            format!("A-ASSOCIATE-RJ: result {result}, source {source}, reason {reason}"),
        )
    }

    /// Puts the interrupted work before the words.
    pub(super) fn while_doing(self, doing: &str) -> Self {
        Self { words: format!("{doing}: {}", self.words), ..self }
    }
}

impl From<io::Error> for Lost {
    /// The failure of an open connection.
    fn from(error: io::Error) -> Self {
        let cause = match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => FailureCause::NoAnswer,
            io::ErrorKind::InvalidData | io::ErrorKind::Other => FailureCause::ProtocolBroken,
            _ => FailureCause::AssociationEnded,
        };
        Self::new(cause, error.to_string())
    }
}

/// Asks again while the server rejects the association transiently (PS3.8 9.3.4, result 2). DCMTK's dcmqrscp counts an
/// association that was just released until its process has ended.
///
/// # Errors
/// Those of the last try.
pub(crate) fn while_busy<T>(mut ask: impl FnMut() -> Result<T, Lost>) -> Result<T, Lost> {
    let is_busy = |lost: &Lost| matches!(lost.cause, FailureCause::AssociationRejected { result: 2, .. });
    retrying(BUSY, is_busy, |_| ask()).map_err(|failed| failed.error)
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            // The limit depends on the question, and the details have it.
            FailureCause::NoAnswer => write!(f, "the server did not answer")?,
            cause => f.write_str(&cause.sentence())?,
        }
        write!(f, " ({})", self.words)
    }
}

impl std::error::Error for Lost {}

/// The numbers of PS3.8 table 9-21.
const fn source_and_reason(source: &AssociationRJSource) -> (u8, u8) {
    match source {
        AssociationRJSource::ServiceUser(reason) => {
            let reason = match reason {
                AssociationRJServiceUserReason::NoReasonGiven => 1,
                AssociationRJServiceUserReason::ApplicationContextNameNotSupported => 2,
                AssociationRJServiceUserReason::CallingAETitleNotRecognized => 3,
                AssociationRJServiceUserReason::CalledAETitleNotRecognized => 7,
                AssociationRJServiceUserReason::Reserved(code) => *code,
            };
            (1, reason)
        }
        AssociationRJSource::ServiceProviderASCE(reason) => {
            let reason = match reason {
                AssociationRJServiceProviderASCEReason::NoReasonGiven => 1,
                AssociationRJServiceProviderASCEReason::ProtocolVersionNotSupported => 2,
            };
            (2, reason)
        }
        AssociationRJSource::ServiceProviderPresentation(reason) => {
            let reason = match reason {
                AssociationRJServiceProviderPresentationReason::TemporaryCongestion => 1,
                AssociationRJServiceProviderPresentationReason::LocalLimitExceeded => 2,
                AssociationRJServiceProviderPresentationReason::Reserved(code) => *code,
            };
            (3, reason)
        }
    }
}

/// The source and the reason of an A-ABORT (PS3.8 9.3.8).
fn abort_words(source: &AbortRQSource) -> String {
    match source {
        AbortRQSource::ServiceUser => "A-ABORT: service user".to_owned(),
        AbortRQSource::ServiceProvider(AbortRQServiceProviderReason::ReasonNotSpecified) => {
            "A-ABORT: service provider".to_owned()
        }
        AbortRQSource::ServiceProvider(reason) => format!("A-ABORT: service provider, {reason}"),
        AbortRQSource::Reserved => "A-ABORT: source 1, which is reserved".to_owned(),
    }
}
