//! One association, from its request to its end.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use dicom_ul::Pdu;

use super::document::SinkDocument;
use super::negotiation;
use super::received::Received;
use super::response_delay::ResponseDelay;
use super::tally::Tally;
use crate::upper_layer::command::{C_ECHO_REQUEST, C_STORE_REQUEST, Command};
use crate::upper_layer::pdu::{self, AbortReason, Header};

/// The most bytes of a command set. A C-STORE's takes 256.
const MAX_COMMAND_BYTES: usize = 16 * 1024;

/// The reason why an association was not released.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// The peer broke the protocol.
    #[error("aborted: {why}")]
    Aborted {
        /// The reason that is sent to the peer.
        reason: AbortReason,
        /// The peer's mistake.
        why: String,
    },
    /// The connection has failed.
    #[error(transparent)]
    Connection(#[from] io::Error),
}

/// Serves a connection until it is released, aborted or closed. The stream runs over `socket`.
pub(super) fn serve<S: Read + Write>(
    stream: S,
    socket: &TcpStream,
    document: &SinkDocument,
    tally: &Tally,
    delay: &ResponseDelay,
) -> Result<(), Ended> {
    let mut association = Association {
        stream,
        received: Received::new(),
        contexts: [false; 256],
        command: Vec::new(),
        store: None,
        document,
        tally,
        delay,
    };
    let ended = association.serve(socket);
    if let Err(Ended::Aborted { reason, .. }) = &ended {
        // The peer may have closed the connection.
        let _ = association.send(&pdu::abort(*reason));
    }
    ended
}

struct Association<'a, S> {
    stream: S,
    received: Received,
    /// True at the ids of the accepted presentation contexts.
    contexts: [bool; 256],
    /// The received part of a command set.
    command: Vec<u8>,
    /// The C-STORE whose dataset is being received.
    store: Option<Store>,
    document: &'a SinkDocument,
    tally: &'a Tally,
    delay: &'a ResponseDelay,
}

struct Store {
    request: Command,
    dataset_bytes: u64,
}

