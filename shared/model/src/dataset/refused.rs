//! Objects that are not sent, each with its reason.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PlannedObject;

/// An object that is not sent, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// S3 key, or path in the directory.
    pub key: String,
    /// The reason, in words for a person.
    pub reason: String,
}

/// Refuses each object whose SOP Instance UID is already that of an earlier object, by key.
#[must_use]
pub fn without_duplicates(mut objects: Vec<PlannedObject>) -> (Vec<PlannedObject>, Vec<Refused>) {
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    let mut first: HashMap<String, String> = HashMap::new();
    let mut refused = Vec::new();
    objects.retain(|object| match first.get(&object.sop_instance_uid) {
        Some(earlier) => {
            let reason = format!("SOP Instance UID {} already in {earlier}", object.sop_instance_uid);
            refused.push(Refused { key: object.key.clone(), reason });
            false
        }
        None => {
            first.insert(object.sop_instance_uid.clone(), object.key.clone());
            true
        }
    });
    (objects, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_objects_with_one_uid_the_first_by_key_stays() {
        let object = |key: &str, uid: &str| PlannedObject {
            key: key.to_owned(),
            bytes: 1,
            etag: String::new(),
            sop_instance_uid: uid.to_owned(),
            sop_class_uid: String::new(),
            transfer_syntax_uid: String::new(),
        };
        let (kept, refused) = without_duplicates(vec![object("b", "1"), object("c", "2"), object("a", "1")]);
        assert_eq!(kept.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        let reason = "SOP Instance UID 1 already in a".to_owned();
        assert_eq!(refused, [Refused { key: "b".to_owned(), reason }]);
    }
}
