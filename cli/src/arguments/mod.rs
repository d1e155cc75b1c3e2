//! Arguments of the command line.

#[cfg(target_os = "linux")]
mod measure;
mod named;
mod runs;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

#[cfg(target_os = "linux")]
pub use self::measure::MeasureArguments;
pub use self::named::{BaselineCommand, CreateSchedule, ListNamed, OneName, ScheduleCommand, SetBaseline};
pub use self::runs::{
    AgainArguments, AttachArguments, CompareArguments, EndArguments, FollowArguments, HistoryArguments, ListArguments,
    OneRunArguments, ReportArguments, RunArguments,
};

/// The stack of a command that names none.
pub const DEFAULT_STACK: &str = "dicomperf";

/// Measures how fast a DICOM server stores images
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 passed, or done; 1 failed, or could not be done or followed; 2 bad arguments, a \
bad request or an unknown run, and nothing was started; 3 carried out and not passed, or regressed (run, attach, again, compare, \
doctor).";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure a server that exists, from this machine and without AWS
    #[cfg(target_os = "linux")]
    Measure(Box<MeasureArguments>),
    /// Check a request offline, with minutes and price; shows every error at once, with exit code 2
    Validate(ValidateArguments),
    /// Start a run, follow it to its end and print its results
    Run(RunArguments),
    /// Follow a run that goes on, or print the results of one that is over
    Attach(AttachArguments),
    /// List runs, the newest first
    List(ListArguments),
    /// Show a run and its figures
    Show(OneRunArguments),
    /// Fetch the report of a run, or write report.html and report.md from a report.json
    Report(ReportArguments),
    /// Compare two runs, by their ids or their report.json: differences, ratios and explanations
    Compare(CompareArguments),
    /// Abort a run, and wait until no host is left
    Abort(EndArguments),
    /// Measure once more on the hosts that a run keeps
    Again(AgainArguments),
    /// Empty the server and delete the client's dataset on the hosts that a run keeps
    Clear(OneRunArguments),
    /// Tear down the hosts that a run keeps, and wait until no host is left
    Teardown(EndArguments),
    /// List, create, pause, resume, delete and run schedules
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Name runs to compare with, list and remove the names
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Fetch the page with all runs
    History(HistoryArguments),
    /// Check if a run could start: permissions, limits, quota, network; launches nothing and costs nothing
    Doctor(DoctorArguments),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Send with native, the built-in SCU
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Send {
        /// File with a send document
        document: PathBuf,
        /// File that the associations are written to
        #[arg(long)]
        out: PathBuf,
    },
    /// Write the JSON Schemas of requests, reports, steps and answers
    Schema {
        /// The checkout, or another directory with a folder `schemas`
        #[arg(default_value = ".")]
        directory: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct StackArguments {
    /// The stack, in the region and account of your AWS configuration
    #[arg(long, default_value = DEFAULT_STACK, env = "DICOMPERF_STACK")]
    pub stack: String,
}

#[derive(Debug, Args)]
pub struct ValidateArguments {
    /// The request, JSON; - for standard input
    pub file: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// The request of the run, JSON; - for standard input; without it the classic test
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub stack: StackArguments,
    #[command(flatten)]
    pub follow: FollowArguments,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_bad_run_id_is_refused_with_the_rule() {
        let error = Arguments::try_parse_from(["dicomperf", "show", "../x"]).expect_err("refused");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("1 to 80 letters"), "{error}");
    }
}
