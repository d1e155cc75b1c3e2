//! Rules for failures of the server. Such a failure spoils its iteration; [`events`] decides about one iteration.

mod events;
#[cfg(test)]
mod tests;

use dicomperf_model::results::{Confidence, Finding, Rule, ServerFault, Summary};
use dicomperf_model::samples::seconds;

pub(crate) use events::{ServerSide, UnusualStore, Window, fault_of_end, fault_of_log};

/// Failures whose evidence a finding shows.
const MAX_SHOWN: usize = 3;

/// Returns one finding for each rule with a failure, and for each confidence.
pub(super) fn find(summary: &Summary) -> Vec<Finding> {
    let rules = [Rule::OutOfMemory, Rule::ServerDied, Rule::DiskFull, Rule::ServerStalled];
    let confidences = [Confidence::Likely, Confidence::Possible];
    rules
        .into_iter()
        .flat_map(|rule| confidences.map(|confidence| (rule, confidence)))
        .filter_map(|(rule, confidence)| {
            let faults = summary.server_faults.iter();
            let of_rule: Vec<_> = faults.filter(|one| one.rule == rule && one.confidence == confidence).collect();
            finding(rule, confidence, &of_rule)
        })
        .collect()
}

fn finding(rule: Rule, confidence: Confidence, faults: &[&ServerFault]) -> Option<Finding> {
    let first = faults.first()?;
    let mut scenarios: Vec<_> = faults.iter().filter_map(|one| Some(one.iteration?.scenario)).collect();
    scenarios.sort_unstable();
    scenarios.dedup();
    let more = match faults.len() - 1 {
        0 => String::new(),
        1 => " The same happened once more.".to_owned(),
        times => format!(" The same happened {times} more times."),
    };
    let spoiled = if scenarios.is_empty() { "" } else { " No figure comes from such an iteration." };
    Some(Finding {
        rule,
        confidence,
        scenarios,
        says: format!("{}. That was {}.{more}{spoiled}", capitalized(&first.says), when(first)),
        evidence: faults.iter().take(MAX_SHOWN).flat_map(|one| one.evidence.iter().cloned()).collect(),
        lacks: None,
        fix: fix(rule, confidence).to_owned(),
        gain: None,
    })
}

/// Returns the time of a failure, in words.
fn when(fault: &ServerFault) -> String {
    match fault.iteration {
        None => "while no iteration ran".to_owned(),
        Some(at) => {
            let since = seconds(fault.at_ms.saturating_sub(at.started_at_ms));
            let (index, scenario, ordinal) = (at.index, at.scenario, at.ordinal);
            format!("{since} after the start of iteration {index} of scenario {scenario} in block run {ordinal}")
        }
    }
}

fn capitalized(says: &str) -> String {
    let mut letters = says.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const fn fix(rule: Rule, confidence: Confidence) -> &'static str {
    match (rule, confidence) {
        (Rule::OutOfMemory, _) => {
            "A host type with more memory for the server, fewer associations at once, or smaller instances. Orthanc 1.10 \
             needs about three times the size of an instance, for each association that sends one."
        }
        (Rule::DiskFull, _) => {
            "A larger volume for the server (server.volume.sizeGiB), or a smaller dataset. The server is emptied before \
             each iteration, so its volume must have room for the dataset once."
        }
        (Rule::ServerStalled, Confidence::Possible) => {
            "Look at the end of the server's log for that time. An object that the server cannot read to its end may \
             leave it waiting for more: send the objects of that iteration one by one."
        }
        (Rule::ServerStalled, _) => {
            "Find the program that stopped the process: a SIGSTOP, a debugger, a snapshot of the host. Measure again \
             without it."
        }
        _ => {
            "Look at the end of the server's log and at its own reports of crashes. Send the objects of that iteration \
             one by one, and try another version of the server. A SIGKILL comes from another program or from an \
             administrator."
        }
    }
}
