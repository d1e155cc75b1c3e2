//! The receipt by C-FIND at the IMAGE level of the Study Root model (PS3.4 C.6.2).

use std::collections::BTreeSet;

use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries::IMPLICIT_VR_LITTLE_ENDIAN;
use dicomperf_model::sending::FailureCause;
use dicomperf_model::step::MeasureBlock;
use rustls::ClientConfig;

use super::Series;
use super::found::Found;
use crate::failure::{Failure, with_causes};
use crate::native::{Finder, Lost, Peer, SILENCE_TIMEOUT, while_busy, without_identifiers};
use crate::tls;
use crate::upper_layer::command::Command;

/// The longest PDU that the server may send. Its answers have some hundred bytes.
const MAX_PDU: u32 = 16_384;

/// A series that no server has.
const NO_SERIES: Series<'_> = ("2.25.1", "2.25.2");

/// The server as an SCP of C-FIND.
pub(super) struct CFind {
    address: String,
    port: u16,
    called_ae_title: String,
    calling_ae_title: String,
    tls: bool,
}

impl CFind {
    pub fn new(block: &MeasureBlock) -> Self {
        Self {
            address: block.server.address.clone(),
            port: block.server.dicom_port,
            called_ae_title: block.server.ae_title.clone(),
            calling_ae_title: block.calling_ae_title.clone(),
            tls: block.settings.tls,
        }
    }

    /// Fails if the server offers no C-FIND, or refuses it to us. Orthanc accepts the presentation context from anybody,
    /// and aborts at the first question of an AE title that it does not know (DicomAlwaysAllowFind). So one is asked.
    pub fn check(&self) -> Result<(), Failure> {
        let mut found = Found::new(&[]);
        self.ask(&BTreeSet::from([NO_SERIES]), &mut found)?;
        match found.len() {
            0 => Ok(()),
            others => {
                Err(self.failure(format!("answers with {others} instances of other series than it was asked for")))
            }
        }
    }

    /// Asks for each series on one association. The Study and the Series Instance UID are unique keys with one value each,
    /// as a hierarchical search needs them (PS3.4 C.4.1.2.1).
    pub fn ask(&self, series: &BTreeSet<Series<'_>>, found: &mut Found<'_>) -> Result<(), Failure> {
        let mut finder = self.open()?;
        for series in series {
            let identifier = identifier(*series).map_err(|error| self.failure(format!("cannot be asked: {error}")))?;
            let add = |answer: &[u8]| found.add(&sop_instance_uid(answer)?, "");
            let last = finder.find(&identifier, add).map_err(|lost| self.lost(&lost))?;
            if last.status != 0 {
                return Err(self.failure(unsuccessful(&last)));
            }
        }
        finder.release();
        Ok(())
    }

    fn open(&self) -> Result<Finder, Failure> {
        let peer = Peer {
            address: &self.address,
            port: self.port,
            called_ae_title: &self.called_ae_title,
            calling_ae_title: &self.calling_ae_title,
            max_pdu: MAX_PDU,
            tcp_no_delay: true,
            silence: SILENCE_TIMEOUT,
        };
        let tls: Option<ClientConfig> = self
            .tls
            .then(tls::anonymous_client)
            .transpose()
            .map_err(|error| self.failure(format!("has no TLS: {error}")))?;
        while_busy(|| Finder::open(&peer, tls.clone())).map_err(|lost| self.lost(&lost))
    }

    fn lost(&self, lost: &Lost) -> Failure {
        self.failure(match lost.cause {
            FailureCause::ClassRejected { .. }
            | FailureCause::SyntaxRejected { .. }
            | FailureCause::ContextRejected { .. } => {
                format!(
                    "is not offered: {lost}. Another receipt may be: \"qido\", \"orthanc\", or \"none\", with which \
                     storage is not proven"
                )
            }
            FailureCause::ProtocolBroken => lost.words.clone(),
            FailureCause::AssociationEnded => format!(
                "failed: {lost}. A server may end the association because it allows {} no C-FIND: ask its administrator \
                 (Orthanc: DicomModalities, or DicomAlwaysAllowFind), or use another receipt",
                self.calling_ae_title
            ),
            _ => format!("failed: {lost}"),
        })
    }

