//! Recorded runs: their plan, the reports of their steps and the samples of both hosts.
//!
//! With DICOMPERF_RECORD set to a folder, each test that needs the whole machine records its run in a subfolder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use dicomperf_model::plan::Plan;
use dicomperf_model::results::Summary;
use dicomperf_model::step::StepReport;

use super::diagnosed::{Samples, summary_of};

const LATEST: &str = "latest";
const RUN: &str = "run.json.zst";
const SERVER: &str = "server.jsonl.zst";
const CLIENT: &str = "client.jsonl.zst";

fn folder(name: &str) -> Option<PathBuf> {
    env::var_os("DICOMPERF_RECORD").map(|folder| Path::new(&folder).join(name))
}

/// Records a run before it is known to be undisturbed.
pub fn write_latest(plan: &Plan, steps: &[StepReport], samples: &Samples) {
    let Some(folder) = folder(LATEST) else { return };
    fs::create_dir_all(&folder).unwrap();
    let run = serde_json::to_vec(&(plan, steps)).unwrap();
    fs::write(folder.join(RUN), zstd::encode_all(&run[..], 19).unwrap()).unwrap();
    // As one frame the files are smaller.
    for (name, file) in [(SERVER, &samples.server), (CLIENT, &samples.client)] {
        let lines = zstd::decode_all(&file[..]).unwrap();
        fs::write(folder.join(name), zstd::encode_all(&lines[..], 19).unwrap()).unwrap();
    }
}

/// Gives the latest run a name, and replaces an earlier run with that name.
pub fn keep_latest(name: &str) {
    let (Some(latest), Some(named)) = (folder(LATEST), folder(name)) else { return };
    let _ = fs::remove_dir_all(&named);
    fs::rename(latest, named).unwrap();
}

/// The summary of a recorded run.
pub fn recorded_summary(name: &str) -> Summary {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agent/recorded").join(name);
    let read = |file: &str| fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{name}/{file}: {error}"));
    let run = zstd::decode_all(&read(RUN)[..]).unwrap();
    let (plan, steps): (Plan, Vec<StepReport>) = serde_json::from_slice(&run).unwrap();
    summary_of(&plan, &steps, &Samples { server: read(SERVER), client: read(CLIENT) })
}
