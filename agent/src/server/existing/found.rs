//! The instances that a receipt found.

use std::collections::{BTreeMap, BTreeSet};

use super::super::under_test::{Contents, StoredInstance};
use crate::client::dataset::Instance;

/// Instances that were not sent and are listed all the same. A server that answers with more of them ignores the UIDs of
/// the question, and its answers could fill the memory.
const MAX_NOT_SENT: usize = 1000;

/// The answers of one question for all series.
pub(super) struct Found<'a> {
    sent: BTreeSet<&'a str>,
    /// The server's own id of each instance, by SOP Instance UID.
    ids: BTreeMap<String, String>,
    count: u64,
    not_sent: usize,
    bytes: Option<u64>,
}

impl<'a> Found<'a> {
    pub fn new(sent: &'a [Instance]) -> Self {
        let sent = sent.iter().map(|one| one.sop_instance_uid.as_str()).collect();
        Self { sent, ids: BTreeMap::new(), count: 0, not_sent: 0, bytes: None }
    }

    /// Adds an instance. Fails with the trouble from its verb on: `answers with ...`.
    pub fn add(&mut self, sop_instance_uid: &str, id: &str) -> Result<(), String> {
        let uid = sop_instance_uid.trim_end_matches(['\0', ' ']);
        self.count += 1;
        self.not_sent += usize::from(!self.sent.contains(uid));
        self.ids.insert(uid.to_owned(), id.to_owned());
        // An instance may be found twice, and a server that repeats its answers for ever ends here.
        if self.not_sent > MAX_NOT_SENT || self.count > 2 * self.sent.len() as u64 + MAX_NOT_SENT as u64 {
            return Err(format!("answers with more than {MAX_NOT_SENT} instances that were not asked for"));
        }
        Ok(())
    }

    pub fn has(&self, sop_instance_uid: &str) -> bool {
        self.ids.contains_key(sop_instance_uid)
    }

    pub fn add_bytes(&mut self, bytes: u64) {
        *self.bytes.get_or_insert(0) += bytes;
    }

    /// Number of different instances.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn contents(self) -> Contents {
        let stored = |(sop_instance_uid, id)| StoredInstance { id, sop_instance_uid };
        Contents { instances: self.ids.into_iter().map(stored).collect(), count: self.count, bytes: self.bytes }
    }
}

#[cfg(test)]
pub(super) mod fixture {
    use crate::client::dataset::Instance;

    /// Instances of one series, `2.25.1` and so on.
    pub fn instances(count: usize) -> Vec<Instance> {
        let instance = |number| Instance {
            file: format!("{number:06}.dcm"),
            bytes: 1,
            sop_instance_uid: format!("2.25.{number}"),
            sop_class_uid: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
            study_instance_uid: "2.25.1001".to_owned(),
            series_instance_uid: "2.25.1002".to_owned(),
            transfer_syntax_uid: "1.2.840.10008.1.2.1".to_owned(),
            data_set_at: 300,
            sent_file: None,
        };
        (1..=count).map(instance).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::instances;
    use super::*;

    #[test]
    fn an_instance_that_is_found_twice_counts_twice_and_is_listed_once() {
        let sent = instances(2);
        let mut found = Found::new(&sent);
        for uid in ["2.25.1", "2.25.2 ", "2.25.1\0"] {
            found.add(uid, "").expect("asked for");
        }
        let contents = found.contents();
        assert_eq!((contents.instances.len(), contents.count, contents.bytes), (2, 3, None));
    }

    #[test]
    fn a_server_that_ignores_the_question_does_not_fill_the_memory() {
        let sent = instances(2);
        let mut found = Found::new(&sent);
        let added = (0..1_000_000).take_while(|number| found.add(&format!("1.2.{number}"), "").is_ok()).count();
        assert_eq!(added, MAX_NOT_SENT);
        // The same instance again and again.
        let mut found = Found::new(&sent);
        assert_eq!((0..1_000_000).take_while(|_| found.add("2.25.1", "").is_ok()).count(), 1004);
    }
}
