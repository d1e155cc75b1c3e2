//! An archive of somebody else, with one peculiarity: an SCP of C-STORE, C-ECHO and C-FIND in this process. It keeps the
//! SOP Instance UIDs of one series.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use dicom_dictionary_std::uids;
use dicom_ul::Pdu;
use dicom_ul::pdu::{
    AssociationAC, AssociationRQ, PDataValueType, PresentationContextResult, PresentationContextResultReason,
    UserVariableItem,
};
use dicomperf_agent::upper_layer::command::{C_FIND_REQUEST, C_STORE_REQUEST, Command};
use dicomperf_agent::upper_layer::pdu;

use super::faulty::read_pdu;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Peculiarity {
    None,
    /// Stores every second instance, and answers each with Success.
    StoresHalf,
    /// Indexes an instance this long after it has answered.
    IndexesLate(Duration),
    /// Stores each instance and answers with this status.
    Warns(u16),
    /// Lists each instance twice.
    ListsTwice,
    /// Answers each C-FIND with one match after another, for ever.
    IgnoresKeys,
    /// Answers each C-FIND with this status and an Error Comment.
    FailsToFind(u16),
    /// Aborts at this instance, counted from 1.
    AbortsAt(usize),
    /// Rejects every association with result, source and reason.
    Rejects(u8, u8, u8),
    /// Ends an association whose request has an item of asynchronous operations.
    ChokesOnAsynchronousOperations,
    /// Answers an item of asynchronous operations with this window.
    Window(u16, u16),
    /// Rejects the presentation context of Verification.
    WithoutVerification,
    /// Accepts connections and never answers.
    Mute,
    /// Puts both parts of an answer into one PDU, and both messages of the last answer.
    OnePdu,
}

pub struct Archive {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    peculiarity: Peculiarity,
    /// Each instance, and the time from which it is findable.
    stored: Mutex<Vec<(String, Instant)>>,
    received: Mutex<usize>,
}

impl Archive {
    pub fn start(peculiarity: Peculiarity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = Arc::new(State { peculiarity, stored: Mutex::default(), received: Mutex::default() });
        let archive = Self { port: listener.local_addr().unwrap().port(), state: state.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = state.clone();
                thread::spawn(move || state.serve(stream));
            }
        });
        archive
    }

    /// The findable instances.
    pub fn uids(&self) -> Vec<String> {
        self.state.findable()
    }

    /// C-STOREs so far.
    pub fn received(&self) -> usize {
        *self.state.received.lock().unwrap()
    }
}

