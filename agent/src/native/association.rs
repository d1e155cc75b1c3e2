//! An association on the requestor's side (PS3.8 7), with one outstanding C-STORE at a time.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use dicom_ul::pdu::{
    AssociationAC, AssociationRQ, PDataValue, PDataValueType, PresentationContextProposed,
    PresentationContextResultReason, UserVariableItem,
};
use dicom_ul::{IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, Pdu};
use dicomperf_model::sending::FailureCause;
use rustls::ClientConfig;

use super::lost::Lost;
use super::peer::Peer;
use super::transport::{Transport, WallTime};
use crate::timeline;
use crate::upper_layer::command::{C_STORE_RESPONSE, Command};
use crate::upper_layer::pdu::{self, AbortReason, Header};

/// DICOM's only application context (PS3.7 A.2.1).
const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";
/// The maximum length that is assumed if the peer announces none. PS3.8 D.1 requires one; DCMTK uses its own default
/// then.
const UNANNOUNCED_MAX_PDU: u32 = 16_384;
/// A smaller PDU has no room for the command set of a C-STORE. DCMTK and Orthanc allow no less than 4096.
const MIN_PDU: u32 = 1024;
/// The result "no reason" (PS3.8 table 9-18). It also stands for a presentation context that the peer does not mention.
const NO_RESULT: u8 = 2;
/// Bytes that are received at once. Responses have a few hundred.
const RECEIVE_BYTES: usize = 16 * 1024;

/// The most bytes of a response and its dataset. An answer to C-FIND has some hundred.
const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// The first byte of a TLS alert (RFC 8446 5.1, `alert(21)`). No PDU has this type (PS3.8 9.3.1).
const TLS_ALERT: u8 = 21;
const EXPECTS_TLS: &str = "the server expects TLS: set tls";
const CLOSED_AT_REQUEST: &str =
    "a server closes the connection so where it expects TLS, or where it does not know this machine's address";

/// Pairs of SOP class and transfer syntax, with the id of the presentation context of each.
pub(super) type Contexts<'a> = BTreeMap<(&'a str, &'a str), u8>;

pub(super) struct Association {
    transport: Transport,
    /// The results of the presentation contexts, by id (PS3.8 9.3.3.2); 0 is acceptance.
    results: [u8; 256],
    /// The most bytes of a fragment.
    pub(super) max_fragment: u32,
    /// Bytes that were received but not yet decoded.
    received: Vec<u8>,
    /// The time at which the last of these bytes arrived.
    received_at: WallTime,
    /// Values of the last PDU that belong to the next response.
    values: VecDeque<PDataValue>,
}

/// One presentation context for each pair, with the ids 1, 3, 5 and so on. The caller divides the instances so that
/// there are at most [`MAX_CONTEXTS`](crate::upper_layer::contexts::MAX_CONTEXTS) pairs.
pub(super) fn contexts<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Contexts<'a> {
    let mut contexts: Contexts<'a> = pairs.into_iter().map(|pair| (pair, 0)).collect();
    contexts.values_mut().zip((1..=u8::MAX).step_by(2)).for_each(|(context, id)| *context = id);
    contexts
}

impl Association {
    /// Connects and requests an association. Adds the times to `record`.
    ///
    /// # Errors
    /// The SCP cannot be reached, or rejects the association.
    pub(super) fn open(
        peer: &Peer<'_>,
        tls: Option<&Arc<ClientConfig>>,
        contexts: &Contexts<'_>,
        record: &mut timeline::Association,
    ) -> Result<Self, Lost> {
        let (association, _) = Self::open_with(peer, tls, contexts, Vec::new(), record)?;
        Ok(association)
    }

    /// The same with more items of user information in the request. Returns the server's items too.
    ///
    /// # Errors
    /// The SCP cannot be reached, or rejects the association.
    pub(super) fn open_with(
        peer: &Peer<'_>,
        tls: Option<&Arc<ClientConfig>>,
        contexts: &Contexts<'_>,
        items: Vec<UserVariableItem>,
        record: &mut timeline::Association,
    ) -> Result<(Self, Vec<UserVariableItem>), Lost> {
        let transport = Transport::connect(peer, tls)?;
        let request = pdu::encode(&request(peer, contexts, items))?;
        let received_at = WallTime::now();
        let mut association = Self {
            transport,
            results: [NO_RESULT; 256],
            max_fragment: 0,
            received: Vec::new(),
            received_at,
            values: VecDeque::new(),
        };
        record.requested_us = Some(received_at.microseconds());
        let items = association.agree(&request, peer.max_pdu).map_err(|lost| {
            let lost = lost.while_doing("request an association");
            if lost.cause == FailureCause::AssociationEnded { lost.with_advice(CLOSED_AT_REQUEST) } else { lost }
        })?;
        record.accepted_us = Some(association.received_at.microseconds());
        Ok((association, items))
    }

