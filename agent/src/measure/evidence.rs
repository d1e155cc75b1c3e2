//! Whether an iteration proves what it claims.
//!
//! A C-STORE status of Success does not mean stored, so the server is asked: it must hold exactly the SOP Instance UIDs
//! that were sent, and the same bytes as after the first valid iteration. File bytes prove nothing, for Orthanc writes
//! a file meta group of its own.

use std::collections::BTreeSet;

use super::storescu::Transfer;
use crate::client::dataset::Dataset;
use crate::orthanc::{Held, Statistics};

/// What an iteration left behind.
pub(super) struct Evidence<'a> {
    pub dataset: &'a Dataset,
    pub transfer: &'a Transfer,
    /// What the server holds; `None` where it was not asked.
    pub held: Option<&'a (Statistics, Vec<Held>)>,
    /// Orthanc's TotalUncompressedSize after the first valid iteration.
    pub expected_bytes: Option<u64>,
}

impl Evidence<'_> {
    /// Why the iteration is not valid: all that is wrong with it.
    pub fn reason(&self) -> Option<String> {
        let mut reasons = Vec::new();
        reasons.extend(self.transfer.stopped.as_ref().map(|reason| format!("storescu was stopped: {reason}")));
        reasons.extend(self.sender_reasons());
        reasons.extend(self.transfer.wall_clock_step_ms.map(|step| format!("the wall clock was set by {step:.1} ms")));
        reasons.extend(self.server_reasons());
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    fn sender_reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let associations = &self.transfer.associations;
        let failed = associations.iter().filter(|association| !association.status.success()).count();
        if failed > 0 && self.transfer.stopped.is_none() {
            let words = self.transfer.complaint().map(|words| format!(": {words}")).unwrap_or_default();
            reasons.push(format!("{failed} of {} storescu failed{words}", associations.len()));
        }
        let stores: Vec<_> = associations.iter().flat_map(|association| &association.timeline.stores).collect();
        let bad: Vec<_> = stores.iter().filter(|store| !store.succeeded()).collect();
        if let Some(store) = bad.first() {
            let status = store.response.as_ref().map_or("no response", |response| response.1.as_str());
            reasons.push(format!("{} C-STORE without Success, like {}: {status}", bad.len(), store.file));
        }
        if stores.len() != self.dataset.instances.len() {
            reasons.push(format!("{} C-STORE for {} instances", stores.len(), self.dataset.instances.len()));
        }
        reasons
    }

    fn server_reasons(&self) -> Vec<String> {
        let Some((statistics, held)) = self.held else { return Vec::new() };
        let mut reasons = Vec::new();
        let sent: BTreeSet<&str> = self.dataset.instances.iter().map(|one| one.sop_instance_uid.as_str()).collect();
        let stored: BTreeSet<&str> = held.iter().map(|held| held.sop_instance_uid.as_str()).collect();
        let named = |uids: Vec<&&str>, verb: &str, rest: &str| {
            let first = uids.first()?;
            Some(format!("the server {verb} {} {rest}, like {first}", uids.len()))
        };
        reasons.extend(named(sent.difference(&stored).collect(), "lacks", "instances that were sent"));
        reasons.extend(named(stored.difference(&sent).collect(), "holds", "instances that were not sent"));
        if held.len() != stored.len() {
            reasons.push(format!("the server holds {} instances twice", held.len() - stored.len()));
        }
        let bytes = statistics.total_uncompressed_size;
        if let Some(expected) = self.expected_bytes.filter(|&expected| expected != bytes) {
            reasons.push(format!("the server holds {bytes} bytes, and {expected} after the first valid iteration"));
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;
    use std::time::Duration;

    use super::super::storescu::AssociationEnd;
    use super::super::timeline::{Store, Timeline};
    use super::*;
    use crate::client::dataset::Instance;
    use crate::clock::Moment;

    fn dataset() -> Dataset {
        let instance = |number: u32| Instance {
            file: format!("{number:06}.dcm"),
            bytes: 100,
            sop_instance_uid: format!("1.2.{number}"),
            sop_class_uid: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
            transfer_syntax_uid: "1.2.840.10008.1.2.1".to_owned(),
        };
        Dataset { instances: (1..=2).map(instance).collect() }
    }

    fn transfer(statuses: [&str; 2], exit_code: i32) -> Transfer {
        let store = |(number, status): (usize, &str)| Store {
            file: format!("{:06}.dcm", number + 1),
            requested_us: 10,
            response: Some((20, status.to_owned())),
        };
        Transfer {
            started: Moment::now(),
            duration: Duration::from_millis(1),
            wall_clock_step_ms: None,
            stopped: None,
            associations: vec![AssociationEnd {
                status: ExitStatus::from_raw(exit_code << 8),
                timeline: Timeline {
                    stores: statuses.into_iter().enumerate().map(store).collect(),
                    complaints: Vec::new(),
                },
                words: String::new(),
            }],
        }
    }

    fn held(uids: &[&str], bytes: u64) -> (Statistics, Vec<Held>) {
        let held = |uid: &&str| Held { id: String::new(), sop_instance_uid: (*uid).to_owned() };
        let statistics = Statistics { count_instances: uids.len() as u64, total_uncompressed_size: bytes };
        (statistics, uids.iter().map(held).collect())
    }

    fn reason(transfer: &Transfer, held: &(Statistics, Vec<Held>)) -> Option<String> {
        Evidence { dataset: &dataset(), transfer, held: Some(held), expected_bytes: Some(200) }.reason()
    }

    #[test]
    fn what_was_sent_and_is_held_is_valid() {
        let held = held(&["1.2.2", "1.2.1"], 200);
        assert_eq!(reason(&transfer(["Success", "Success"], 0), &held), None);
    }

    #[test]
    fn success_without_storage_is_not_valid() {
        let reason = reason(&transfer(["Success", "Success"], 0), &held(&["1.2.1"], 200)).expect("a reason");
        assert_eq!(reason, "the server lacks 1 instances that were sent, like 1.2.2");
    }

    #[test]
    fn what_the_server_holds_beside_is_named() {
        let held = held(&["1.2.1", "1.2.2", "1.2.9"], 300);
        let reason = reason(&transfer(["Success", "Success"], 0), &held).expect("a reason");
        assert!(reason.contains("holds 1 instances that were not sent, like 1.2.9"), "{reason}");
        assert!(reason.contains("300 bytes, and 200"), "{reason}");
    }

    #[test]
    fn a_status_an_exit_code_and_a_clock_that_was_set_each_count() {
        let held = held(&["1.2.1", "1.2.2"], 200);
        let warned = reason(&transfer(["Success", "Warning: CoercionOfDataElements"], 0), &held).expect("a reason");
        assert_eq!(warned, "1 C-STORE without Success, like 000002.dcm: Warning: CoercionOfDataElements");
        let failed = reason(&transfer(["Success", "Success"], 1), &held).expect("a reason");
        assert_eq!(failed, "1 of 1 storescu failed");
        let mut stepped = transfer(["Success", "Success"], 0);
        stepped.wall_clock_step_ms = Some(-1500.0);
        assert_eq!(reason(&stepped, &held).expect("a reason"), "the wall clock was set by -1500.0 ms");
    }
}
