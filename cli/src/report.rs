//! `dicomperf report` and `dicomperf compare`: of runs by their ids, or offline of report.json.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use dicomperf_analysis::two_runs;
use dicomperf_aws::refusal::Refusal;
use dicomperf_model::results::{Change, Summary};
use dicomperf_model::run_id;

use crate::answers::{FilesAnswer, print_json};
use crate::arguments::{CompareArguments, ReportArguments, StackArguments};
use crate::service::Service;
use crate::{browser, exit, follow};

/// `dicomperf report RUN|FILE`
pub async fn report(arguments: &ReportArguments) -> anyhow::Result<ExitCode> {
    let file = Path::new(&arguments.run);
    let files = if is_file(&arguments.run) {
        let summary = read_file("run", file)?;
        let beside = file.parent().unwrap_or(Path::new("."));
        let texts =
            [("report.html", dicomperf_report::html(&summary)), ("report.md", dicomperf_report::markdown(&summary))];
        write(arguments.out.as_deref().unwrap_or(beside), texts)?
    } else {
        check_id("run", &arguments.run)?;
        let service = Service::find(&arguments.stack).await?;
        service.runs().find(&arguments.run).await?;
        let directory = arguments.out.clone().unwrap_or_else(|| PathBuf::from(&arguments.run));
        let execution = service.execution(&arguments.run);
        if follow::report(&execution, "html").await?.is_none() {
            return Err(Refusal::Conflict(format!("run {} has no report yet", arguments.run)).into());
        }
        follow::save(&directory, &execution).await?
    };
    let page = files.iter().find(|file| file.ends_with(".html"));
    finish(&files, page.filter(|_| arguments.open), arguments.json)
}

/// Prints the files that were written, after the page was opened if a person wants it.
pub fn finish(files: &[String], page: Option<&String>, json: bool) -> anyhow::Result<ExitCode> {
    let opened = page.is_some_and(|page| browser::open(Path::new(page)));
    if json {
        print_json(&FilesAnswer { files: files.to_vec(), opened })?;
    } else {
        for file in files {
            println!("{file}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `dicomperf compare A B`
pub async fn compare(arguments: &CompareArguments) -> anyhow::Result<ExitCode> {
    let mut service = None;
    let a = read("a", &arguments.a, &arguments.stack, &mut service).await?;
    let b = read("b", &arguments.b, &arguments.stack, &mut service).await?;
    let comparison = two_runs::compare(&a, &b);
    let json = serde_json::to_string_pretty(&comparison)? + "\n";
    if arguments.json {
        print!("{json}");
    } else {
        println!("{}", comparison.says);
    }
    if let Some(directory) = &arguments.out {
        let files = [
            ("comparison.html", dicomperf_report::comparison_html(&comparison)),
            ("comparison.md", dicomperf_report::comparison_markdown(&comparison)),
            ("comparison.json", json),
        ];
        for file in write(directory, files)? {
            if arguments.json { eprintln!("{file}") } else { println!("{file}") }
        }
    }
    Ok(match (comparison.comparable, comparison.verdict) {
        (false, _) => ExitCode::FAILURE,
        (true, Change::Regressed) => ExitCode::from(exit::NOT_PASSED),
        (true, _) => ExitCode::SUCCESS,
    })
}

/// Reads the report of a run, or the file, that an argument names. Finds the stack at the first run.
async fn read(
    argument: &str,
    run: &str,
    stack: &StackArguments,
    service: &mut Option<Service>,
) -> anyhow::Result<Summary> {
    if is_file(run) {
        return Ok(read_file(argument, Path::new(run))?);
    }
    check_id(argument, run)?;
    let found = match service.take() {
        Some(found) => found,
        None => Service::find(stack).await?,
    };
    let report = found.runs().report(run).await;
    *service = Some(found);
    Ok(report?)
}

/// True if an argument names a file: it exists, or it cannot be the id of a run.
fn is_file(argument: &str) -> bool {
    argument.contains(['/', '\\']) || argument.ends_with(".json") || Path::new(argument).is_file()
}

fn check_id(argument: &str, run: &str) -> Result<(), Refusal> {
    if run_id::is_valid(run) {
        return Ok(());
    }
    Err(Refusal::field(argument, format!("is {run:?}"), format!("a file, or the id of a run: {}", run_id::RULE)))
}

fn read_file(argument: &str, file: &Path) -> Result<Summary, Refusal> {
    let refused = |problem: String| {
        Refusal::field(argument, format!("{} {problem}", file.display()), "the id of a run, or a run's report.json")
    };
    let text = fs::read(file).map_err(|error| refused(format!("cannot be read: {error}")))?;
    serde_json::from_slice(&text).map_err(|error| refused(format!("is not a report.json of this version: {error}")))
}

fn write<const N: usize>(directory: &Path, files: [(&str, String); N]) -> anyhow::Result<Vec<String>> {
    fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    let mut paths = Vec::new();
    for (name, text) in files {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        paths.push(path.display().to_string());
    }
    Ok(paths)
}
