//! A server's answer to an association request, without any C-STORE.

use std::collections::BTreeSet;
use std::sync::Arc;

use dicom_ul::pdu::UserVariableItem;
use dicomperf_model::dataset::MAX_CONTEXTS;
use dicomperf_model::measurement::{AsynchronousOperations, Negotiated, NegotiatedContext};
use dicomperf_model::sending::FailureCause;
use rustls::ClientConfig;

use super::association::{self, Association};
use super::lost::Lost;
use super::peer::Peer;
use crate::timeline;
use crate::tls;

/// The item of the asynchronous operations window (PS3.7 table D.3-7), for which dicom-ul has no type.
const ASYNCHRONOUS_OPERATIONS: u8 = 0x53;
/// No limit to the operations that we invoke, and one operation that we perform. An acceptor may answer only an item
/// that was in the request (PS3.7 D.3.3.3).
const PROPOSED_OPERATIONS: [u8; 4] = [0, 0, 0, 1];

/// Requests an association with one presentation context for each pair of SOP class and transfer syntax, and releases
/// it. More than 128 pairs need several associations, one after another. Returns the server's answer.
///
/// # Errors
/// The cause why there is no association.
pub fn negotiate<'a>(
    peer: &Peer<'_>,
    tls: bool,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Negotiated, Lost> {
    let configuration = tls.then(tls::anonymous_client).transpose();
    let tls = configuration.map_err(|error| Lost::new(FailureCause::ConnectionFailed, error.to_string()))?;
    let tls = tls.map(Arc::new);
    let pairs: Vec<_> = pairs.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let mut negotiated = Negotiated::default();
    for pairs in pairs.chunks(MAX_CONTEXTS) {
        let (contexts, items) = request(peer, tls.as_ref(), pairs)?;
        negotiated.contexts.extend(contexts);
        items.into_iter().for_each(|item| record(item, &mut negotiated));
    }
    Ok(negotiated)
}

/// One association. A server that does not take the item of the asynchronous operations is asked again without it.
fn request(
    peer: &Peer<'_>,
    tls: Option<&Arc<ClientConfig>>,
    pairs: &[(&str, &str)],
) -> Result<(Vec<NegotiatedContext>, Vec<UserVariableItem>), Lost> {
    let contexts = association::contexts(pairs.iter().copied());
    let mut times = timeline::Association::default();
    let window = UserVariableItem::Unknown(ASYNCHRONOUS_OPERATIONS, PROPOSED_OPERATIONS.to_vec());
    let opened = Association::open_with(peer, tls, &contexts, vec![window], &mut times);
    let (mut association, items) = match opened {
        // PS3.8 9.3.1 wants unknown items to be ignored, but a server may end the association.
        Err(Lost { cause: FailureCause::AssociationEnded, .. }) => {
            Association::open_with(peer, tls, &contexts, Vec::new(), &mut times)?
        }
        opened => opened?,
    };
    let result = |id: &u8| association.context_result(*id);
    let results = contexts.iter().map(|((class, syntax), id)| NegotiatedContext::new(class, syntax, result(id)));
    let results = results.collect();
    // The answers are known already.
    let _ = association.release(&mut times);
    Ok((results, items))
}

fn record(item: UserVariableItem, negotiated: &mut Negotiated) {
    let text = |text: String| Some(text.trim_end_matches(['\0', ' ']).to_owned()).filter(|text| !text.is_empty());
    match item {
        UserVariableItem::MaxLength(length) => negotiated.max_pdu = Some(length),
        UserVariableItem::ImplementationClassUID(uid) => negotiated.implementation_class_uid = text(uid),
        UserVariableItem::ImplementationVersionName(name) => negotiated.implementation_version_name = text(name),
        UserVariableItem::Unknown(ASYNCHRONOUS_OPERATIONS, value) => {
            if let [a, b, c, d] = value[..] {
                let (invoked, performed) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                negotiated.asynchronous_operations = Some(AsynchronousOperations { invoked, performed });
            }
        }
        _ => {}
    }
}
