//! `dicomperf measure`: measures a server that exists, from this machine and without AWS.

mod care;
mod course;
mod interrupt;
mod output;
mod planning;
mod request;
mod server;
mod state;
mod steps;
mod studies;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use dicomperf_agent::measure::greeting::advice;
use dicomperf_agent::server::echo;
use dicomperf_agent::tls;
use dicomperf_analysis::summarize::summarize;
use dicomperf_analysis::two_runs;
use dicomperf_model::plan::Plan;
use dicomperf_model::request::{Baseline, Existing};
use dicomperf_model::results::Summary;
use dicomperf_model::sending::FailureCause;
use dicomperf_model::step::ServerAddress;
use jiff::Timestamp;
use tracing_subscriber::filter::LevelFilter;

use self::course::Course;
use self::state::State;
use crate::arguments::MeasureArguments;
use crate::environment::Environment;
use crate::exit;
use crate::request::refuse;

/// The log of a measurement, beside its reports.
const LOG: &str = "measure.log";

/// `dicomperf measure AET@HOST:PORT [REQUEST]`
pub fn run(arguments: &MeasureArguments) -> anyhow::Result<ExitCode> {
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(invalid) => return Ok(refuse(Path::new("measure"), &invalid)),
    };
    let state = environment.state.clone().map(State::new);
    let planned = request::read(arguments, &environment).and_then(|request| planning::plan(request, Timestamp::now()));
    let plan = match planned {
        Ok(plan) => plan,
        Err(invalid) => return Ok(refuse(arguments.request.as_deref().unwrap_or(Path::new("measure")), &invalid)),
    };
    let server = plan.request.server.existing.as_ref().context("the plan has no server")?;
    let address = steps::address(server, &environment);
    planning::check_space(&plan, &std::env::temp_dir())?;
    check_echo(&plan, server, &address)?;
    if !care::may_send(&plan, server, state.as_ref(), arguments.yes)? {
        eprintln!("nothing was sent");
        return Ok(ExitCode::FAILURE);
    }
    if let Some(Err(error)) = state.as_ref().map(|state| state.remember(server)) {
        eprintln!("the server is not remembered: {error}");
    }
    let directory = output_directory(arguments, state.as_ref(), &plan.run_id)?;
    start_log(&directory.join(LOG))?;
    let course = Course::run(&plan, &address)?;
    let summary = summarized(plan, course, state.as_ref());
    let written = output::write(&summary, &directory, state.as_ref())?;
    output::print(&summary, &written, arguments.json);
    Ok(exit::of_run(summary.status, Some(summary.verdict)))
}

/// Proves by C-ECHO that the server answers, before anything else is sent to it.
fn check_echo(plan: &Plan, server: &Existing, address: &ServerAddress) -> anyhow::Result<()> {
    let tls = server.tls.then(tls::anonymous_client).transpose().context("TLS cannot be used")?;
    let calling = &plan.request.client.ae_title;
    match echo::echo(address, calling, tls) {
        Ok(()) => Ok(()),
        // A server may store without answering C-ECHO. The negotiation that follows shows that it serves.
        Err(lost)
            if matches!(lost.cause, FailureCause::ClassRejected { .. } | FailureCause::ContextRejected { .. }) =>
        {
            Ok(())
        }
        Err(lost) => {
            let advice = advice(&lost.cause, calling, &server.ae_title);
            let advice = lost.advice.map(str::to_owned).or(advice).map(|advice| format!("; {advice}"));
            bail!("{}: C-ECHO: {lost}{}", state::name(server), advice.unwrap_or_default())
        }
    }
}

/// The directory for the reports, made if it is missing: that of `--out`, or the run's own in the state.
fn output_directory(arguments: &MeasureArguments, state: Option<&State>, run_id: &str) -> anyhow::Result<PathBuf> {
    let own = || state.map(|state| state.run(run_id));
    let directory = arguments.out.clone().or_else(own).context("no home directory for the reports: give --out")?;
    std::fs::create_dir_all(&directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    Ok(directory)
}

/// Logs to a file. The terminal shows the progress.
fn start_log(path: &Path) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
    let log = tracing_subscriber::fmt().with_ansi(false).with_target(false).with_max_level(LevelFilter::INFO);
    log.with_writer(file).try_init().map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
}

/// Summarizes what was measured, and compares it with the baseline of the request.
fn summarized(plan: Plan, course: Course, state: Option<&State>) -> Summary {
    let plan = match course.negotiated() {
        Some(negotiated) => plan.with_negotiated(negotiated),
        None => plan,
    };
    let baseline = plan.request.baseline.clone();
    let history = state.filter(|_| baseline == Some(Baseline::History)).map(|state| state.history(&plan.fingerprint));
    let steps = course.steps.clone();
    let mut summary = summarize(&plan, &steps, course.outcome(history.unwrap_or_default(), Timestamp::now()));
    if let Some(Baseline::Run(earlier_id)) = &baseline {
        let no_state = || Err("this user has no home directory".to_owned());
        let earlier = state.map_or_else(no_state, |state| state.report(earlier_id));
        two_runs::compare_with_baseline(&mut summary, earlier_id, earlier.as_ref().map_err(String::as_str));
    }
    summary
}
