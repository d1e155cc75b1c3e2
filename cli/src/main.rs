//! `dicomperf`: measures a server from this machine. Also checks a request, starts a run in AWS, follows it and prints its
//! results, and compares two runs.

mod arguments;
mod doctor;
#[cfg(target_os = "linux")]
mod environment;
mod execution;
mod follow;
#[cfg(target_os = "linux")]
mod measure;
mod progress;
mod report;
mod request;
mod schema;
mod stack;
mod table;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::runtime::Runtime;

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("dicomperf: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        #[cfg(target_os = "linux")]
        Command::Measure(arguments) => measure::run(&arguments),
        Command::Validate { file } => Ok(request::validate(&file)),
        Command::Run(arguments) => Runtime::new()?.block_on(follow::run(&arguments)),
        Command::Doctor(arguments) => Runtime::new()?.block_on(doctor::run(&arguments)),
        Command::Report(arguments) => report::report(&arguments),
        Command::Compare(arguments) => report::compare(&arguments),
        Command::Schema { directory } => schema::write(&directory).map(|()| ExitCode::SUCCESS),
        #[cfg(target_os = "linux")]
        Command::Send { document, out } => dicomperf_agent::native::send_document(&document, &out),
    }
}
