//! The reasons of a server's rejections. DCMTK's senders log that a presentation context or an association was
//! rejected, and often not why. So the agent asks the server itself, after the iteration.

use std::collections::{BTreeMap, BTreeSet};

use dicom_dictionary_std::uids;
use dicomperf_model::dataset::MAX_CONTEXTS;
use dicomperf_model::measurement::Negotiated;
use dicomperf_model::sending::FailureCause;

use super::native;
use super::sending::Sending;
use super::transfer::Transfer;
use crate::native::{Lost, negotiate};

/// Transfer syntaxes that every server of a class accepts one of.
const COMMON_SYNTAXES: [&str; 2] = [uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::EXPLICIT_VR_LITTLE_ENDIAN];
/// Rejected pairs that are asked about at once, each together with its class in the common transfer syntaxes.
const MAX_PAIRS: usize = MAX_CONTEXTS / (1 + COMMON_SYNTAXES.len());

/// A SOP class and a transfer syntax.
type Pair<'a> = (&'a str, &'a str);

/// Completes the rejections of a transfer. A server that does not answer now leaves them as they are.
pub(super) fn explain(transfer: &mut Transfer, sending: &Sending<'_>) {
    let pairs: BTreeMap<&str, Pair<'_>> =
        sending.dataset.instances.iter().map(|one| (one.file.as_str(), one.presentation_context())).collect();
    let failures = transfer.associations.iter().flat_map(|association| &association.failures);
    let rejected = failures.filter(|failed| may_lack_reason(&failed.cause));
    let rejected: BTreeSet<Pair<'_>> = rejected.filter_map(|failed| pairs.get(failed.file.as_str()).copied()).collect();
    let rejected: Vec<Pair<'_>> = rejected.into_iter().collect();
    let mut causes = BTreeMap::new();
    for pairs in rejected.chunks(MAX_PAIRS) {
        let common = pairs.iter().flat_map(|(class, _)| COMMON_SYNTAXES.map(|syntax| (*class, syntax)));
        let document = native::document(sending, Vec::new());
        match negotiate(&document.peer(), document.tls, pairs.iter().copied().chain(common)) {
            Ok(negotiated) => {
                let results = results(&negotiated);
                causes.extend(pairs.iter().filter_map(|pair| Some((*pair, cause(*pair, &results)?))));
            }
            Err(Lost { cause: cause @ FailureCause::AssociationRejected { .. }, .. }) => {
                causes.extend(pairs.iter().map(|pair| (*pair, cause.clone())));
            }
            Err(lost) => tracing::warn!("the reason of a rejection is unknown: {lost}"),
        }
    }
    for failed in transfer.associations.iter_mut().flat_map(|association| &mut association.failures) {
        let explained = pairs.get(failed.file.as_str()).and_then(|pair| causes.get(pair));
        if let Some(cause) = explained.filter(|cause| may_lack_reason(&failed.cause) && is_like(&failed.cause, cause)) {
            failed.cause = cause.clone();
        }
    }
}

fn results(negotiated: &Negotiated) -> BTreeMap<Pair<'_>, u8> {
    let contexts = negotiated.contexts.iter();
    contexts.map(|one| ((one.sop_class_uid.as_str(), one.transfer_syntax_uid.as_str()), one.result)).collect()
}

/// The cause of a pair's rejection; `None` if the server accepts the pair now. Orthanc rejects a transfer syntax with
/// the result for a class that is not supported, but accepts the class in another transfer syntax.
fn cause(pair: Pair<'_>, results: &BTreeMap<Pair<'_>, u8>) -> Option<FailureCause> {
    let (class, syntax) = pair;
    let accepts_class = COMMON_SYNTAXES.iter().any(|common| results.get(&(class, common)) == Some(&0));
    let result = match results.get(&pair)? {
        0 => return None,
        _ if accepts_class => 4,
        result => *result,
    };
    FailureCause::from_context_result(result, class, syntax)
}

/// True for a rejection whose reason the sender may not have logged, or not as it is.
const fn may_lack_reason(cause: &FailureCause) -> bool {
    matches!(
        cause,
        FailureCause::ClassRejected { .. }
            | FailureCause::ContextRejected { .. }
            | FailureCause::AssociationRejected { source: 0, .. }
    )
}

/// True if both are rejections of an association, or both of a presentation context.
const fn is_like(one: &FailureCause, other: &FailureCause) -> bool {
    matches!(one, FailureCause::AssociationRejected { .. }) == matches!(other, FailureCause::AssociationRejected { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_is_accepted_in_another_syntax_is_not_the_cause() {
        let (class, syntax) = (uids::CT_IMAGE_STORAGE, uids::JPEG2000);
        let cause = |other: u8, result: u8| {
            let results = [((class, uids::IMPLICIT_VR_LITTLE_ENDIAN), other), ((class, syntax), result)];
            cause((class, syntax), &results.into_iter().collect())
        };
        assert!(matches!(cause(0, 3), Some(FailureCause::SyntaxRejected { .. })));
        assert!(matches!(cause(3, 3), Some(FailureCause::ClassRejected { .. })));
        assert!(matches!(cause(3, 1), Some(FailureCause::ContextRejected { .. })));
        assert_eq!(cause(0, 0), None);
    }
}
