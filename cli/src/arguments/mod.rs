//! Arguments of the command line.

#[cfg(target_os = "linux")]
mod measure;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[cfg(target_os = "linux")]
pub use self::measure::MeasureArguments;

/// Measures how fast a DICOM server stores images
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 the run succeeded and passed; 1 it failed, or could not be started or followed; \
2 bad request or bad arguments, nothing was started; 3 it was carried out, and its verdict is not `passed`. Of compare: 1 the \
runs cannot be compared; 3 b is slower than a. Of doctor: 0 every check passed; 3 a check failed.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure a server that exists, from this machine and without AWS
    #[cfg(target_os = "linux")]
    Measure(Box<MeasureArguments>),
    /// Check a request offline; shows every error at once, with exit code 2
    Validate {
        /// The request, JSON; - for standard input
        file: PathBuf,
    },
    /// Start a run, follow it to its end and print its results
    Run(RunArguments),
    /// Check if a run could start: permissions, limits, quota, network; launches nothing and costs nothing
    Doctor(DoctorArguments),
    /// Write report.html and report.md from a report.json, offline
    Report(ReportArguments),
    /// Compare two runs by their report.json, offline: differences, ratios and explanations
    Compare(CompareArguments),
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
    /// Write the JSON Schemas of requests, reports and steps
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
    /// Directory for report.html, report.md and report.json; without it they stay in the bucket
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// The request of the run, JSON; - for standard input; without it the classic test
    pub file: Option<PathBuf>,
    /// The stack that would run it, in the region and account of your AWS configuration
    #[arg(long, default_value = "dicomperf", env = "DICOMPERF_STACK")]
    pub stack: String,
    /// Directory for report.html, report.md and report.json; without it they stay in the bucket
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// A run's report.json
    pub file: PathBuf,
    /// Directory for the files; by default that of report.json
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CompareArguments {
    /// report.json of the run that is compared with
    pub a: PathBuf,
    /// report.json of the run that is judged
    pub b: PathBuf,
    /// Directory for comparison.html, comparison.md and comparison.json
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
}
