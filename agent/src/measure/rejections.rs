//! The reasons of a server's rejections. DCMTK's senders log that a presentation context or an association was rejected,
//! and often not why. So the agent asks the server itself, after the iteration.

use std::collections::{BTreeMap, BTreeSet};

use dicomperf_model::sending::FailureCause;

use super::native;
use super::sending::Sending;
use super::transfer::Transfer;
use crate::client::dataset::Instance;
use crate::native::negotiate;
use crate::timeline::Failed;
use crate::upper_layer::contexts::MAX_CONTEXTS;

/// Completes the rejections of a transfer, if there are any without a reason. A server that does not answer now leaves
/// them as they are.
pub(super) fn explain(transfer: &mut Transfer, sending: &Sending<'_>) {
    let files: BTreeSet<&str> =
        failures(transfer).filter(|failed| lacks_reason(&failed.cause)).map(|failed| failed.file.as_str()).collect();
    let mut pairs: BTreeMap<(&str, &str), &Instance> = BTreeMap::new();
    for instance in sending.dataset.instances.iter().filter(|instance| files.contains(instance.file.as_str())) {
        pairs.insert(instance.presentation_context(), instance);
    }
    let instances: Vec<Instance> = pairs.into_values().cloned().collect();
    let mut causes = BTreeMap::new();
    for share in instances.chunks(MAX_CONTEXTS) {
        match negotiate(&native::document(sending, Vec::new()), share) {
            Ok(results) => causes.extend(results),
            Err(cause @ FailureCause::AssociationRejected { .. }) => {
                causes.extend(share.iter().map(|instance| (owned_pair(instance), cause.clone())));
            }
            Err(cause) => tracing::warn!("the reason of a rejection is unknown: {}", cause.sentence()),
        }
    }
    let by_file: BTreeMap<&str, &Instance> =
        sending.dataset.instances.iter().map(|instance| (instance.file.as_str(), instance)).collect();
    for failed in transfer.associations.iter_mut().flat_map(|association| &mut association.failures) {
        let explained = by_file.get(failed.file.as_str()).and_then(|instance| causes.get(&owned_pair(instance)));
        if let Some(cause) = explained.filter(|cause| lacks_reason(&failed.cause) && is_like(&failed.cause, cause)) {
            failed.cause = (*cause).clone();
        }
    }
}

fn failures(transfer: &Transfer) -> impl Iterator<Item = &Failed> {
    transfer.associations.iter().flat_map(|association| &association.failures)
}

fn owned_pair(instance: &Instance) -> (String, String) {
    (instance.sop_class_uid.clone(), instance.transfer_syntax_uid.clone())
}

/// True for a rejection whose reason the sender did not log.
const fn lacks_reason(cause: &FailureCause) -> bool {
    matches!(cause, FailureCause::ContextRejected { .. } | FailureCause::AssociationRejected { source: 0, .. })
}

/// True if both are rejections of an association, or both of a presentation context.
const fn is_like(one: &FailureCause, other: &FailureCause) -> bool {
    matches!(one, FailureCause::AssociationRejected { .. }) == matches!(other, FailureCause::AssociationRejected { .. })
}
