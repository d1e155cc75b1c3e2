//! The results: three files, and a summary for the terminal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use dicomperf_model::request::Receipt;
use dicomperf_model::results::{ScenarioSummary, Summary};
use dicomperf_model::words::{list, plural};

use super::state::{self, State};
use super::studies;
use crate::table;

/// The reports of a measurement.
pub struct Written {
    json: String,
    paths: Vec<PathBuf>,
}

/// Writes report.html, report.md and report.json. The state gets the last one too, for later comparisons.
pub fn write(summary: &Summary, directory: &Path, state: Option<&State>) -> anyhow::Result<Written> {
    let json = serde_json::to_string_pretty(summary)? + "\n";
    let files = [
        ("report.html", dicomperf_report::html(summary)),
        ("report.md", dicomperf_report::markdown(summary)),
        ("report.json", json.clone()),
    ];
    let mut paths = Vec::new();
    for (name, text) in files {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        paths.push(path);
    }
    if let Some(Err(error)) = state.map(|state| state.save(&summary.run_id, &json)) {
        eprintln!("the report is not kept for later comparisons: {error}");
    }
    Ok(Written { json, paths })
}

/// Prints the results. `json`: report.json instead of the table.
pub fn print(summary: &Summary, written: &Written, json: bool) {
    if let Some(error) = &summary.error {
        eprintln!("{}: {}", error.error, error.cause);
    }
    if json {
        print!("{}", written.json);
        return;
    }
    for line in lines(summary) {
        println!("{line}");
    }
    for path in &written.paths {
        println!("{}", path.display());
    }
}

/// The summary for the terminal, line by line.
fn lines(summary: &Summary) -> Vec<String> {
    let server = summary.request.server.existing.as_ref();
    let mut lines = Vec::new();
    if server.is_some_and(|server| server.receipt == Receipt::None) {
        lines.push("Storage was not proven: the receipt is none.".to_owned());
    }
    lines.push(table::results(summary));
    lines.extend(summary.scenarios.iter().flat_map(invalid));
    for finding in &summary.diagnosis {
        let numbers: Vec<_> = finding.scenarios.iter().map(ToString::to_string).collect();
        let scenarios = match numbers.len() {
            0 => String::new(),
            1 => format!(", scenario {}", numbers[0]),
            _ => format!(", scenarios {}", list(&numbers)),
        };
        lines.push(format!("{} ({}{scenarios}): {}", finding.rule.title(), finding.confidence, finding.says));
    }
    lines.extend(
        server.zip(summary.existing.as_ref()).and_then(|(server, sent)| studies::says(sent, &state::name(server))),
    );
    lines.push(format!("run {}", summary.run_id));
    lines
}

/// The reasons why iterations of a scenario are not valid, each once.
fn invalid(scenario: &ScenarioSummary) -> Vec<String> {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for iteration in scenario.iterations.iter().filter(|iteration| !iteration.valid) {
        *reasons.entry(iteration.reason.as_deref().unwrap_or("no reason was given")).or_default() += 1;
    }
    let line = |(reason, count): (&str, u64)| {
        format!("scenario {}: {} not valid: {reason}", scenario.number, plural(count, "iteration"))
    };
    reasons.into_iter().map(line).collect()
}
