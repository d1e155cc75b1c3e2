//! The objects that a sender cannot send, as known before the run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{PlannedObject, Refused, is_private, name_of_class};
use crate::request::{Request, Sender, Target};

/// Presentation contexts of an association at most: their ids are odd and take one byte (PS3.8 9.3.2.2).
pub const MAX_CONTEXTS: usize = 128;

/// The transfer syntaxes that DCMTK 3.6.7 can read (its dcxfer.h). This is the version in Debian 12 and Ubuntu 24.04. It
/// sends no object in another one.
const DCMTK_TRANSFER_SYNTAXES: &[&str] = &[
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.52",
    "1.2.840.10008.1.2.4.53",
    "1.2.840.10008.1.2.4.54",
    "1.2.840.10008.1.2.4.55",
    "1.2.840.10008.1.2.4.56",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.58",
    "1.2.840.10008.1.2.4.59",
    "1.2.840.10008.1.2.4.60",
    "1.2.840.10008.1.2.4.61",
    "1.2.840.10008.1.2.4.62",
    "1.2.840.10008.1.2.4.63",
    "1.2.840.10008.1.2.4.64",
    "1.2.840.10008.1.2.4.65",
    "1.2.840.10008.1.2.4.66",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.92",
    "1.2.840.10008.1.2.4.93",
    "1.2.840.10008.1.2.4.94",
    "1.2.840.10008.1.2.4.95",
    "1.2.840.10008.1.2.4.100",
    "1.2.840.10008.1.2.4.101",
    "1.2.840.10008.1.2.4.102",
    "1.2.840.10008.1.2.4.103",
    "1.2.840.10008.1.2.4.104",
    "1.2.840.10008.1.2.4.105",
    "1.2.840.10008.1.2.4.106",
    "1.2.840.10008.1.2.4.107",
    "1.2.840.10008.1.2.4.108",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.7.1",
    "1.2.840.10008.1.2.7.2",
    "1.2.840.10008.1.2.7.3",
];

/// Splits objects into those that every sender of a request can send and its servers may accept, and the others. An
/// object that one sender cannot send is sent by none, because the senders could not be compared.
#[must_use]
pub fn without_unsendable(request: &Request, objects: Vec<PlannedObject>) -> (Vec<PlannedObject>, Vec<Refused>) {
    let accepts_private = accepts_private_classes(request);
    let (mut sendable, mut refused) = (Vec::new(), Vec::new());
    for object in objects {
        let reason = if is_private(&object.sop_class_uid) && !accepts_private {
            Some(format!(
                "private SOP class {}: Orthanc accepts it only with UnknownSopClassAccepted = true, in server.orthanc or \
                 in every entry of matrix.orthanc",
                object.sop_class_uid
            ))
        } else {
            request
                .matrix
                .sender
                .iter()
                .find_map(|&sender| unsendable(sender, &object.sop_class_uid, &object.transfer_syntax_uid))
        };
        match reason {
            Some(reason) => refused.push(Refused { key: object.key, reason }),
            None => sendable.push(object),
        }
    }
    (sendable, refused)
}

/// Returns the reason why a sender cannot send an object, or `None` if it can.
#[must_use]
pub fn unsendable(sender: Sender, sop_class_uid: &str, transfer_syntax_uid: &str) -> Option<String> {
    if sender == Sender::Native {
        return None;
    }
    let name = sender.name();
    if !DCMTK_TRANSFER_SYNTAXES.contains(&transfer_syntax_uid) {
        return Some(format!(
            "{name} cannot send it: DCMTK 3.6.7 does not know transfer syntax {transfer_syntax_uid}; native can"
        ));
    }
    (sender == Sender::Storescu && is_private(sop_class_uid)).then(|| {
        format!(
            "{name} cannot send it: it ignores objects of a SOP class that it does not know, here {}; dcmsend and native \
             can",
            name_of_class(sop_class_uid)
        )
    })
}

