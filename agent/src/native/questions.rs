//! The questions that a client asks a server beside C-STORE: C-ECHO and C-FIND.

use std::io;
use std::sync::Arc;

use dicom_dictionary_std::uids;
use dicomperf_model::sending::FailureCause;
use rustls::ClientConfig;

use super::association::{self, Association};
use super::lost::Lost;
use super::peer::Peer;
use crate::timeline;
use crate::upper_layer::command::{C_ECHO_RESPONSE, C_FIND_RESPONSE, Command};
use crate::upper_layer::pdu;

/// The transfer syntax of both questions, which every server accepts (PS3.5 10.1).
const SYNTAX: &str = uids::IMPLICIT_VR_LITTLE_ENDIAN;
/// A match follows, with or without the optional keys (PS3.4 table C.4-1).
const PENDING: [u16; 2] = [0xFF00, 0xFF01];

/// An association for one SOP class.
struct Question {
    association: Association,
    context: u8,
}

impl Question {
    /// # Errors
    /// A server that cannot be reached, or that rejects the association or the SOP class.
    fn open(peer: &Peer<'_>, tls: Option<ClientConfig>, class: &str) -> Result<Self, Lost> {
        let contexts = association::contexts([(class, SYNTAX)]);
        let mut times = timeline::Association::default();
        let association = Association::open(peer, tls.map(Arc::new).as_ref(), &contexts, &mut times)?;
        let mut question = Self { association, context: contexts[&(class, SYNTAX)] };
        let result = question.association.context_result(question.context);
        match FailureCause::from_context_result(result, class, SYNTAX) {
            None => Ok(question),
            Some(cause) => {
                let words = format!("presentation context {}: result {result}", question.context);
                question.release();
                Err(Lost::new(cause, words))
            }
        }
    }

    fn send(&mut self, command: &Command, dataset: &[u8]) -> Result<(), Lost> {
        let values = [(pdu::COMMAND_FLAG, &command.encode()[..]), (0, dataset)];
        let mut bytes = Vec::new();
        for (flag, value) in values.into_iter().filter(|(_, value)| !value.is_empty()) {
            let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
            // The shortest maximum length that native accepts has room for either value.
            if length > self.association.max_fragment {
                return Err(io::Error::other(format!("a question of {length} bytes does not fit a PDU")).into());
            }
            bytes.extend(pdu::p_data_header(self.context, flag | pdu::LAST_FLAG, length));
            bytes.extend(value);
        }
        self.association.send(&bytes)
    }

    /// Receives the next response to a message.
    fn response(&mut self, field: u16, message_id: u16) -> Result<(Command, Vec<u8>), Lost> {
        let (response, dataset) = self.association.message()?;
        if response.field == field && response.message_id == message_id {
            return Ok((response, dataset));
        }
        Err(io::Error::other("the peer's answer is not a response to this question").into())
    }

    fn release(&mut self) {
        // The answers are known already.
        let _ = self.association.release(&mut timeline::Association::default());
    }
}

/// Sends a C-ECHO (PS3.7 9.1.5), and waits for Success.
///
/// # Errors
/// A server that cannot be reached, rejects the association or Verification, or answers with another status.
pub fn echo(peer: &Peer<'_>, tls: Option<ClientConfig>) -> Result<(), Lost> {
    let mut question = Question::open(peer, tls, uids::VERIFICATION)?;
    question.send(&Command::echo_request(1), &[]).map_err(|lost| lost.while_doing("C-ECHO"))?;
    let (response, _) = question.response(C_ECHO_RESPONSE, 1).map_err(|lost| lost.while_doing("C-ECHO"))?;
    question.release();
    match FailureCause::from_status(response.status) {
        None => Ok(()),
        Some(cause) => Err(Lost::new(cause, format!("C-ECHO: status {:04X}H", response.status))),
    }
}

/// An association for C-FIND in the Study Root model (PS3.4 C.6.2).
pub struct Finder {
    question: Question,
    message_id: u16,
}

impl Finder {
    /// Opens the association.
    ///
    /// # Errors
    /// A server that cannot be reached, or that rejects the association or C-FIND.
    pub fn open(peer: &Peer<'_>, tls: Option<ClientConfig>) -> Result<Self, Lost> {
        let class = uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND;
        Ok(Self { question: Question::open(peer, tls, class)?, message_id: 0 })
    }

    /// Sends an identifier in Implicit VR Little Endian. Calls `on_match` with each matching identifier, and holds none.
    /// Returns the last response, whose status may be a failure.
    ///
    /// # Errors
    /// An answer that does not come, or is malformed; an error of `on_match`, in words.
    pub fn find(
        &mut self,
        identifier: &[u8],
        mut on_match: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Command, Lost> {
        self.message_id = self.message_id.wrapping_add(1).max(1);
        let request = Command::find_request(self.message_id, uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND);
        self.question.send(&request, identifier)?;
        loop {
            let (response, dataset) = self.question.response(C_FIND_RESPONSE, self.message_id)?;
            if !PENDING.contains(&response.status) {
                return Ok(response);
            }
            on_match(&dataset).map_err(|words| {
                self.question.association.abort();
                Lost::new(FailureCause::ProtocolBroken, words)
            })?;
        }
    }

    /// Releases the association.
    pub fn release(mut self) {
        self.question.release();
    }
}
