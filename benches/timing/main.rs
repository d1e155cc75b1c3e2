//! The agent's `durationMs` against a manual timing of the same storescu, on tmpfs, in turn.
//!
//! The manual timing reads bash's EPOCHREALTIME before and after the same command line, which the agent's log has. Both use
//! the same Orthanc, which is emptied before each. The last line of output is one JSON object.

#![allow(missing_docs, clippy::unwrap_used, dead_code)]

#[path = "../../agent/tests/agent/harness/mod.rs"]
mod harness;

use std::path::Path;
use std::process::Command;

use harness::orthanc::settings;
use harness::run::{block, measurement_of};
use harness::{OrthancProcess, Run};
use serde_json::json;

const PAIRS: u32 = 30;
const INSTANCES: u32 = 100;

fn main() {
    tempfile::env::override_temp_dir(Path::new("/dev/shm")).unwrap();
    let run = Run::with_instances(INSTANCES);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    // The first iteration fills the page cache, and its log has the command line.
    agent_ms(&run, &orthanc, 0);
    let log = run.bucket.text("client-measure-0.log");
    let line = log.lines().find_map(|line| line.split_once(" storescu -lc ")).unwrap().1;
    let arguments: Vec<String> = std::iter::once("-lc").chain(line.split(' ')).map(str::to_owned).collect();

    let (mut agent, mut by_hand, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 1..=PAIRS {
        // The two measurements alternate, and so does their order.
        let (agent_took, by_hand_took) = if pair % 2 == 0 {
            let agent_took = agent_ms(&run, &orthanc, pair);
            (agent_took, by_hand_ms(&run, &orthanc, &arguments))
        } else {
            let by_hand_took = by_hand_ms(&run, &orthanc, &arguments);
            (agent_ms(&run, &orthanc, pair), by_hand_took)
        };
        eprintln!("pair {pair}: agent {agent_took:.1} ms, by hand {by_hand_took:.1} ms");
        agent.push(agent_took);
        by_hand.push(by_hand_took);
        ratios.push(agent_took / by_hand_took);
    }
    ratios.sort_by(f64::total_cmp);
    let figures = json!({
        "agent_over_time": round_figure(median(&mut ratios.clone())),
        "agent_ms": round_figure(median(&mut agent)),
        "by_hand_ms": round_figure(median(&mut by_hand)),
        "ratio_lowest": round_figure(ratios[0]),
        "ratio_highest": round_figure(ratios[ratios.len() - 1]),
        "pairs": PAIRS,
        "instances": INSTANCES,
    });
    println!("{figures}");
}

fn agent_ms(run: &Run, orthanc: &OrthancProcess, ordinal: u32) -> f64 {
    let mut block = block(orthanc, &[1], 0, 1);
    block.ordinal = ordinal;
    let report = run.measure(0, block).succeeds();
    let iteration = &measurement_of(&report).iterations[0];
    assert!(iteration.valid, "{:?}", iteration.reason);
    iteration.duration_ms
}

fn by_hand_ms(run: &Run, orthanc: &OrthancProcess, arguments: &[String]) -> f64 {
    orthanc.rest().empty().unwrap();
    // The agent's log is a new file too.
    let _ = std::fs::remove_file(run.home("iteration/0.log"));
    let timed = r#"from=$EPOCHREALTIME; storescu "$@" >/dev/null; to=$EPOCHREALTIME; echo $((${to/./} - ${from/./}))"#;
    let output = Command::new("bash")
        .args(["-c", timed, "bash"])
        .args(arguments)
        .current_dir(run.home("dataset"))
        .env("TCP_NODELAY", "1")
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    assert_eq!(orthanc.rest().statistics().unwrap().count_instances, u64::from(INSTANCES));
    String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap() / 1000.0
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}

fn round_figure(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
