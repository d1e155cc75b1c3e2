//! What may be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// How fast a DICOM server really takes images.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 the run succeeded and passed; 1 it failed, or could not be started or followed; \
2 bad request or bad arguments, nothing was started; 3 it was carried out, and its verdict is not `passed`. Of compare: 1 the \
runs cannot be compared; 3 b is slower than a.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a request, offline: every error at once, exit code 2 if there is one
    Validate {
        /// The request, JSON; - for standard input
        file: PathBuf,
    },
    /// Start a run, follow it to its end and print its results
    Run(RunArguments),
    /// Write report.html and report.md from a report.json, offline
    Report(ReportArguments),
    /// Compare two runs by their report.json, offline: what differs, the ratios, what explains them
    Compare(CompareArguments),
    /// Write the JSON Schemas of what people and scripts read and write
    #[command(hide = true)]
    Schema {
        /// The checkout
        #[arg(default_value = ".")]
        directory: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct RunArguments {
    /// The request, JSON; - for standard input
    pub file: PathBuf,
    /// The stack that runs it, in the region and account of your AWS configuration
    #[arg(long, default_value = "dicomperf", env = "DICOMPERF_STACK")]
    pub stack: String,
    /// Where to put report.html, report.md and report.json; without it they stay in the bucket
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// A run's report.json
    pub file: PathBuf,
    /// Where to put the files; beside the report.json by default
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CompareArguments {
    /// report.json of the run that is compared with
    pub a: PathBuf,
    /// report.json of the run that is judged
    pub b: PathBuf,
    /// Where to put comparison.html, comparison.md and comparison.json
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
}
