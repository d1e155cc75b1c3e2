//! Arguments of the commands on runs.

use std::path::PathBuf;

use clap::Args;
use dicomperf_model::run_id;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::StackArguments;

#[derive(Debug, Args)]
pub struct FollowArguments {
    /// Directory for report.html, report.md and report.json; without it they stay in the bucket
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
    /// Print one JSON document instead of tables; progress goes to standard error
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    /// The request, JSON; - for standard input
    pub file: PathBuf,
    /// Start one run for this text, however often the command is repeated within a day
    #[arg(long, value_name = "TEXT")]
    pub client_token: Option<String>,
    /// Do not follow the run
    #[arg(long, conflicts_with = "out")]
    pub detach: bool,
    #[command(flatten)]
    pub stack: StackArguments,
    #[command(flatten)]
    pub follow: FollowArguments,
}

#[derive(Debug, Args)]
pub struct AttachArguments {
    /// The run
    #[arg(value_parser = run)]
    pub run: String,
    #[command(flatten)]
    pub stack: StackArguments,
    #[command(flatten)]
    pub follow: FollowArguments,
}

#[derive(Debug, Args)]
pub struct AgainArguments {
    /// The run that keeps the hosts
    #[arg(value_parser = run)]
    pub run: String,
    /// Another request for the same hosts, JSON; - for standard input; by default that of the run
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub stack: StackArguments,
    #[command(flatten)]
    pub follow: FollowArguments,
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// Only runs of requests with this name
    #[arg(long, conflicts_with = "fingerprint")]
    pub name: Option<String>,
    /// Only runs of this hardware and dataset: the fingerprint, or its beginning as the list shows it
    #[arg(long)]
    pub fingerprint: Option<String>,
    /// Only runs since then: 2026-01-31, 2026-01-31T12:00:00Z, or 7d, 12h, 30m ago
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<Timestamp>,
    /// Only runs until then, in the same forms
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<Timestamp>,
    /// Runs at most
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub stack: StackArguments,
}

/// A run, and the form of the answer.
#[derive(Debug, Args)]
pub struct OneRunArguments {
    /// The run
    #[arg(value_parser = run)]
    pub run: String,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub stack: StackArguments,
}

#[derive(Debug, Args)]
pub struct EndArguments {
    #[command(flatten)]
    pub run: OneRunArguments,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// A run, or a run's report.json on this machine
    #[arg(value_name = "RUN|FILE")]
    pub run: String,
    /// Directory for the files; by default one named like the run, or that of report.json
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
    /// Open report.html in a browser
    #[arg(long)]
    pub open: bool,
    /// Print one JSON document instead of the paths
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub stack: StackArguments,
}

#[derive(Debug, Args)]
pub struct CompareArguments {
    /// The run that is compared with, or its report.json
    pub a: String,
    /// The run that is judged, or its report.json
    pub b: String,
    /// Directory for comparison.html, comparison.md and comparison.json
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
    /// Print comparison.json instead of the conclusion
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub stack: StackArguments,
}

#[derive(Debug, Args)]
pub struct HistoryArguments {
    /// Open the page in a browser
    #[arg(long)]
    pub open: bool,
    /// File for the page
    #[arg(long, value_name = "FILE", default_value = "history.html")]
    pub out: PathBuf,
    /// Print one JSON document instead of the path
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub stack: StackArguments,
}

/// Parses the id of a run.
pub fn run(text: &str) -> Result<String, String> {
    if run_id::is_valid(text) { Ok(text.to_owned()) } else { Err(format!("allowed: {}", run_id::RULE)) }
}

/// Parses a time: a timestamp, a date in UTC, or a time ago.
fn time(text: &str) -> Result<Timestamp, String> {
    let date = || format!("{}T00:00:00Z", text.parse::<Date>().ok()?).parse().ok();
    text.parse::<Timestamp>().ok().or_else(date).or_else(|| ago(text, Timestamp::now())).ok_or_else(|| {
        "allowed: a time like 2026-01-31T12:00:00Z, a date like 2026-01-31, or 7d, 12h, 30m ago".to_owned()
    })
}

fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        _ => return None,
    };
    let ago = number.parse::<u32>().ok().map(|number| SignedDuration::from_secs(i64::from(number) * seconds))?;
    now.checked_sub(ago).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_timestamp_a_date_or_a_time_ago() {
        let parsed = |text| time(text).map(|time| time.to_string());
        assert_eq!(parsed("2026-01-31T12:00:00Z").as_deref(), Ok("2026-01-31T12:00:00Z"));
        assert_eq!(parsed("2026-01-31").as_deref(), Ok("2026-01-31T00:00:00Z"));
        let now: Timestamp = "2026-02-08T00:00:00Z".parse().expect("a time");
        assert_eq!(ago("7d", now).map(|time| time.to_string()).as_deref(), Some("2026-02-01T00:00:00Z"));
        for bad in ["", "d", "-1d", "yesterday", "2026-13-01", "7w", "ä", "4294967295d"] {
            assert!(time(bad).is_err_and(|allowed| allowed.starts_with("allowed: ")), "{bad:?}");
        }
    }
}