    /// A failure. `trouble` begins with its verb.
    fn failure(&self, trouble: String) -> Failure {
        let url = format!("{}@{}:{}", self.called_ae_title, self.address, self.port);
        Failure::ServerUnreachable { interface: "C-FIND", url, trouble }
    }
}

/// The identifier of a question for the instances of a series, with the SOP Instance UID as the key to return.
fn identifier((study, series): Series<'_>) -> Result<Vec<u8>, String> {
    let mut object = InMemDicomObject::new_empty();
    for (tag, vr, value) in [
        (tags::SOP_INSTANCE_UID, VR::UI, ""),
        (tags::QUERY_RETRIEVE_LEVEL, VR::CS, "IMAGE"),
        (tags::STUDY_INSTANCE_UID, VR::UI, study),
        (tags::SERIES_INSTANCE_UID, VR::UI, series),
    ] {
        // Universal matching wants a value of zero length (PS3.4 C.2.2.2.3).
        let value = if value.is_empty() { PrimitiveValue::Empty } else { PrimitiveValue::from(value) };
        object.put(DataElement::new(tag, vr, value));
    }
    let mut bytes = Vec::new();
    let written = object.write_dataset_with_ts(&mut bytes, &IMPLICIT_VR_LITTLE_ENDIAN.erased());
    written.map_err(|error| with_causes(&error))?;
    Ok(bytes)
}

/// The SOP Instance UID of a match, or the trouble from its verb on.
fn sop_instance_uid(answer: &[u8]) -> Result<String, String> {
    let object = InMemDicomObject::read_dataset_with_ts(answer, &IMPLICIT_VR_LITTLE_ENDIAN.erased())
        .map_err(|error| format!("answers with a match that cannot be read: {}", with_causes(&error)))?;
    let uid = object.get(tags::SOP_INSTANCE_UID).and_then(|element| element.to_str().ok());
    let uid = uid.map(|uid| uid.trim_end_matches(['\0', ' ']).to_owned()).filter(|uid| !uid.is_empty());
    uid.ok_or_else(|| "answers with a match without SOP Instance UID".to_owned())
}

/// The trouble that a status other than Success means (PS3.4 table C.4-1), from its verb on.
fn unsuccessful(response: &Command) -> String {
    let name = match response.status {
        0xA700 => ", Refused: Out of Resources",
        0xA900 => ", Error: Data Set does not match SOP Class",
        0x0122 => ", Refused: SOP Class not supported",
        0x0124 => ", Refused: Not authorized",
        0xC000..=0xCFFF => ", Failed: Unable to process",
        0xFE00 => ", Cancel",
        _ => "",
    };
    let comment = without_identifiers(&response.comment);
    let comment = if comment.is_empty() { String::new() } else { format!(" ({comment})") };
    format!("answers with status {:04X}H{name}{comment}", response.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_the_keys_of_a_hierarchical_search_in_order() {
        let bytes = identifier(("2.25.1", "2.25.22")).expect("an identifier");
        let expected: &[&[u8]] = &[
            &[8, 0, 0x18, 0, 0, 0, 0, 0],
            &[8, 0, 0x52, 0, 6, 0, 0, 0],
            b"IMAGE ",
            &[0x20, 0, 0x0D, 0, 6, 0, 0, 0],
            b"2.25.1",
            &[0x20, 0, 0x0E, 0, 8, 0, 0, 0],
            b"2.25.22\0",
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn a_match_without_the_key_is_no_match() {
        let with = [&[8, 0, 0x18, 0, 8, 0, 0, 0][..], b"2.25.33\0"].concat();
        assert_eq!(sop_instance_uid(&with).expect("a UID"), "2.25.33");
        for bad in [&[8, 0, 0x18, 0, 0, 0, 0, 0][..], &[], &[8, 0, 0x18, 0, 9, 0, 0, 0, 1]] {
            assert!(sop_instance_uid(bad).expect_err("no UID").starts_with("answers with a match"));
        }
    }

    #[test]
    fn a_failure_has_its_name_and_the_comment_without_identifiers() {
        let response = |status, comment: &str| Command { status, comment: comment.to_owned(), ..Command::default() };
        assert_eq!(
            unsuccessful(&response(0xC001, "no index of 1.2.3")),
            "answers with status C001H, Failed: Unable to process (no index of …)"
        );
        assert_eq!(unsuccessful(&response(0x1234, "")), "answers with status 1234H");
    }
}
