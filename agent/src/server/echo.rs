//! C-ECHO (PS3.7 9.1.5): the proof that Orthanc answers on DICOM, over TLS where it is to.

use std::time::Duration;

use dicom_core::{DataElement, PrimitiveValue, VR, dicom_value};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries::IMPLICIT_VR_LITTLE_ENDIAN;
use dicom_ul::association::CloseSocket;
use dicom_ul::pdu::{PDataValue, PDataValueType};
use dicom_ul::{ClientAssociation, ClientAssociationOptions, Pdu};
use dicomperf::step::ServerAddress;
use rustls::ClientConfig;

use crate::client::dataset::with_causes;

/// The AE title that the proof calls from.
const CALLING: &str = "DICOMPERF";
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks, and waits for Success.
///
/// # Errors
/// What went wrong, for a person.
pub fn echo(server: &ServerAddress, tls: Option<ClientConfig>) -> Result<(), String> {
    let address = (server.address.as_str(), server.dicom_port);
    let options = ClientAssociationOptions::new()
        .calling_ae_title(CALLING)
        .called_ae_title(server.ae_title.clone())
        .with_presentation_context(uids::VERIFICATION, vec![uids::IMPLICIT_VR_LITTLE_ENDIAN])
        .connection_timeout(TIMEOUT)
        .read_timeout(TIMEOUT)
        .write_timeout(TIMEOUT);
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
    let data = PDataValue {
        presentation_context_id: context,
        value_type: PDataValueType::Command,
        is_last: true,
        data: request()?,
    };
    association.send(&Pdu::PData { data: vec![data] }).map_err(|error| with_causes(&error))?;
    let Pdu::PData { data } = association.receive().map_err(|error| with_causes(&error))? else {
        return Err("no C-ECHO response".to_owned());
    };
    let response = data.first().ok_or("an empty response")?;
    let status = status(&response.data)?;
    association.release().map_err(|error| with_causes(&error))?;
    if status == 0 { Ok(()) } else { Err(format!("C-ECHO status {status:04X}H")) }
}

/// C-ECHO-RQ (PS3.7 9.3.5.1).
fn request() -> Result<Vec<u8>, String> {
    let command = InMemDicomObject::command_from_element_iter([
        DataElement::new(tags::AFFECTED_SOP_CLASS_UID, VR::UI, PrimitiveValue::from(uids::VERIFICATION)),
        DataElement::new(tags::COMMAND_FIELD, VR::US, dicom_value!(U16, [0x0030])),
        DataElement::new(tags::MESSAGE_ID, VR::US, dicom_value!(U16, [1])),
        DataElement::new(tags::COMMAND_DATA_SET_TYPE, VR::US, dicom_value!(U16, [0x0101])),
    ]);
    let mut bytes = Vec::new();
    command
        .write_dataset_with_ts(&mut bytes, &IMPLICIT_VR_LITTLE_ENDIAN.erased())
        .map_err(|error| with_causes(&error))?;
    Ok(bytes)
}

fn status(response: &[u8]) -> Result<u16, String> {
    let command = InMemDicomObject::read_dataset_with_ts(response, &IMPLICIT_VR_LITTLE_ENDIAN.erased())
        .map_err(|error| with_causes(&error))?;
    let status = command.element(tags::STATUS).map_err(|error| with_causes(&error))?;
    status.to_int().map_err(|error| with_causes(&error))
}
