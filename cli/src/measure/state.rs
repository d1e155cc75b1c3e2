//! The state that outlives a measurement: earlier reports, and the servers that this user has measured.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use dicomperf_agent::home;
use dicomperf_analysis::verdict::HistoricScenario;
use dicomperf_model::request::Existing;
use dicomperf_model::results::{RunStatus, Summary};
use dicomperf_model::run_id;

/// Earlier reports that are read at most, the latest first. Each takes some milliseconds.
const MAX_REPORTS: usize = 500;
/// The file of the servers.
const SERVERS: &str = "servers.json";

/// `$XDG_STATE_HOME/dicomperf`.
#[derive(Debug, Clone)]
pub struct State(PathBuf);

impl State {
    /// The state in this directory, which need not exist.
    pub fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// The directory of a run's reports.
    pub fn run(&self, run_id: &str) -> PathBuf {
        self.0.join("runs").join(run_id)
    }

    /// Saves a run's report.json, so that later runs can be compared with it.
    pub fn save(&self, run_id: &str, report: &str) -> io::Result<()> {
        let directory = self.run(run_id);
        fs::create_dir_all(&directory)?;
        home::replace(&directory.join("report.json"), report.as_bytes(), 0o644)
    }

    /// Returns the report of an earlier run, or the reason why it is missing.
    pub fn report(&self, run_id: &str) -> Result<Summary, String> {
        if !run_id::is_valid(run_id) {
            return Err(format!("{run_id:?} is no run's id"));
        }
        let path = self.run(run_id).join("report.json");
        let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_slice(&text).map_err(|error| format!("{} is of another version: {error}", path.display()))
    }

    /// Returns the scenarios of the earlier runs of a fingerprint that succeeded. Other reports are skipped.
    pub fn history(&self, fingerprint: &str) -> Vec<HistoricScenario> {
        let entries = fs::read_dir(self.0.join("runs")).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        // The ids sort by time.
        let runs: BTreeSet<String> = names.collect();
        let reports = runs.iter().rev().take(MAX_REPORTS).filter_map(|run_id| self.report(run_id).ok());
        reports
            .filter(|report| report.fingerprint == fingerprint && report.status == RunStatus::Succeeded)
            .flat_map(historic)
            .collect()
    }

    /// True if this user has measured the server before.
    pub fn knows(&self, server: &Existing) -> bool {
        self.servers().contains(&name(server))
    }

    /// Remembers that this user measures the server.
    pub fn remember(&self, server: &Existing) -> io::Result<()> {
        let mut servers = self.servers();
        if !servers.insert(name(server)) {
            return Ok(());
        }
        fs::create_dir_all(&self.0)?;
        home::replace(&self.0.join(SERVERS), &serde_json::to_vec_pretty(&servers)?, 0o600)
    }

    fn servers(&self) -> BTreeSet<String> {
        let text = fs::read(self.0.join(SERVERS)).unwrap_or_default();
        // A damaged file costs one more question.
        serde_json::from_slice(&text).unwrap_or_default()
    }
}

/// A server's AE title, address and port.
pub fn name(server: &Existing) -> String {
    format!("{}@{}:{}", server.ae_title, server.address.to_ascii_lowercase(), server.port)
}

fn historic(report: Summary) -> Vec<HistoricScenario> {
    let scenarios = report.scenarios.iter().filter(|scenario| !scenario.probe);
    let scenarios = scenarios.filter_map(|scenario| {
        Some(HistoricScenario {
            settings_key: scenario.settings_key.clone(),
            run_id: report.run_id.clone(),
            created_at: report.started_at,
            instances_per_second: scenario.instances_per_second?.median,
        })
    });
    scenarios.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(address: &str, port: u16) -> Existing {
        let server = serde_json::json!({ "address": address, "port": port, "aeTitle": "PACS" });
        serde_json::from_value(server).expect("a server")
    }

    #[test]
    fn a_server_is_known_by_its_address_port_and_ae_title() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = State::new(directory.path().join("not/there/yet"));
        assert!(!state.knows(&server("pacs", 104)));
        state.remember(&server("pacs", 104)).expect("remembered");
        state.remember(&server("pacs", 104)).expect("remembered");
        assert!(state.knows(&server("PACS", 104)) && !state.knows(&server("pacs", 105)));
    }

    #[test]
    fn a_report_that_is_missing_or_of_another_version_is_no_history() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = State::new(directory.path().to_owned());
        assert!(state.history("f").is_empty());
        state.save("20260101T000000Z-a-aaaaaa", "{}").expect("saved");
        assert!(state.history("f").is_empty());
        assert!(state.report("20260101T000000Z-a-aaaaaa").expect_err("an error").contains("another version"));
        assert!(state.report("../x").expect_err("an error").contains("no run's id"));
    }
}