/// True if every Orthanc of a request accepts SOP classes that it does not know. The sink always does.
fn accepts_private_classes(request: &Request) -> bool {
    let is_set = |keys: &BTreeMap<String, Value>| keys.get(UNKNOWN_SOP_CLASS_ACCEPTED).and_then(Value::as_bool);
    let common = is_set(&request.server.orthanc).unwrap_or(false);
    !request.matrix.target.contains(&Target::Orthanc)
        || request.matrix.orthanc.iter().all(|keys| is_set(keys).unwrap_or(common))
}

/// Orthanc's key that makes it accept SOP classes that it does not know.
const UNKNOWN_SOP_CLASS_ACCEPTED: &str = "UnknownSopClassAccepted";

/// The pairs of SOP class and transfer syntax of objects: each needs a presentation context.
#[must_use]
pub fn context_count(objects: &[PlannedObject]) -> usize {
    let pairs = objects.iter().map(|object| (object.sop_class_uid.as_str(), object.transfer_syntax_uid.as_str()));
    pairs.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
    const PRIVATE: &str = "1.3.12.2.1107.5.9.1";
    const EXPLICIT: &str = "1.2.840.10008.1.2.1";
    const HTJ2K: &str = "1.2.840.10008.1.2.4.201";

    fn object(class: &str, syntax: &str) -> PlannedObject {
        PlannedObject {
            key: format!("{class} {syntax}"),
            bytes: 1,
            etag: String::new(),
            sop_instance_uid: "1.2.3".to_owned(),
            sop_class_uid: class.to_owned(),
            transfer_syntax_uid: syntax.to_owned(),
        }
    }

    /// The reasons of what a request refuses, in the order of the objects.
    fn reasons(request: serde_json::Value, objects: &[(&str, &str)]) -> Vec<String> {
        let request = Request::from_json(&request).expect("valid");
        let objects = objects.iter().map(|(class, syntax)| object(class, syntax)).collect();
        without_unsendable(&request, objects).1.into_iter().map(|refused| refused.reason).collect()
    }

    #[test]
    fn a_syntax_that_dcmtk_does_not_know_is_refused_unless_native_sends_alone() {
        for sender in ["storescu", "dcmsend"] {
            let request = json!({ "matrix": { "sender": ["native", sender] } });
            let reasons = reasons(request, &[(CT, EXPLICIT), (CT, HTJ2K)]);
            let [reason] = &reasons[..] else { panic!("one") };
            assert!(reason.starts_with(&format!("{sender} cannot send it")) && reason.contains(HTJ2K), "{reason}");
        }
        assert!(reasons(json!({ "matrix": { "sender": ["native"] } }), &[(CT, HTJ2K)]).is_empty());
    }

    #[test]
    fn a_private_class_needs_a_server_and_senders_that_take_it() {
        let accepted = json!({ "UnknownSopClassAccepted": true });
        let objects = [(PRIVATE, EXPLICIT)];
        let reason = &reasons(json!({ "matrix": { "sender": ["native"] } }), &objects)[0];
        assert!(reason.contains("UnknownSopClassAccepted = true"), "{reason}");
        let native = json!({ "sender": ["native"] });
        assert!(reasons(json!({ "matrix": native, "server": { "orthanc": accepted } }), &objects).is_empty());
        // Every block of Orthanc must accept it.
        let mixed = json!({ "matrix": { "sender": ["native"], "orthanc": [{}, accepted] } });
        assert_eq!(reasons(mixed, &objects).len(), 1);
        let sink = json!({ "matrix": { "sender": ["native", "dcmsend"], "target": ["sink"] } });
        assert!(reasons(sink, &objects).is_empty());
        let storescu = &reasons(json!({ "matrix": { "target": ["sink"] } }), &objects)[0];
        assert!(storescu.starts_with("storescu cannot send it"), "{storescu}");
    }

    #[test]
    fn each_pair_of_class_and_syntax_needs_a_context() {
        let objects = [object(CT, EXPLICIT), object(CT, HTJ2K), object(CT, EXPLICIT)];
        assert_eq!(context_count(&objects), 2);
    }
}