impl<S: Read + Write> Association<'_, S> {
    fn serve(&mut self, socket: &TcpStream) -> Result<(), Ended> {
        if !self.negotiate()? {
            return Ok(());
        }
        // After the negotiation a sender may pause for any time.
        socket.set_read_timeout(None)?;
        while let Some(header) = self.received.next(&mut self.stream)?.map(Header::parse) {
            match header.kind {
                pdu::P_DATA => self.read_values(header.length)?,
                pdu::RELEASE_REQUEST => {
                    self.skip_content(header)?;
                    self.send(&pdu::release(pdu::RELEASE_RESPONSE))?;
                    return Ok(());
                }
                pdu::ABORT => return Ok(()),
                pdu::ASSOCIATE_REQUEST..=pdu::RELEASE_RESPONSE => return Err(unexpected_pdu("a PDU out of turn")),
                kind => return Err(unrecognized_pdu(&format!("PDU type {kind:02X}H"))),
            }
        }
        Ok(())
    }

    /// Reads and answers the association request. Returns false if the peer closed the connection first.
    fn negotiate(&mut self) -> Result<bool, Ended> {
        let Some(header) = self.received.next(&mut self.stream)? else { return Ok(false) };
        match Header::parse(header).kind {
            pdu::ASSOCIATE_REQUEST => {}
            pdu::P_DATA..=pdu::ABORT | 0x02 | 0x03 => return Err(unexpected_pdu("no association was requested")),
            kind => return Err(unrecognized_pdu(&format!("PDU type {kind:02X}H"))),
        }
        let length = Header::parse(header).length;
        if length > pdu::MAX_BYTES {
            return Err(invalid_parameter(format!("an A-ASSOCIATE-RQ of {length} bytes")));
        }
        let mut bytes = header.to_vec();
        self.received.append_to(&mut self.stream, length, &mut bytes)?;
        let Pdu::AssociationRQ(request) = pdu::decode(&bytes).map_err(|error| invalid_parameter(error.to_string()))?
        else {
            return Err(unexpected_pdu("no association was requested"));
        };
        let accepted = negotiation::accept(request, self.document.max_pdu)?;
        self.contexts = accepted.contexts;
        self.send(&accepted.response)?;
        Ok(true)
    }

    /// Reads the presentation data values of a P-DATA-TF.
    fn read_values(&mut self, length: u32) -> Result<(), Ended> {
        if self.document.max_pdu != 0 && length > self.document.max_pdu {
            return Err(invalid_parameter(format!(
                "a P-DATA-TF of {length} bytes, where {} were agreed",
                self.document.max_pdu
            )));
        }
        let mut left = length;
        while left > 0 {
            let Some(header) = self.received.next::<{ pdu::VALUE_HEADER_BYTES }>(&mut self.stream)? else {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            };
            let [a, b, c, d, context, control] = header;
            let value = u32::from_be_bytes([a, b, c, d]);
            // The length counts the context, the control header and the fragment.
            if value < 2 || left < 4 || value > left - 4 {
                return Err(invalid_parameter(format!("a value of {value} bytes in {left}")));
            }
            left -= 4 + value;
            if !self.contexts[usize::from(context)] {
                return Err(invalid_parameter(format!("presentation context {context} was not accepted")));
            }
            self.read_fragment(context, control, value - 2)?;
        }
        Ok(())
    }

    fn read_fragment(&mut self, context: u8, control: u8, length: u32) -> Result<(), Ended> {
        let is_last = control & pdu::LAST_FLAG != 0;
        if control & pdu::COMMAND_FLAG == 0 {
            let Some(store) = &mut self.store else { return Err(unexpected_pdu("a dataset without a command")) };
            self.received.pass(&mut self.stream, length, |_| {})?;
            store.dataset_bytes += u64::from(length);
            if is_last && let Some(store) = self.store.take() {
                self.finish_store(context, &store)?;
            }
            return Ok(());
        }
        if self.store.is_some() {
            return Err(unexpected_pdu("a command in place of a dataset"));
        }
        if self.command.len() + usize::try_from(length).unwrap_or(usize::MAX) > MAX_COMMAND_BYTES {
            return Err(invalid_parameter(format!("a command set of more than {MAX_COMMAND_BYTES} bytes")));
        }
        self.received.append_to(&mut self.stream, length, &mut self.command)?;
        if is_last {
            let request =
                Command::decode(&self.command).ok_or_else(|| invalid_parameter("a malformed command set".to_owned()));
            self.command.clear();
            self.handle_command(context, request?)?;
        }
        Ok(())
    }

    fn handle_command(&mut self, context: u8, request: Command) -> Result<(), Ended> {
        match (request.field, request.dataset) {
            (C_STORE_REQUEST, true) => {
                self.store = Some(Store { request, dataset_bytes: 0 });
                Ok(())
            }
            (C_ECHO_REQUEST, false) => self.respond(context, &request),
            (field, _) => Err(invalid_parameter(format!("command {field:04X}H"))),
        }
    }

    fn finish_store(&mut self, context: u8, store: &Store) -> Result<(), Ended> {
        self.delay.wait(self.tally.count());
        // It is counted first: a sender that has the response may ask for the counts at once.
        self.tally.add(&store.request.sop_instance_uid, store.dataset_bytes);
        self.respond(context, &store.request)
    }

    fn respond(&mut self, context: u8, request: &Command) -> Result<(), Ended> {
        let response = request.success_response().encode();
        let length = u32::try_from(response.len()).unwrap_or(u32::MAX);
        let mut bytes = pdu::p_data_header(context, pdu::COMMAND_FLAG | pdu::LAST_FLAG, length).to_vec();
        bytes.extend(response);
        self.send(&bytes)
    }

    /// Skips the content of a PDU that has only a type.
    fn skip_content(&mut self, header: Header) -> Result<(), Ended> {
        if header.length > pdu::MAX_BYTES {
            return Err(invalid_parameter(format!("a PDU of {} bytes", header.length)));
        }
        Ok(self.received.pass(&mut self.stream, header.length, |_| {})?)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        self.stream.write_all(bytes)?;
        Ok(self.stream.flush()?)
    }
}

fn unexpected_pdu(why: &str) -> Ended {
    Ended::Aborted { reason: AbortReason::UnexpectedPdu, why: why.to_owned() }
}

fn unrecognized_pdu(why: &str) -> Ended {
    Ended::Aborted { reason: AbortReason::UnrecognizedPdu, why: why.to_owned() }
}

fn invalid_parameter(why: String) -> Ended {
    Ended::Aborted { reason: AbortReason::InvalidParameter, why }
}
