//! An SCP with one fault. It has a control interface like the sink's, so `client measure` can work with it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use dicom_dictionary_std::uids;
use dicom_ul::Pdu;
use dicom_ul::pdu::{
    AssociationAC, AssociationRQ, PresentationContextResult, PresentationContextResultReason, UserVariableItem,
};
use dicomperf_agent::upper_layer::command::{C_STORE_REQUEST, Command};
use dicomperf_agent::upper_layer::pdu;
use dicomperf_model::request::Target;
use dicomperf_model::settings::ServerSettings;
use dicomperf_model::step::ServerAddress;
use serde_json::json;
use tiny_http::{Method, Response, Server};

use super::orthanc::{PASSWORD, settings};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Rejects every association, except those for C-ECHO.
    RejectAssociation { result: u8, source: u8, reason: u8 },
    /// Closes the connection of every such association request.
    CloseAtRequest,
    /// Rejects every presentation context with this result (PS3.8 9.3.3.2).
    RejectContexts(u8),
    /// Answers the victim with this status.
    Status(u16),
    /// Aborts at the victim (A-ABORT).
    Abort,
    /// Closes the connection at the victim.
    Close,
    /// Does not answer to the victim.
    Silence,
}

pub struct FaultyScp {
    pub address: ServerAddress,
    state: Arc<State>,
}

struct State {
    fault: Fault,
    /// The SOP Instance UID at which the fault shows.
    victim: String,
    stored: Mutex<Vec<String>>,
}

impl FaultyScp {
    pub fn start(fault: Fault, victim: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let control = Server::http("127.0.0.1:0").unwrap();
        let address = ServerAddress {
            address: "127.0.0.1".to_owned(),
            dicom_port: listener.local_addr().unwrap().port(),
            rest_port: control.server_addr().to_ip().unwrap().port(),
            ae_title: "FAULTY".to_owned(),
            rest_user: "dicomperf".to_owned(),
            rest_password: PASSWORD.to_owned(),
            existing: None,
        };
        let state = Arc::new(State { fault, victim: victim.to_owned(), stored: Mutex::new(Vec::new()) });
        let scp = Self { address, state: state.clone() };
        let counting = state.clone();
        thread::spawn(move || {
            for request in control.incoming_requests() {
                let mut stored = counting.stored.lock().unwrap();
                if *request.method() == Method::Delete {
                    stored.clear();
                }
                let counted = json!({ "sopInstanceUids": *stored, "datasetBytes": 0, "count": stored.len() });
                drop(stored);
                let _ = request.respond(Response::from_string(counted.to_string()));
            }
        });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = state.clone();
                thread::spawn(move || state.serve(stream));
            }
        });
        scp
    }

    /// The settings of a block whose server this is.
    pub fn settings(&self) -> ServerSettings {
        ServerSettings { target: Target::Sink, ..settings(true, false, &[]) }
    }

    pub fn stored(&self) -> usize {
        self.state.stored.lock().unwrap().len()
    }
}

pub fn read_pdu(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; pdu::HEADER_BYTES];
    stream.read_exact(&mut bytes).ok()?;
    let header = pdu::Header::parse(*bytes.first_chunk()?);
    bytes.resize(pdu::HEADER_BYTES + header.length as usize, 0);
    stream.read_exact(&mut bytes[pdu::HEADER_BYTES..]).ok()?;
    Some(bytes)
}

impl State {
    /// Serves a connection until it ends. An error of the connection ends it too.
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let Pdu::AssociationRQ(request) = pdu::decode(&read_pdu(&mut stream)?).ok()? else { return None };
        let is_echo = request.presentation_contexts.iter().all(|one| one.abstract_syntax == uids::VERIFICATION);
        match self.fault {
            Fault::RejectAssociation { result, source, reason } if !is_echo => {
                stream.write_all(&[3, 0, 0, 0, 0, 4, 0, result, source, reason]).ok()?;
                // The peer closes the connection.
                let _ = stream.read(&mut [0]);
                return None;
            }
            Fault::CloseAtRequest if !is_echo => return None,
            _ => {}
        }
        stream.write_all(&self.acceptance(request, is_echo)).ok()?;
        let mut command = Vec::new();
        loop {
            let bytes = read_pdu(&mut stream)?;
            if bytes[0] == pdu::RELEASE_REQUEST {
                return stream.write_all(&pdu::release(pdu::RELEASE_RESPONSE)).ok();
            }
            let Pdu::PData { data } = pdu::decode(&bytes).ok()? else { return None };
            for value in data {
                let is_command = value.value_type == dicom_ul::pdu::PDataValueType::Command;
                if is_command {
                    command.extend(&value.data);
                }
                let Some(decoded) = value.is_last.then(|| Command::decode(&command)).flatten() else { continue };
                // A C-STORE is answered after its dataset.
                if is_command && decoded.field == C_STORE_REQUEST {
                    continue;
                }
                command.clear();
                self.answer(&mut stream, value.presentation_context_id, &decoded)?;
            }
        }
    }

    fn acceptance(&self, request: AssociationRQ, is_echo: bool) -> Vec<u8> {
        let reason = match self.fault {
            Fault::RejectContexts(1) if !is_echo => PresentationContextResultReason::UserRejection,
            Fault::RejectContexts(3) if !is_echo => PresentationContextResultReason::AbstractSyntaxNotSupported,
            Fault::RejectContexts(4) if !is_echo => PresentationContextResultReason::TransferSyntaxesNotSupported,
            _ => PresentationContextResultReason::Acceptance,
        };
        let results = request.presentation_contexts.into_iter().map(|proposed| PresentationContextResult {
            id: proposed.id,
            reason: reason.clone(),
            transfer_syntax: proposed.transfer_syntaxes[0].clone(),
        });
        pdu::encode(&Pdu::AssociationAC(AssociationAC {
            protocol_version: 1,
            presentation_contexts: results.collect(),
            calling_ae_title: request.calling_ae_title,
            called_ae_title: request.called_ae_title,
            application_context_name: request.application_context_name,
            user_variables: vec![
                UserVariableItem::MaxLength(16_384),
                UserVariableItem::ImplementationClassUID("2.25.1".to_owned()),
            ],
        }))
        .unwrap()
    }

    fn answer(&self, stream: &mut TcpStream, context: u8, request: &Command) -> Option<()> {
        let mut response = request.success_response();
        if request.field == C_STORE_REQUEST {
            if request.sop_instance_uid == self.victim {
                match self.fault {
                    Fault::Status(status) => response.status = status,
                    Fault::Abort => {
                        stream.write_all(&pdu::abort(pdu::AbortReason::UnexpectedPdu)).ok()?;
                        // Without a wait, the peer may see the end of the connection first.
                        thread::sleep(Duration::from_millis(200));
                        return None;
                    }
                    Fault::Close => return None,
                    Fault::Silence => {
                        while stream.read(&mut [0; 4096]).ok()? > 0 {}
                        return None;
                    }
                    _ => {}
                }
            }
            if response.status == 0 {
                self.stored.lock().unwrap().push(request.sop_instance_uid.clone());
            }
        }
        let response = response.encode();
        let header = pdu::p_data_header(context, pdu::COMMAND_FLAG | pdu::LAST_FLAG, response.len() as u32);
        stream.write_all(&[&header[..], &response].concat()).ok()
    }
}
