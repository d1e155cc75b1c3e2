//! The proof that an iteration stored the instances that it sent.
//!
//! A C-STORE status of Success does not prove that an instance was stored, so the agent asks the server. It must have
//! exactly the SOP Instance UIDs that were sent, and as many bytes as after the first valid iteration. The bytes of the
//! files prove nothing, because Orthanc writes a file meta group of its own.

use std::collections::BTreeSet;

use super::outcome::Outcome;
use super::transfer::Transfer;
use crate::client::dataset::Dataset;
use crate::server::Contents;

/// Everything that an iteration left behind.
pub(super) struct Evidence<'a> {
    pub dataset: &'a Dataset,
    pub transfer: &'a Transfer,
    pub outcome: &'a Outcome,
    /// True if the run has sent instances with these UIDs before, so that the server's contents prove nothing.
    pub are_sent_before: bool,
    /// The server's contents; `None` if the agent did not ask for them.
    pub contents: Option<&'a Contents>,
    /// Bytes on the server after the first valid iteration of this sender in this transfer syntax.
    pub expected_bytes: Option<u64>,
}

impl<'a> Evidence<'a> {
    /// The evidence of the sender alone, before the server is asked.
    pub fn of_sender(
        dataset: &'a Dataset,
        transfer: &'a Transfer,
        outcome: &'a Outcome,
        are_sent_before: bool,
    ) -> Self {
        Self { dataset, transfer, outcome, are_sent_before, contents: None, expected_bytes: None }
    }

