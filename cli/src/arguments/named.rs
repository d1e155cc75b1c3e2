//! Arguments of the commands on schedules and baselines.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::StackArguments;
use super::runs::run;

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// List the schedules
    List(ListNamed),
    /// Create a schedule
    Create(CreateSchedule),
    /// Stop a schedule from starting runs
    Pause(OneName),
    /// Let a schedule start runs again
    Resume(OneName),
    /// Delete a schedule; its runs and their results stay
    Delete(OneName),
    /// Start a run of a schedule now
    Run(OneName),
}

#[derive(Debug, Subcommand)]
pub enum BaselineCommand {
    /// Give a run a name; the name moves if another run has it
    Set(SetBaseline),
    /// List the named baselines
    List(ListNamed),
    /// Remove a name; its run stays
    Delete(OneName),
}

#[derive(Debug, Args)]
pub struct ListNamed {
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub stack: StackArguments,
}

#[derive(Debug, Args)]
pub struct OneName {
    /// Its name
    pub name: String,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub stack: StackArguments,
}

#[derive(Debug, Args)]
pub struct CreateSchedule {
    /// Name of the schedule
    pub name: String,
    /// Times of its runs: cron(15 3 * * ? *), rate(12 hours) or at(2026-01-31T03:15:00)
    pub expression: String,
    /// The request of its runs, JSON; - for standard input
    pub file: PathBuf,
    /// Time zone of the times, like Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub time_zone: String,
    /// Create it paused
    #[arg(long)]
    pub paused: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub stack: StackArguments,
}

#[derive(Debug, Args)]
pub struct SetBaseline {
    /// The name
    pub name: String,
    /// The run
    #[arg(value_parser = run)]
    pub run: String,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub stack: StackArguments,
}
