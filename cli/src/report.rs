//! `dicomperf report` and `dicomperf compare`, which need report.json and no network.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use dicomperf_analysis::two_runs;
use dicomperf_model::results::Change;
use dicomperf_model::results::Summary;

use crate::arguments::{CompareArguments, ReportArguments};

/// Exit code if run b is slower than run a.
const REGRESSED_EXIT_CODE: u8 = 3;

/// `dicomperf report FILE`
pub fn report(arguments: &ReportArguments) -> anyhow::Result<ExitCode> {
    let summary = read(&arguments.file)?;
    let files =
        [("report.html", dicomperf_report::html(&summary)), ("report.md", dicomperf_report::markdown(&summary))];
    let beside = arguments.file.parent().unwrap_or(Path::new("."));
    write(arguments.out.as_deref().unwrap_or(beside), files)?;
    Ok(ExitCode::SUCCESS)
}

/// `dicomperf compare A B`
pub fn compare(arguments: &CompareArguments) -> anyhow::Result<ExitCode> {
    let comparison = two_runs::compare(&read(&arguments.a)?, &read(&arguments.b)?);
    println!("{}", comparison.says);
    if let Some(directory) = &arguments.out {
        let json = serde_json::to_string_pretty(&comparison)? + "\n";
        let files = [
            ("comparison.html", dicomperf_report::comparison_html(&comparison)),
            ("comparison.md", dicomperf_report::comparison_markdown(&comparison)),
            ("comparison.json", json),
        ];
        write(directory, files)?;
    }
    Ok(match (comparison.comparable, comparison.verdict) {
        (false, _) => ExitCode::FAILURE,
        (true, Change::Regressed) => ExitCode::from(REGRESSED_EXIT_CODE),
        (true, _) => ExitCode::SUCCESS,
    })
}

fn read(file: &Path) -> anyhow::Result<Summary> {
    let text = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not a report.json of this version", file.display()))
}

fn write<const N: usize>(directory: &Path, files: [(&str, String); N]) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    for (name, text) in files {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}