    /// Every reason why the iteration is invalid, in words.
    pub fn reason(&self) -> Option<String> {
        let mut reasons = Vec::new();
        let sender = self.transfer.sender.name();
        reasons.extend(self.transfer.stopped.as_ref().map(|reason| format!("{sender} was stopped: {reason}")));
        reasons.extend(self.sender_reasons());
        reasons.extend(self.transfer.wall_clock_step_ms.map(|step| format!("the wall clock was set by {step:.1} ms")));
        if self.are_sent_before {
            reasons.push("its UIDs were sent before, so the server's contents prove nothing".to_owned());
        }
        reasons.extend(self.server_reasons());
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    fn sender_reasons(&self) -> Vec<String> {
        let mut reasons = self.outcome.reasons();
        let transfer = self.transfer;
        let failed = transfer.processes - transfer.succeeded;
        // Otherwise the outcome has the causes already.
        if failed > 0 && reasons.is_empty() && transfer.stopped.is_none() {
            let words = transfer.complaint().map(|words| format!(": {words}")).unwrap_or_default();
            let name = transfer.sender.name();
            reasons
                .push(format!("every instance was sent, but {failed} of {} {name} failed{words}", transfer.processes));
        }
        reasons
    }

    /// The SOP Instance UIDs whose C-STORE was answered with Success.
    pub fn acknowledged(&self) -> BTreeSet<&str> {
        let stores = self.transfer.stores().filter(|store| store.succeeded());
        let succeeded: BTreeSet<&str> = stores.map(|store| store.file.as_str()).collect();
        let sent = self.dataset.instances.iter().filter(|one| succeeded.contains(one.file.as_str()));
        sent.map(|one| one.sop_instance_uid.as_str()).collect()
    }

    fn server_reasons(&self) -> Vec<String> {
        let Some(contents) = self.contents else { return Vec::new() };
        let mut reasons = Vec::new();
        let all: BTreeSet<&str> = self.dataset.instances.iter().map(|one| one.sop_instance_uid.as_str()).collect();
        let sent = self.acknowledged();
        let stored: BTreeSet<&str> = contents.instances.iter().map(|held| held.sop_instance_uid.as_str()).collect();
        let named = |uids: Vec<&&str>, verb: &str, rest: &str| {
            let first = uids.first()?;
            Some(format!("the server {verb} {} {rest}, like {first}", uids.len()))
        };
        reasons.extend(named(sent.difference(&stored).collect(), "lacks", "instances that were sent"));
        reasons.extend(named(stored.difference(&all).collect(), "holds", "instances that were not sent"));
        let twice = contents.count.saturating_sub(stored.len() as u64);
        if twice > 0 {
            reasons.push(format!("the server holds {twice} instances twice"));
        }
        // Without one of the instances the bytes differ anyway.
        let is_whole = sent.len() == all.len();
        if let (Some(bytes), Some(expected)) = (contents.bytes, self.expected_bytes)
            && is_whole
            && bytes != expected
        {
            reasons.push(format!("the server holds {bytes} bytes, and {expected} after the first valid iteration"));
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::super::transfer::fixture;
    use super::*;
    use crate::server::StoredInstance;

    fn transfer(statuses: [&str; 2], succeeded: usize) -> Transfer {
        let stores: Vec<_> =
            statuses.iter().enumerate().map(|(number, status)| (format!("{:06}.dcm", number + 1), *status)).collect();
        Transfer { succeeded, ..fixture::transfer(&stores) }
    }

    fn contents_with(uids: &[&str], bytes: u64) -> Contents {
        let held = |uid: &&str| StoredInstance { id: String::new(), sop_instance_uid: (*uid).to_owned() };
        Contents { instances: uids.iter().map(held).collect(), count: uids.len() as u64, bytes: Some(bytes) }
    }

    fn reason(transfer: &Transfer, contents: &Contents) -> Option<String> {
        let dataset = fixture::dataset(2);
        let outcome = Outcome::new(transfer, &dataset);
        let evidence = Evidence::of_sender(&dataset, transfer, &outcome, false);
        Evidence { contents: Some(contents), expected_bytes: Some(200), ..evidence }.reason()
    }

    #[test]
    fn what_was_sent_and_is_held_is_valid() {
        let held = contents_with(&["1.2.2", "1.2.1"], 200);
        assert_eq!(reason(&transfer(["Success", "Success"], 1), &held), None);
    }

    #[test]
    fn success_without_storage_is_not_valid() {
        let reason = reason(&transfer(["Success", "Success"], 1), &contents_with(&["1.2.1"], 200)).expect("a reason");
        assert_eq!(reason, "the server lacks 1 instances that were sent, like 1.2.2");
    }

    #[test]
    fn what_came_twice_is_not_valid() {
        let mut held = contents_with(&["1.2.2", "1.2.1"], 200);
        held.count = 3;
        let reason = reason(&transfer(["Success", "Success"], 1), &held).expect("a reason");
        assert_eq!(reason, "the server holds 1 instances twice");
    }

    #[test]
    fn what_the_server_holds_beside_is_named() {
        let held = contents_with(&["1.2.1", "1.2.2", "1.2.9"], 300);
        let reason = reason(&transfer(["Success", "Success"], 1), &held).expect("a reason");
        assert!(reason.contains("holds 1 instances that were not sent, like 1.2.9"), "{reason}");
        assert!(reason.contains("300 bytes, and 200"), "{reason}");
    }

    #[test]
    fn instances_that_were_sent_before_prove_nothing() {
        let (dataset, transfer) = (fixture::dataset(2), transfer(["Success", "Success"], 1));
        let held = contents_with(&["1.2.1", "1.2.2"], 200);
        let outcome = Outcome::new(&transfer, &dataset);
        let evidence = Evidence::of_sender(&dataset, &transfer, &outcome, true);
        let evidence = Evidence { contents: Some(&held), ..evidence };
        let reason = evidence.reason().expect("a reason");
        assert_eq!(reason, "its UIDs were sent before, so the server's contents prove nothing");
        assert_eq!(evidence.acknowledged().into_iter().collect::<Vec<_>>(), ["1.2.1", "1.2.2"]);
    }

    #[test]
    fn an_instance_without_success_is_not_missed_on_the_server() {
        let held = contents_with(&["1.2.1"], 100);
        let reason = reason(&transfer(["Success", "0110H, Failure: Processing failure"], 1), &held).expect("a reason");
        assert_eq!(reason, "1 not tried");
    }

    #[test]
    fn an_exit_code_and_a_clock_that_was_set_each_count() {
        let held = contents_with(&["1.2.1", "1.2.2"], 200);
        let failed = reason(&transfer(["Success", "Success"], 0), &held).expect("a reason");
        assert_eq!(failed, "every instance was sent, but 1 of 1 storescu failed");
        let mut stepped = transfer(["Success", "Success"], 1);
        stepped.wall_clock_step_ms = Some(-1500.0);
        assert_eq!(reason(&stepped, &held).expect("a reason"), "the wall clock was set by -1500.0 ms");
    }
}
