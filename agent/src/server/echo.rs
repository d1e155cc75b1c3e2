//! C-ECHO (PS3.7 9.1.5): the proof that a server answers on DICOM, with TLS if the block uses it.

use std::time::Duration;

use dicom_dictionary_std::uids;
use dicom_ul::association::CloseSocket;
use dicom_ul::pdu::{PDataValue, PDataValueType};
use dicom_ul::{ClientAssociation, ClientAssociationOptions, Pdu};
use dicomperf_model::step::ServerAddress;
use rustls::ClientConfig;

use crate::failure::with_causes;
use crate::upper_layer::command::{C_ECHO_RESPONSE, Command};

/// The calling AE title of the C-ECHO.
const CALLING_AE_TITLE: &str = "DICOMPERF";
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a C-ECHO, and waits for Success.
///
/// # Errors
/// The reason in words.
pub fn echo(server: &ServerAddress, tls: Option<ClientConfig>) -> Result<(), String> {
    let address = (server.address.as_str(), server.dicom_port);
    let options = ClientAssociationOptions::new()
        .calling_ae_title(CALLING_AE_TITLE)
        .called_ae_title(server.ae_title.clone())
        .with_presentation_context(uids::VERIFICATION, vec![uids::IMPLICIT_VR_LITTLE_ENDIAN])
        .connection_timeout(ANSWER_TIMEOUT)
        .read_timeout(ANSWER_TIMEOUT)
        .write_timeout(ANSWER_TIMEOUT);
    match tls {
        None => exchange(options.establish(address).map_err(|error| with_causes(&error))?),
        Some(tls) => {
            let options = options.tls_config(tls).server_name(&server.address);
            exchange(options.establish_tls(address).map_err(|error| with_causes(&error))?)
        }
    }
}

fn exchange<S>(mut association: ClientAssociation<S>) -> Result<(), String>
where
    S: std::io::Read + std::io::Write + CloseSocket,
{
    let context = association.presentation_contexts().first().ok_or("no presentation context")?.id;
    let request = PDataValue {
        presentation_context_id: context,
        value_type: PDataValueType::Command,
        is_last: true,
        data: Command::echo_request(1).encode(),
    };
    association.send(&Pdu::PData { data: vec![request] }).map_err(|error| with_causes(&error))?;
    let Pdu::PData { data } = association.receive().map_err(|error| with_causes(&error))? else {
        return Err("no C-ECHO response".to_owned());
    };
    let response = data.first().ok_or("an empty response")?;
    let response = Command::decode(&response.data)
        .filter(|response| response.field == C_ECHO_RESPONSE)
        .ok_or("an answer that is not a C-ECHO response")?;
    association.release().map_err(|error| with_causes(&error))?;
    if response.status == 0 { Ok(()) } else { Err(format!("C-ECHO status {:04X}H", response.status)) }
}
