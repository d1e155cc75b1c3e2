//! `dicomperf list` and `show`: the runs of a stack.

use std::process::ExitCode;

use comfy_table::CellAlignment;
use dicomperf_aws::clients::records::RunRecord;
use dicomperf_aws::use_cases::runs::{RunPage, RunQuery, ShownRun};
use dicomperf_model::words;
use serde_json::{Map, Value};

use crate::answers::print_json;
use crate::arguments::{ListArguments, OneRunArguments};
use crate::service::Service;
use crate::table;

/// Runs of one call at most.
const MAX_PAGE: u32 = 100;
/// Characters of a fingerprint that a table shows.
const SHORT_FINGERPRINT: usize = 12;

/// `dicomperf list`
pub async fn list(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let runs = Service::find(&arguments.stack).await?.runs();
    let mut query = RunQuery {
        name: arguments.name.clone(),
        fingerprint: arguments.fingerprint.clone(),
        since: arguments.since,
        until: arguments.until,
        limit: None,
        page: None,
    };
    let mut found = RunPage { runs: Vec::new(), next: None };
    loop {
        let missing = arguments.limit.saturating_sub(u32::try_from(found.runs.len()).unwrap_or(u32::MAX));
        query.limit = Some(missing.clamp(1, MAX_PAGE));
        let page = runs.list(&query).await?;
        found.runs.extend(page.runs);
        found.next = page.next;
        if found.next.is_none() || found.runs.len() >= arguments.limit as usize {
            break;
        }
        query.page.clone_from(&found.next);
    }
    if arguments.json {
        print_json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.runs.is_empty() {
        println!("no run");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", runs_table(&found.runs));
    if found.next.is_some() {
        eprintln!("there are more: --limit N");
    }
    Ok(ExitCode::SUCCESS)
}

/// `dicomperf show RUN`
pub async fn show(arguments: &OneRunArguments) -> anyhow::Result<ExitCode> {
    let run = Service::find(&arguments.stack).await?.runs().find(&arguments.run).await?;
    if arguments.json {
        print_json(&run)?;
    } else {
        println!("{}", text(&run));
    }
    Ok(ExitCode::SUCCESS)
}

fn runs_table(runs: &[RunRecord]) -> String {
    let mut table = table::new(&["run", "name", "begun", "status", "verdict", "hosts left", "fingerprint"]);
    for run in runs {
        table.add_row([
            run.run_id.clone(),
            run.name.clone().unwrap_or_default(),
            format!("{:.0}", run.created_at),
            words_of(&run.status),
            run.verdict.map(|verdict| verdict.to_string()).unwrap_or_default(),
            run.hosts_left.map(|hosts| hosts.to_string()).unwrap_or_default(),
            run.fingerprint.as_deref().unwrap_or_default().chars().take(SHORT_FINGERPRINT).collect(),
        ]);
    }
    table::keep_whole(&mut table, 0);
    table.to_string()
}

fn text(run: &ShownRun) -> String {
    let record = &run.record;
    let mut lines = vec![format!("run         {}", record.run_id)];
    let mut add = |label: &str, value: Option<String>| lines.extend(value.map(|value| format!("{label:<12}{value}")));
    add("name", record.name.clone());
    add("begun", Some(format!("{:.0}", record.created_at)));
    add("status", Some(words_of(&record.status)));
    add("verdict", record.verdict.map(|verdict| verdict.to_string()));
    add("error", record.error.as_ref().map(|error| format!("{}: {}", error.error, error.cause)));
    let progress = record.progress.as_ref();
    add("progress", progress.map(|now| format!("{}: {} ({} of {})", now.step, now.doing, now.done, now.total)));
    add("schedule", record.schedule.clone());
    add("fingerprint", record.fingerprint.clone());
    add("ended", record.finished_at.map(|time| format!("{time:.0}")));
    add("hosts left", record.hosts_left.map(|hosts| hosts.to_string()));
    add("kept until", record.kept_until.map(|time| format!("{time:.0}")));
    add("hosts of", record.hosts_of.clone());
    add("report", record.report.clone());
    if !run.scenarios.is_empty() {
        lines.push(scenarios(&run.scenarios));
    }
    lines.join("\n")
}

fn scenarios(scenarios: &[Map<String, Value>]) -> String {
    let mut table = table::new(&["scenario", "valid", "instances/s", "MB/s", "p95 ms"]);
    for scenario in scenarios {
        let whole = |key: &str| scenario.get(key).map_or_else(|| "-".to_owned(), Value::to_string);
        let figure = |key: &str, part: &str, unit: f64| {
            let value = scenario.get(key).and_then(|figures| figures.get(part)).and_then(Value::as_f64);
            value.map_or_else(|| "-".to_owned(), |value| words::figure(value / unit))
        };
        table.add_row([
            whole("scenario"),
            format!("{}/{}", whole("validIterations"), whole("countedIterations")),
            figure("instancesPerSecond", "median", 1.0),
            figure("bytesPerSecond", "median", 1e6),
            figure("latencyMs", "p95", 1.0),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// Returns a status in lower case: `succeeded`.
fn words_of(status: &dicomperf_model::results::RunStatus) -> String {
    status.to_string().to_lowercase()
}

#[cfg(test)]
mod tests {
    use dicomperf_model::results::RunStatus;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_that_is_not_planned_yet_and_one_with_figures_can_both_be_shown() {
        let record = RunRecord::new("run-1", RunStatus::Running, "2026-01-01T00:00:00Z".parse().expect("a time"));
        let shown = text(&ShownRun { record: record.clone(), scenarios: Vec::new() });
        assert!(shown.ends_with("status      running"), "{shown}");
        let scenario = json!({
            "scenario": 3, "validIterations": 4, "countedIterations": 5, "latencyMs": { "p95": 12.5 },
            "instancesPerSecond": { "median": 105.2 }, "bytesPerSecond": null,
        });
        let scenario = scenario.as_object().expect("an object").clone();
        let shown = text(&ShownRun { record, scenarios: vec![scenario] });
        let row = shown.lines().find(|line| line.contains("4/5")).expect("a row");
        assert_eq!(row.split(['│', '┆']).map(str::trim).collect::<Vec<_>>(), ["", "3", "4/5", "105", "-", "12.5", ""]);
    }
}