    fn agree(&mut self, request: &[u8], max_pdu: u32) -> Result<Vec<UserVariableItem>, Lost> {
        self.transport.send(request)?;
        let accepted = match pdu::decode(&self.receive()?)? {
            Pdu::AssociationAC(accepted) => accepted,
            Pdu::AssociationRJ(rejected) => return Err(Lost::rejected(&rejected)),
            other => return Err(Lost::unexpected_pdu(&other)),
        };
        for context in &accepted.presentation_contexts {
            self.results[usize::from(context.id)] = result(&context.reason);
        }
        let limit = lower_limit(max_pdu, announced_max_pdu(&accepted));
        if limit != 0 && limit < MIN_PDU {
            let words = format!("a maximum PDU length of {limit} bytes is too small");
            return Err(Lost::new(FailureCause::ProtocolBroken, words));
        }
        self.max_fragment = pdu::max_fragment(limit);
        Ok(accepted.user_variables)
    }

    /// The result of a presentation context (PS3.8 9.3.3.2); 0 is acceptance.
    pub(super) fn context_result(&self, context: u8) -> u8 {
        self.results[usize::from(context)]
    }

    /// Sends the bytes of PDUs, or of parts of PDUs.
    ///
    /// # Errors
    /// A connection that has ended or is stuck.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        Ok(self.transport.send(bytes)?)
    }

    /// Waits for the response to a C-STORE. Returns it and the time at which it arrived.
    ///
    /// # Errors
    /// A peer that aborts, sends another message, or does not answer.
    pub(super) fn response(&mut self, message_id: u16) -> Result<(Command, WallTime), Lost> {
        let mut command = Vec::new();
        loop {
            let data = match pdu::decode(&self.receive()?)? {
                Pdu::PData { data } => data,
                other => return Err(Lost::unexpected_pdu(&other)),
            };
            for value in data {
                command.extend(value.data);
                if value.is_last {
                    let response = Command::decode(&command)
                        .filter(|response| response.field == C_STORE_RESPONSE && response.message_id == message_id)
                        .ok_or_else(|| io::Error::other("the peer's answer is not a response to this C-STORE"))?;
                    return Ok((response, self.received_at));
                }
            }
            if command.len() > RECEIVE_BYTES {
                return Err(io::Error::other("the peer's response does not end").into());
            }
        }
    }

    /// Waits for a response of any kind. Returns it and its dataset, which is empty if there is none.
    ///
    /// # Errors
    /// A peer that aborts, sends another PDU, more than `MAX_MESSAGE_BYTES`, or does not answer.
    pub(super) fn message(&mut self) -> Result<(Command, Vec<u8>), Lost> {
        let (mut command, mut dataset, mut decoded) = (Vec::new(), Vec::new(), None);
        loop {
            let Some(value) = self.values.pop_front() else {
                match pdu::decode(&self.receive()?)? {
                    Pdu::PData { data } => self.values.extend(data),
                    other => return Err(Lost::unexpected_pdu(&other)),
                }
                continue;
            };
            match value.value_type {
                PDataValueType::Command => command.extend(value.data),
                PDataValueType::Data => dataset.extend(value.data),
            }
            if value.is_last && decoded.is_none() {
                let response = Command::decode(&command).filter(Command::is_response);
                decoded = Some(response.ok_or_else(|| io::Error::other("the peer's answer is not a response"))?);
            }
            let has_dataset = decoded.as_ref().is_some_and(|response| response.dataset);
            let is_over = value.is_last && (value.value_type == PDataValueType::Data || !has_dataset);
            if let Some(response) = decoded.take_if(|_| is_over) {
                return Ok((response, dataset));
            }
            if command.len() + dataset.len() > MAX_MESSAGE_BYTES {
                return Err(io::Error::other("the peer's response does not end").into());
            }
        }
    }

    /// Releases the association. Adds the times to `record`.
    ///
    /// # Errors
    /// A peer that does not answer.
    pub(super) fn release(&mut self, record: &mut timeline::Association) -> Result<(), Lost> {
        record.release_requested_us = Some(WallTime::now().microseconds());
        self.transport.send(&pdu::release(pdu::RELEASE_REQUEST))?;
        match pdu::decode(&self.receive()?)? {
            Pdu::ReleaseRP => record.released_us = Some(self.received_at.microseconds()),
            other => return Err(Lost::unexpected_pdu(&other)),
        }
        Ok(())
    }

    pub(super) fn abort(&mut self) {
        // Often the connection itself has failed, so an error is expected.
        let _ = self.transport.send(&pdu::abort(AbortReason::ServiceUser));
    }

    /// Receives one whole PDU.
    fn receive(&mut self) -> Result<Vec<u8>, Lost> {
        loop {
            if let Some(header) = self.received.first_chunk().copied().map(Header::parse) {
                if header.kind == TLS_ALERT {
                    let words = "the peer sent a TLS alert in place of a PDU";
                    return Err(Lost::new(FailureCause::ProtocolBroken, words).with_advice(EXPECTS_TLS));
                }
                if header.length > pdu::MAX_BYTES {
                    return Err(io::Error::other(format!("the peer sends a PDU of {} bytes", header.length)).into());
                }
                let length = pdu::HEADER_BYTES + header.length as usize;
                if self.received.len() >= length {
                    let rest = self.received.split_off(length);
                    return Ok(std::mem::replace(&mut self.received, rest));
                }
            }
            let mut buffer = [0; RECEIVE_BYTES];
            let (count, time) = self.transport.receive(&mut buffer)?;
            self.received.extend_from_slice(&buffer[..count]);
            self.received_at = time;
        }
    }
}

