//! The one binary that runs on both hosts of a run. It reads a step document, does the work, and uploads a report.

use std::process::ExitCode;

use clap::Parser as _;
use dicomperf_agent::arguments::{Action, Arguments};
use dicomperf_agent::{native, resources, server, sink, step};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.action() {
        Action::Step { document, work } => step::carry_out(&document, work, &arguments.state),
        Action::Send { document, out } => native::send_document(&document, &out),
        Action::Sink { document } => sink::serve_document(&document).map(|()| ExitCode::SUCCESS),
        Action::Sample { out, watched } => resources::sample_until_signal(&out, &watched).map(|()| ExitCode::SUCCESS),
        Action::Supervise(supervised) => server::supervise(&supervised),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::from(step::EXIT_UNUSABLE)
    })
}