impl State {
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        if self.peculiarity == Peculiarity::Mute {
            while stream.read(&mut [0; 4096]).ok()? > 0 {}
            return None;
        }
        let Pdu::AssociationRQ(request) = pdu::decode(&read_pdu(&mut stream)?).ok()? else { return None };
        if let Peculiarity::Rejects(result, source, reason) = self.peculiarity {
            stream.write_all(&[3, 0, 0, 0, 0, 4, 0, result, source, reason]).ok()?;
            let _ = stream.read(&mut [0]);
            return None;
        }
        let asynchronous = request.user_variables.iter().any(|item| matches!(item, UserVariableItem::Unknown(0x53, _)));
        if asynchronous && self.peculiarity == Peculiarity::ChokesOnAsynchronousOperations {
            return None;
        }
        stream.write_all(&self.acceptance(request)).ok()?;
        let (mut command, mut request) = (Vec::new(), None);
        loop {
            let bytes = read_pdu(&mut stream)?;
            if bytes[0] == pdu::RELEASE_REQUEST {
                return stream.write_all(&pdu::release(pdu::RELEASE_RESPONSE)).ok();
            }
            let Pdu::PData { data } = pdu::decode(&bytes).ok()? else { return None };
            for value in data {
                if value.value_type == PDataValueType::Command {
                    command.extend(&value.data);
                    if !value.is_last {
                        continue;
                    }
                    request = Command::decode(&std::mem::take(&mut command));
                }
                let is_whole = request.as_ref().is_some_and(|one| !one.dataset)
                    || value.is_last && value.value_type == PDataValueType::Data;
                if let Some(request) = request.take_if(|_| is_whole) {
                    self.answer(&mut stream, value.presentation_context_id, &request)?;
                }
            }
        }
    }

    fn acceptance(&self, request: AssociationRQ) -> Vec<u8> {
        let is_rejected =
            |class: &str| self.peculiarity == Peculiarity::WithoutVerification && class == uids::VERIFICATION;
        let results = request.presentation_contexts.into_iter().map(|proposed| PresentationContextResult {
            id: proposed.id,
            reason: if is_rejected(&proposed.abstract_syntax) {
                PresentationContextResultReason::AbstractSyntaxNotSupported
            } else {
                PresentationContextResultReason::Acceptance
            },
            transfer_syntax: proposed.transfer_syntaxes[0].clone(),
        });
        let mut user_variables = vec![
            UserVariableItem::MaxLength(16_384),
            UserVariableItem::ImplementationClassUID("2.25.1".to_owned()),
            UserVariableItem::ImplementationVersionName("ARCHIVE_1".to_owned()),
        ];
        if let Peculiarity::Window(invoked, performed) = self.peculiarity {
            let value = [invoked.to_be_bytes(), performed.to_be_bytes()].concat();
            user_variables.push(UserVariableItem::Unknown(0x53, value));
        }
        pdu::encode(&Pdu::AssociationAC(AssociationAC {
            protocol_version: 1,
            presentation_contexts: results.collect(),
            calling_ae_title: request.calling_ae_title,
            called_ae_title: request.called_ae_title,
            application_context_name: request.application_context_name,
            user_variables,
        }))
        .unwrap()
    }

    fn answer(&self, stream: &mut TcpStream, context: u8, request: &Command) -> Option<()> {
        match request.field {
            C_STORE_REQUEST => self.store(stream, context, request),
            C_FIND_REQUEST => self.find(stream, context, request),
            _ => stream.write_all(&message(context, &request.success_response().encode(), true)).ok(),
        }
    }

    fn store(&self, stream: &mut TcpStream, context: u8, request: &Command) -> Option<()> {
        let mut response = request.success_response();
        let number = {
            let mut received = self.received.lock().unwrap();
            *received += 1;
            *received
        };
        match self.peculiarity {
            Peculiarity::AbortsAt(at) if at == number => {
                stream.write_all(&pdu::abort(pdu::AbortReason::UnexpectedPdu)).ok()?;
                // The peer closes the connection.
                while stream.read(&mut [0; 4096]).ok()? > 0 {}
                return None;
            }
            Peculiarity::Warns(status) => response.status = status,
            _ => {}
        }
        let is_lost = self.peculiarity == Peculiarity::StoresHalf && number % 2 == 0;
        if !is_lost {
            let late = match self.peculiarity {
                Peculiarity::IndexesLate(time) => time,
                _ => Duration::ZERO,
            };
            self.stored.lock().unwrap().push((request.sop_instance_uid.clone(), Instant::now() + late));
        }
        stream.write_all(&message(context, &response.encode(), true)).ok()
    }

    fn find(&self, stream: &mut TcpStream, context: u8, request: &Command) -> Option<()> {
        let mut last = request.success_response();
        let pending = Command { status: 0xFF00, dataset: true, ..last.clone() };
        let matching =
            |uid: &str| [message(context, &pending.encode(), true), message(context, &identifier(uid), false)].concat();
        match self.peculiarity {
            // Nothing is peculiar before the first instance.
            _ if *self.received.lock().unwrap() == 0 => {}
            Peculiarity::FailsToFind(status) => last.status = status,
            Peculiarity::IgnoresKeys => {
                for number in 0_u64.. {
                    stream.write_all(&matching(&format!("1.2.3.{number}"))).ok()?;
                }
            }
            Peculiarity::OnePdu => return self.find_in_one_pdu(stream, context, &pending, &last),
            _ => {}
        }
        for uid in self.findable() {
            stream.write_all(&matching(&uid)).ok()?;
            if self.peculiarity == Peculiarity::ListsTwice {
                stream.write_all(&matching(&uid)).ok()?;
            }
        }
        stream.write_all(&message(context, &last.encode(), true)).ok()
    }

    /// All answers in one P-DATA-TF with many presentation data values (PS3.8 9.3.5).
    fn find_in_one_pdu(&self, stream: &mut TcpStream, context: u8, pending: &Command, last: &Command) -> Option<()> {
        let mut values = Vec::new();
        for uid in self.findable() {
            values.extend_from_slice(&message(context, &pending.encode(), true)[pdu::HEADER_BYTES..]);
            values.extend_from_slice(&message(context, &identifier(&uid), false)[pdu::HEADER_BYTES..]);
        }
        values.extend_from_slice(&message(context, &last.encode(), true)[pdu::HEADER_BYTES..]);
        let length = u32::try_from(values.len()).unwrap().to_be_bytes();
        stream.write_all(&[&[pdu::P_DATA, 0][..], &length, &values].concat()).ok()
    }

    fn findable(&self) -> Vec<String> {
        let now = Instant::now();
        let stored = self.stored.lock().unwrap();
        stored.iter().filter(|(_, from)| *from <= now).map(|(uid, _)| uid.clone()).collect()
    }
}

/// A whole command set or dataset in one PDU.
fn message(context: u8, bytes: &[u8], is_command: bool) -> Vec<u8> {
    let flags = pdu::LAST_FLAG | if is_command { pdu::COMMAND_FLAG } else { 0 };
    [&pdu::p_data_header(context, flags, bytes.len() as u32)[..], bytes].concat()
}

/// An identifier with a SOP Instance UID, in Implicit VR Little Endian.
fn identifier(uid: &str) -> Vec<u8> {
    let mut value = uid.as_bytes().to_vec();
    if value.len() % 2 == 1 {
        value.push(0);
    }
    let length = (value.len() as u32).to_le_bytes();
    [&[8, 0, 0x18, 0][..], &length, &value].concat()
}

/// The SOP class that a C-FIND is for.
pub const STUDY_ROOT: &str = uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND;
