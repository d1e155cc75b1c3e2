//! One step, from its document to its exit code.

use std::fs::{self, File};
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use dicomperf_model::step::{StepDocument, Work};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::arguments::WorkKind;
use crate::failure::Failure;
use crate::home::{RunHome, StepOutcome};
use crate::reporter::{Reporter, WorkEnd};
use crate::upload::{Retries, Uploader};
use crate::{client, measure, server};

/// The step failed. Its report has the reason.
pub const EXIT_FAILED: u8 = 1;
/// The command line or the document is unusable, and nothing was done.
pub const EXIT_UNUSABLE: u8 = 2;
/// The step was done, but its last report could not be uploaded.
pub const EXIT_NOT_REPORTED: u8 = 3;

/// Carries out the step that a document describes, unless this host has done it before.
///
/// The exit code is 0 for a step that succeeded or is incomplete, else one of [`EXIT_FAILED`], [`EXIT_UNUSABLE`] and
/// [`EXIT_NOT_REPORTED`]. The first line on stderr is the error itself, because SSM stores the beginning of the output.
///
/// # Errors
/// An unusable document or state directory.
pub fn carry_out(document: &Path, work: Option<WorkKind>, state: &Path) -> anyhow::Result<ExitCode> {
    let document = read(document, work)?;
    let home = RunHome::open(state, &document.run_id)?;
    let step = document.step.to_string();
    // SSM may deliver a command twice. The second one waits here, and then finds that the step is done.
    let _lock = home.lock(&document.step).with_context(|| format!("cannot lock step {step}"))?;
    if let Some(outcome) = home.outcome(&document.step).with_context(|| format!("cannot read the outcome of {step}"))? {
        println!("{step}: already done");
        return Ok(ExitCode::from(outcome.exit_code));
    }
    let log = home.log(&document.step);
    start_log(&log).with_context(|| format!("cannot write {}", log.display()))?;
    tracing::info!(run = document.run_id, step, version = env!("CARGO_PKG_VERSION"), "begin");

    let mut reporter = Reporter::begin(&document);
    let result = do_work(&document.work, &home, &mut reporter);
    match &result {
        Ok(end) => tracing::info!(?end, "end"),
        Err(failure) => tracing::error!(name = failure.name(), "{failure}"),
    }
    let reported = reporter.finish(&result);
    if let Err(error) = &reported {
        tracing::error!("report: {error}");
    }
    let log = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    // The log is for people, so a failed upload of it does not fail the step.
    let put = |uploader: &Uploader| uploader.put(&document.log_url, &log, "text/plain; charset=utf-8", Retries::Few);
    let logged = reporter.uploader().map_or(Ok(()), put);

    let exit_code = match (&result, &reported) {
        (Err(_), _) => EXIT_FAILED,
        (Ok(_), Err(_)) => EXIT_NOT_REPORTED,
        (Ok(_), Ok(())) => 0,
    };
    // A step whose result was never reported does not count as done: the same command, sent again, must report it.
    if reported.is_ok() {
        home.set_outcome(&document.step, StepOutcome { exit_code }).context("cannot save the step's outcome")?;
    }
    match (&result, &reported) {
        (Err(failure), _) => eprintln!("{step}: {}: {failure}", failure.name()),
        (Ok(_), Err(error)) => eprintln!("{step}: report: {error}"),
        (Ok(end), Ok(())) => println!("{step}: {end:?}"),
    }
    if let Err(error) = logged {
        eprintln!("{step}: log: {error}");
    }
    if !std::io::stderr().is_terminal() && exit_code != 0 {
        eprint!("{}", String::from_utf8_lossy(&log));
    }
    Ok(ExitCode::from(exit_code))
}

fn read(path: &Path, work: Option<WorkKind>) -> anyhow::Result<StepDocument> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let document: StepDocument =
        serde_json::from_slice(&bytes).with_context(|| format!("{} is not a step document", path.display()))?;
    let kind = WorkKind::from_work(&document.work);
    if work.is_some_and(|work| work != kind) {
        bail!("{} is a document for `{}`", path.display(), kind.command());
    }
    Ok(document)
}

/// Logs to the file, which is uploaded, and to a terminal if there is one.
fn start_log(path: &Path) -> anyhow::Result<()> {
    let file = File::create(path)?;
    let to_file = fmt::layer().with_ansi(false).with_target(false).with_writer(file);
    let to_terminal =
        std::io::stderr().is_terminal().then(|| fmt::layer().with_target(false).with_writer(std::io::stderr));
    // No more detail than INFO: the HTTP library's own messages quote URLs, and a presigned URL is a secret while it is
    // valid.
    let level = LevelFilter::INFO;
    tracing_subscriber::registry().with(to_file.with_filter(level)).with(to_terminal.with_filter(level)).try_init()?;
    Ok(())
}

fn do_work(work: &Work, home: &RunHome, reporter: &mut Reporter) -> Result<WorkEnd, Failure> {
    match work {
        Work::ConfigureServer(configuration) => server::configure(configuration, home, reporter),
        Work::Collect(collect) => server::collect(collect, home, reporter),
        Work::ConfigureClient(configuration) => client::configure(configuration, home, reporter),
        Work::Measure(block) => measure::measure(block, home, reporter),
        Work::Clear(clear) => match &clear.server {
            Some(address) => server::clear(address, home, reporter),
            None => client::clear(home, reporter),
        },
    }
}