fn request(peer: &Peer<'_>, contexts: &Contexts<'_>, items: Vec<UserVariableItem>) -> Pdu {
    let proposed = |((class, syntax), id): (&(&str, &str), &u8)| PresentationContextProposed {
        id: *id,
        abstract_syntax: (*class).to_owned(),
        transfer_syntaxes: vec![(*syntax).to_owned()],
    };
    let ours = [
        UserVariableItem::MaxLength(peer.max_pdu),
        UserVariableItem::ImplementationClassUID(IMPLEMENTATION_CLASS_UID.to_owned()),
        UserVariableItem::ImplementationVersionName(IMPLEMENTATION_VERSION_NAME.to_owned()),
    ];
    Pdu::AssociationRQ(AssociationRQ {
        protocol_version: 1,
        calling_ae_title: peer.calling_ae_title.to_owned(),
        called_ae_title: peer.called_ae_title.to_owned(),
        application_context_name: APPLICATION_CONTEXT.to_owned(),
        presentation_contexts: contexts.iter().map(proposed).collect(),
        user_variables: ours.into_iter().chain(items).collect(),
    })
}

fn announced_max_pdu(accepted: &AssociationAC) -> u32 {
    let announced = accepted.user_variables.iter().find_map(|item| match item {
        UserVariableItem::MaxLength(length) => Some(*length),
        _ => None,
    });
    announced.unwrap_or(UNANNOUNCED_MAX_PDU)
}

/// The lower of two maximum lengths, where 0 means no limit.
fn lower_limit(ours: u32, theirs: u32) -> u32 {
    if ours == 0 || theirs == 0 { ours.max(theirs) } else { ours.min(theirs) }
}

/// The number of a presentation context's result (PS3.8 table 9-18).
const fn result(reason: &PresentationContextResultReason) -> u8 {
    match reason {
        PresentationContextResultReason::Acceptance => 0,
        PresentationContextResultReason::UserRejection => 1,
        PresentationContextResultReason::NoReason => NO_RESULT,
        PresentationContextResultReason::AbstractSyntaxNotSupported => 3,
        PresentationContextResultReason::TransferSyntaxesNotSupported => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_limit_holds_and_zero_is_none() {
        assert_eq!(
            (lower_limit(0, 0), lower_limit(0, 16_384), lower_limit(4096, 0), lower_limit(4096, 16_384)),
            (0, 16_384, 4096, 4096)
        );
    }
}
