//! The care for a server that belongs to somebody: it answers first, and nothing is sent to a new one without a question.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use dicomperf_model::plan::Plan;
use dicomperf_model::request::{Arrival, Cleanup, Existing, Receipt};
use dicomperf_model::words::{list, plural};

use super::state::{self, State};

/// The Patient ID of every study that a measurement sends.
pub const PATIENT_ID: &str = "DICOMPERF";

/// Says what will be sent, and asks if the user has not measured this server before. Returns false if the user declines.
/// `--yes` and a standard input that is no terminal skip the question.
pub fn may_send(plan: &Plan, server: &Existing, state: Option<&State>, yes: bool) -> io::Result<bool> {
    if yes || state.is_some_and(|state| state.knows(server)) || !io::stdin().is_terminal() {
        return Ok(true);
    }
    let mut terminal = io::stderr();
    write!(terminal, "{}\nGo on? [y/N] ", announcement(plan, server))?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// The load that the plan puts on the server, in words.
fn announcement(plan: &Plan, server: &Existing) -> String {
    let request = &plan.request;
    let scenarios: u64 = plan.blocks.iter().map(|block| block.scenarios.len() as u64).sum();
    let transfers: u64 = plan
        .sequence
        .iter()
        .filter_map(|run| plan.block_of(run.ordinal))
        .map(|(_, block)| block.scenarios.len() as u64 * u64::from(block.iterations(request) + request.warmup))
        .sum();
    let (instances, bytes) = (u64::from(plan.dataset.instances), plan.dataset.bytes);
    let associations: Vec<_> = request.matrix.associations.iter().map(ToString::to_string).collect();
    let mut text = format!("You have not measured {} before. This measurement sends it\n", state::name(server));
    let _ = writeln!(
        text,
        "  {} ({} MB): {} in {}, {} and {} each,",
        plural(transfers * instances, "instance"),
        transfers * bytes / 1_000_000,
        plural(instances, "instance"),
        plural(scenarios, "scenario"),
        plural(request.warmup, "warm-up"),
        plural(request.iterations * request.rounds, "iteration"),
    );
    let count =
        if associations.len() == 1 && request.matrix.associations[0] == 1 { "association" } else { "associations" };
    let _ = writeln!(text, "  over {} {count} at once, {}.", list(&associations), rate(&request.matrix.arrival));
    if request.search.is_some() {
        text.push_str("  A search then raises the load until the server no longer keeps to the objectives.\n");
    }
    let after = match server.cleanup {
        Cleanup::None => format!("  The studies stay on the server, under Patient ID {PATIENT_ID}."),
        Cleanup::Orthanc | Cleanup::Dicomweb => {
            format!("  The studies have Patient ID {PATIENT_ID}. They are deleted afterwards, through {}.", url(server))
        }
    };
    text.push_str(&after);
    if server.receipt == Receipt::None {
        text.push_str("\n  Nothing will prove that they are stored: the receipt is none.");
    }
    text.push_str("\nOnly load a server that you may load, and at a time when you may.");
    text
}

fn url(server: &Existing) -> &str {
    server.url.as_deref().unwrap_or_default()
}

fn rate(arrivals: &[Arrival]) -> String {
    let words = arrivals.iter().map(|arrival| match arrival {
        Arrival::Closed => "as fast as it answers".to_owned(),
        Arrival::Open(rate) => format!("{rate} instances a second"),
    });
    list(&words.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use dicomperf_model::plan::{Circumstances, DatasetPlan, plan};
    use dicomperf_model::request::Request;
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_person_reads_what_the_server_gets_and_what_stays_there() {
        let request = json!({
            "server": { "existing": { "address": "pacs", "port": 104, "aeTitle": "PACS" } },
            "dataset": { "synthetic": { "instances": 50 } },
            "matrix": { "sender": ["native"], "associations": [1, 4] },
            "rounds": 1,
        });
        let request = Request::from_json(&request).expect("a request");
        let dataset = DatasetPlan::synthetic(request.dataset.synthetic.as_ref().expect("synthetic"));
        let circumstances =
            Circumstances { sends_from_here: true, ..Circumstances::offline("run", Timestamp::UNIX_EPOCH) };
        let plan = plan(request, dataset, circumstances).expect("a plan");
        let server = plan.request.server.existing.clone().expect("a server");
        let text = announcement(&plan, &server);
        for words in [
            "PACS@pacs:104 before",
            "600 instances (315 MB): 50 instances in 2 scenarios, 1 warm-up and 5 iterations each",
            "over 1 and 4 associations at once, as fast as it answers",
            "stay on the server, under Patient ID DICOMPERF",
        ] {
            assert!(text.contains(words), "{text}");
        }
    }
}
