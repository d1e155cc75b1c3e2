//! `dicomperf`: measures a server from this machine. Also checks a request, starts a run in AWS, follows it and prints its
//! results, and compares two runs.

mod abort;
mod answers;
mod arguments;
mod baseline;
mod browser;
mod connection;
mod doctor;
#[cfg(target_os = "linux")]
mod environment;
mod execution;
mod exit;
mod follow;
mod history;
mod interrupt;
mod list;
#[cfg(target_os = "linux")]
mod measure;
mod progress;
mod report;
mod request;
mod run;
mod schedule;
mod schema;
mod service;
mod table;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use tokio::runtime::Runtime;

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    exit::quietly_at_closed_output();
    run_command(Arguments::parse().command).unwrap_or_else(|error| exit::of_error(&error))
}

fn run_command(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        #[cfg(target_os = "linux")]
        Command::Measure(arguments) => measure::run(&arguments),
        Command::Validate(arguments) => request::validate(&arguments),
        Command::Schema { directory } => schema::write(&directory).map(|()| ExitCode::SUCCESS),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "dicomperf", &mut script);
            print!("{}", String::from_utf8_lossy(&script));
            Ok(ExitCode::SUCCESS)
        }
        #[cfg(target_os = "linux")]
        Command::Send { document, out } => dicomperf_agent::native::send_document(&document, &out),
        online => Runtime::new()?.block_on(run_online(online)),
    }
}

/// Runs a command that may need AWS.
async fn run_online(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(arguments) => run::run(&arguments).await,
        Command::Attach(arguments) => run::attach(&arguments).await,
        Command::Again(arguments) => run::again(&arguments).await,
        Command::Clear(arguments) => run::clear(&arguments).await,
        Command::List(arguments) => list::list(&arguments).await,
        Command::Show(arguments) => list::show(&arguments).await,
        Command::Report(arguments) => report::report(&arguments).await,
        Command::Compare(arguments) => report::compare(&arguments).await,
        Command::Abort(arguments) => abort::abort(&arguments).await,
        Command::Teardown(arguments) => abort::teardown(&arguments).await,
        Command::Schedule(command) => schedule::run(&command).await,
        Command::Baseline(command) => baseline::run(&command).await,
        Command::History(arguments) => history::run(&arguments).await,
        Command::Doctor(arguments) => doctor::run(&arguments).await,
        _ => unreachable!("run_command runs the others"),
    }
}
