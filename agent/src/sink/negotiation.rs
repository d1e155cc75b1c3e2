//! A-ASSOCIATE. The sink accepts every storage SOP class, every private SOP class and Verification, each in the
//! transfer syntax that is proposed first.

use std::io;

use dicom_dictionary_std::uids;
use dicom_ul::pdu::{
    AssociationAC, AssociationRQ, PresentationContextProposed, PresentationContextResult,
    PresentationContextResultReason, UserVariableItem,
};
use dicom_ul::{IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, Pdu};
use dicomperf_model::dataset::is_storage;

use crate::upper_layer::pdu;

/// The outcome of a negotiation.
pub(super) struct Accepted {
    /// A-ASSOCIATE-AC, encoded.
    pub response: Vec<u8>,
    /// True at the ids of the accepted presentation contexts.
    pub contexts: [bool; 256],
}

/// Accepts an association.
///
/// # Errors
/// Names that are too long for the response.
pub(super) fn accept(request: AssociationRQ, max_pdu: u32) -> io::Result<Accepted> {
    let mut contexts = [false; 256];
    let results = request.presentation_contexts.into_iter().map(|proposed| {
        let result = judge(proposed);
        contexts[usize::from(result.id)] = result.reason == PresentationContextResultReason::Acceptance;
        result
    });
    let response = Pdu::AssociationAC(AssociationAC {
        protocol_version: 1,
        presentation_contexts: results.collect(),
        calling_ae_title: request.calling_ae_title,
        called_ae_title: request.called_ae_title,
        application_context_name: request.application_context_name,
        user_variables: vec![
            UserVariableItem::MaxLength(max_pdu),
            UserVariableItem::ImplementationClassUID(IMPLEMENTATION_CLASS_UID.to_owned()),
            UserVariableItem::ImplementationVersionName(IMPLEMENTATION_VERSION_NAME.to_owned()),
        ],
    });
    Ok(Accepted { response: pdu::encode(&response)?, contexts })
}

/// The root of every UID that the standard itself defines (PS3.5 annex B). All others are private.
const STANDARD_ROOT: &str = "1.2.840.10008.";

fn is_accepted(class: &str) -> bool {
    class == uids::VERIFICATION || is_storage(class) || !class.starts_with(STANDARD_ROOT)
}

fn judge(proposed: PresentationContextProposed) -> PresentationContextResult {
    let class = proposed.abstract_syntax.trim_end_matches('\0');
    let syntax = proposed.transfer_syntaxes.into_iter().next();
    let (reason, transfer_syntax) = match syntax {
        _ if !is_accepted(class) => {
            (PresentationContextResultReason::AbstractSyntaxNotSupported, uids::IMPLICIT_VR_LITTLE_ENDIAN.to_owned())
        }
        Some(syntax) => (PresentationContextResultReason::Acceptance, syntax),
        None => {
            (PresentationContextResultReason::TransferSyntaxesNotSupported, uids::IMPLICIT_VR_LITTLE_ENDIAN.to_owned())
        }
    };
    PresentationContextResult { id: proposed.id, reason, transfer_syntax }
}
