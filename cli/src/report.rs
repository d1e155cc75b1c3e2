//! `dicomperf report` and `dicomperf compare`: from report.json, without any network.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use dicomperf::comparison;
use dicomperf::report;
use dicomperf::summary::Summary;
use dicomperf::verdict::Comparison;

use crate::arguments::{CompareArguments, ReportArguments};

/// The exit code of a run that is slower than the one that it is compared with.
const REGRESSED: u8 = 3;

/// `dicomperf report FILE`
pub fn report(arguments: &ReportArguments) -> anyhow::Result<ExitCode> {
    let summary = read(&arguments.file)?;
    let files = [("report.html", report::html(&summary)), ("report.md", report::markdown(&summary))];
    let beside = arguments.file.parent().unwrap_or(Path::new("."));
    write(arguments.out.as_deref().unwrap_or(beside), files)?;
    Ok(ExitCode::SUCCESS)
}

/// `dicomperf compare A B`
pub fn compare(arguments: &CompareArguments) -> anyhow::Result<ExitCode> {
    let comparison = comparison::compare(&read(&arguments.a)?, &read(&arguments.b)?);
    println!("{}", comparison.says);
    if let Some(directory) = &arguments.out {
        let json = serde_json::to_string_pretty(&comparison)? + "\n";
        let files = [
            ("comparison.html", report::comparison_html(&comparison)),
            ("comparison.md", report::comparison_markdown(&comparison)),
            ("comparison.json", json),
        ];
        write(directory, files)?;
    }
    Ok(match (comparison.comparable, comparison.verdict) {
        (false, _) => ExitCode::FAILURE,
        (true, Comparison::Regressed) => ExitCode::from(REGRESSED),
        (true, _) => ExitCode::SUCCESS,
    })
}

fn read(file: &Path) -> anyhow::Result<Summary> {
    let text = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no report.json of this version", file.display()))
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
