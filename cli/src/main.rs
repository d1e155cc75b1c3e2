//! `dicomperf`: checks a request, starts a run, follows it and prints its results. Also compares two runs.

mod arguments;
mod doctor;
mod execution;
mod follow;
mod progress;
mod report;
mod request;
mod schema;
mod stack;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("dicomperf: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Validate { file } => Ok(request::validate(&file)),
        Command::Run(arguments) => follow::run(&arguments).await,
        Command::Doctor(arguments) => doctor::run(&arguments).await,
        Command::Report(arguments) => report::report(&arguments),
        Command::Compare(arguments) => report::compare(&arguments),
        Command::Schema { directory } => schema::write(&directory).map(|()| ExitCode::SUCCESS),
    }
}
