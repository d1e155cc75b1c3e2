//! The outcome of each instance of an iteration, in numbers and in causes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use dicomperf_model::measurement::Iteration;
use dicomperf_model::sending::{FailureCause, FailureKind, SendFailure};

use super::transfer::Transfer;
use crate::client::dataset::Dataset;
use crate::timeline::Failed;

/// Causes that an iteration lists. A dataset may need hundreds of presentation contexts.
const MAX_CAUSES: usize = 20;
/// Causes that a reason names.
const MAX_NAMED: usize = 3;

/// The numbers add up to the number of instances.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub sent: u32,
    pub refused: u32,
    pub failed: u32,
    pub not_tried: u32,
    /// The causes, the most frequent first.
    pub failures: Vec<SendFailure>,
}

impl Outcome {
    /// The outcome of each instance of the dataset.
    pub fn new(transfer: &Transfer, dataset: &Dataset) -> Self {
        let sent: BTreeSet<&str> =
            transfer.stores().filter(|store| store.succeeded()).map(|store| store.file.as_str()).collect();
        let failures = transfer.associations.iter().flat_map(|association| &association.failures);
        // An instance has one outcome: its first failure, unless it was sent after all.
        let mut failed: BTreeMap<&str, &Failed> = BTreeMap::new();
        failures.for_each(|failure| {
            failed.entry(&failure.file).or_insert(failure);
        });
        let mut outcome = Self::default();
        let mut causes: BTreeMap<&FailureCause, SendFailure> = BTreeMap::new();
        for instance in &dataset.instances {
            match failed.get(instance.file.as_str()) {
                _ if sent.contains(instance.file.as_str()) => outcome.sent += 1,
                None => outcome.not_tried += 1,
                Some(failure) => {
                    match failure.cause.kind() {
                        FailureKind::Refused => outcome.refused += 1,
                        FailureKind::Failed => outcome.failed += 1,
                    }
                    causes.entry(&failure.cause).or_insert_with(|| first(failure)).instances += 1;
                }
            }
        }
        outcome.failures = causes.into_values().collect();
        outcome.failures.sort_by_key(|failure| Reverse(failure.instances));
        outcome
    }

    /// The outcome in words, one reason for each cause; empty if every instance was sent.
    pub fn reasons(&self) -> Vec<String> {
        let total = self.sent + self.refused + self.failed + self.not_tried;
        let mut reasons: Vec<_> = self.failures.iter().take(MAX_NAMED).map(|failure| reason(failure, total)).collect();
        let others = &self.failures[reasons.len()..];
        if !others.is_empty() {
            let instances: u32 = others.iter().map(|failure| failure.instances).sum();
            reasons.push(format!("{instances} more for {} other causes", others.len()));
        }
        if self.not_tried > 0 {
            reasons.push(format!("{} not tried", self.not_tried));
        }
        reasons
    }

    /// True if a sender waited for an answer in vain.
    pub fn lacks_an_answer(&self) -> bool {
        self.failures.iter().any(|failure| failure.cause == FailureCause::NoAnswer)
    }

    /// Writes the outcome into the iteration.
    pub fn record(mut self, iteration: &mut Iteration) {
        self.failures.truncate(MAX_CAUSES);
        iteration.instances_refused = self.refused;
        iteration.instances_failed = self.failed;
        iteration.instances_not_tried = self.not_tried;
        iteration.failures = self.failures;
    }
}

fn first(failure: &Failed) -> SendFailure {
    let says = failure.cause.sentence();
    let sender_words = failure.words.clone().filter(|words| !says.contains(words.as_str()));
    SendFailure { cause: failure.cause.clone(), instances: 0, file: failure.file.clone(), says, sender_words }
}

fn reason(failure: &SendFailure, total: u32) -> String {
    let what = match &failure.cause {
        FailureCause::Status { status } if status.is_warning() => "answered with a warning",
        cause => match cause.kind() {
            FailureKind::Refused => "refused",
            FailureKind::Failed => "failed",
        },
    };
    let like = if failure.instances > 1 { "like " } else { "" };
    format!("{} of {total} instances {what}: {} ({like}{})", failure.instances, failure.says, failure.file)
}

#[cfg(test)]
mod tests {
    use super::super::transfer::fixture;
    use super::*;

    fn outcome(failed: &[(usize, FailureCause)], sent: &[usize], instances: usize) -> Outcome {
        let dataset = fixture::dataset(instances);
        let file = |index: usize| dataset.instances[index].file.clone();
        let mut transfer = fixture::transfer(&sent.iter().map(|&index| (file(index), "Success")).collect::<Vec<_>>());
        let failures =
            failed.iter().map(|(index, cause)| Failed { file: file(*index), cause: cause.clone(), words: None });
        transfer.associations[0].failures = failures.collect();
        Outcome::new(&transfer, &dataset)
    }

    #[test]
    fn refused_failed_and_not_tried_are_three_numbers() {
        let rejected = FailureCause::ClassRejected { sop_class_uid: "1.2.3".to_owned() };
        let outcome = outcome(&[(1, rejected.clone()), (2, rejected), (3, FailureCause::NoAnswer)], &[0], 6);
        assert_eq!((outcome.sent, outcome.refused, outcome.failed, outcome.not_tried), (1, 2, 1, 2));
        assert_eq!(
            outcome.reasons(),
            [
                "2 of 6 instances refused: the server does not accept SOP class 1.2.3 (like 000002.dcm)",
                "1 of 6 instances failed: the server did not answer within 30 s (000004.dcm)",
                "2 not tried",
            ]
        );
    }

    #[test]
    fn a_warning_is_called_one() {
        let cause = FailureCause::from_status(0xB000).expect("a cause");
        assert_eq!(
            outcome(&[(0, cause)], &[], 1).reasons(),
            ["1 of 1 instances answered with a warning: the server answered with status B000H, Warning: Coercion of \
                 Data Elements (000001.dcm)"]
        );
    }

    #[test]
    fn the_rarer_of_many_causes_are_only_counted() {
        let causes: Vec<_> = (0..6)
            .map(|number| (number, FailureCause::ClassRejected { sop_class_uid: format!("1.{number}") }))
            .collect();
        let reasons = outcome(&causes, &[], 6).reasons();
        assert_eq!(reasons.len(), 4);
        assert_eq!(reasons[3], "3 more for 3 other causes");
    }
}
