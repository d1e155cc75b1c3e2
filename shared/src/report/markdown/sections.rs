//! The report's sections. One that has nothing to say is empty.

use std::fmt::Write as _;

use super::table::{Names, SETTINGS, plain, setting_name, table, value};
use super::text::{escaped, figure, or_none, plural, quoted, ratio, ratio_with_interval, with_interval};
use crate::plan::HostPlan;
use crate::summary::{ScenarioComparison, Summary, setting_fields};
use crate::verdict::{LEAST_RUNS, ThresholdState, metric_name};

/// No table of more rows: beyond them one looks into report.json.
const MOST_ROWS: usize = 100;

pub(super) fn error(summary: &Summary) -> String {
    let mut text = String::new();
    if let Some(error) = &summary.error {
        let _ = write!(text, "## Error\n\n**{}**\n\n{}", escaped(&error.error), quoted(&error.cause));
    }
    for failed in &summary.failed_steps {
        let (step, name) = (escaped(&failed.step), escaped(&failed.error.name));
        let _ = write!(text, "\n{} host, step {step}: **{name}**\n\n{}", failed.host, quoted(&failed.error.message));
    }
    if summary.hosts_left > 0 {
        let hosts = plural(summary.hosts_left, "host");
        let _ = write!(text, "\n**{hosts} left**: `reap` goes on removing what carries this run's tag.\n");
    }
    match text.starts_with("## Error") || text.is_empty() {
        true => text,
        false => format!("## Error\n{text}"),
    }
}

pub(super) fn results(summary: &Summary, names: &Names) -> String {
    let mut header = names.header();
    let figures_from = header.len();
    let columns = ["instances/s", "MAD", "MB/s", "p50 ms", "p90 ms", "p95 ms", "p99 ms", "max ms", "C-STOREs", "valid"];
    header.extend(columns.map(str::to_owned));
    let rows: Vec<_> = summary
        .scenarios
        .iter()
        .map(|one| {
            let rate = match (&one.instances_per_second, one.valid_iterations) {
                (None, _) => "–".to_owned(),
                (Some(rate), 1) => figure(rate.median),
                (Some(rate), _) => with_interval(rate),
            };
            let mut row = names.row(one.scenario);
            row.extend([
                rate,
                or_none(one.instances_per_second_mad),
                or_none(one.bytes_per_second.map(|rate| rate.median / 1e6)),
                or_none(one.latency_ms.map(|latency| latency.p50)),
                or_none(one.latency_ms.map(|latency| latency.p90)),
                or_none(one.latency_ms.map(|latency| latency.p95)),
                or_none(one.latency_ms.map(|latency| latency.p99)),
                or_none(one.latency_ms.map(|latency| latency.max)),
                one.c_stores.to_string(),
                format!("{}/{}", one.valid_iterations, one.planned_iterations),
            ]);
            row
        })
        .collect();
    format!("## Results\n\n{}", table(&header, figures_from, &rows))
}

pub(super) fn comparisons(summary: &Summary, names: &Names) -> String {
    // Of an axis with many values each is shown against the first; all pairs are in report.json.
    let against_first: Vec<_> = summary
        .comparisons
        .iter()
        .filter(|one| {
            !summary
                .comparisons
                .iter()
                .any(|other| other.b == one.a && other.difference.setting == one.difference.setting)
        })
        .collect();
    if against_first.is_empty() {
        return String::new();
    }
    let mut text = "## Comparisons within the run\n\n".to_owned();
    for comparison in against_first.iter().take(MOST_ROWS) {
        let _ = writeln!(text, "- {}", compared(comparison, names));
    }
    let left = summary.comparisons.len() - against_first.len().min(MOST_ROWS);
    if left > 0 {
        let _ = writeln!(text, "\n{left} more pairs are in report.json.");
    }
    text
}

/// `TCP_NODELAY on is 6.3 (5.9–6.8) times as fast as off`, with what both have in common, and the verdict.
fn compared(comparison: &ScenarioComparison, names: &Names) -> String {
    let difference = &comparison.difference;
    let setting = setting_name(&difference.setting);
    let (a, b) = (value(&difference.a), value(&difference.b));
    let others = match names.without(comparison.b, setting) {
        others if others.is_empty() => String::new(),
        others => format!(", with {others}"),
    };
    let verdict = comparison.verdict.name();
    let reason = comparison.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", escaped(reason)));
    match &comparison.ratio {
        Some(ratio) => {
            let ratio = ratio_with_interval(ratio);
            format!("{setting} {b} is {ratio} times as fast as {a}{others}: **{verdict}**{reason}")
        }
        None => format!("{setting} {b} against {a}{others}: **{verdict}**{reason}"),
    }
}

pub(super) fn baseline(summary: &Summary, names: &Names) -> String {
    if summary.baseline.is_empty() {
        return String::new();
    }
    let mut text = "## Against earlier runs\n\n".to_owned();
    for one in &summary.baseline {
        let scenario = names.of_scenario(one.scenario);
        let verdict = one.verdict.name();
        let _ = match (&one.noise, one.ratio) {
            (Some(noise), Some(times)) => writeln!(
                text,
                "- {scenario}: {} times the median of {} earlier runs, {} instances/s; an unchanged run lies between {} \
                 and {}: **{verdict}**",
                ratio(times),
                one.runs,
                one.history_median.map_or_else(String::new, figure),
                figure(noise.low),
                figure(noise.high),
            ),
            _ if one.runs_missing > 0 => writeln!(
                text,
                "- {scenario}: **{verdict}**: {} of {LEAST_RUNS} earlier runs of the same fingerprint and settings \
                 exist, {} missing",
                one.runs, one.runs_missing,
            ),
            _ => writeln!(text, "- {scenario}: **{verdict}**: there is no valid iteration"),
        };
    }
    text
}

pub(super) fn thresholds(summary: &Summary, names: &Names) -> String {
    if summary.thresholds.is_empty() {
        return String::new();
    }
    let header = ["metric", "asked for", "scenario", "value", ""].map(str::to_owned);
    let (broken, kept): (Vec<_>, Vec<_>) =
        summary.thresholds.iter().partition(|outcome| outcome.state == ThresholdState::Broken);
    let rows: Vec<_> = broken
        .iter()
        .chain(&kept)
        .take(MOST_ROWS)
        .map(|outcome| {
            let state = match outcome.state {
                ThresholdState::Kept => "kept",
                ThresholdState::Broken => "**broken**",
                ThresholdState::NotMeasured => "not measured",
            };
            vec![
                metric_name(outcome.metric).to_owned(),
                limits(outcome.min, outcome.max),
                names.of_scenario(outcome.scenario),
                or_none(outcome.value),
                state.to_owned(),
            ]
        })
        .collect();
    format!("## Thresholds\n\n{}{}", table(&header, header.len(), &rows), more(summary.thresholds.len()))
}

/// `at least 100`, `at most 200`, `100 to 200`.
pub(super) fn limits(min: Option<f64>, max: Option<f64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "nothing".to_owned(),
    }
}

pub(super) fn invalid(summary: &Summary, names: &Names) -> String {
    let invalid: Vec<_> = summary
        .scenarios
        .iter()
        .flat_map(|scenario| scenario.iterations.iter().map(move |iteration| (scenario.scenario, iteration)))
        .filter(|(_, iteration)| !iteration.valid)
        .collect();
    if invalid.is_empty() {
        return String::new();
    }
    let header = ["scenario", "round", "iteration", "sent", "stored", "reason"].map(str::to_owned);
    let rows: Vec<_> = invalid
        .iter()
        .take(MOST_ROWS)
        .map(|(scenario, iteration)| {
            let warmup = if iteration.warmup { " (warm-up)" } else { "" };
            vec![
                names.of_scenario(*scenario),
                iteration.round.to_string(),
                format!("{}{warmup}", iteration.index),
                iteration.instances_sent.to_string(),
                iteration.instances_stored.to_string(),
                escaped(iteration.reason.as_deref().unwrap_or("no reason is given")),
            ]
        })
        .collect();
    format!("## Invalid iterations\n\n{}{}", table(&header, header.len(), &rows), more(invalid.len()))
}

pub(super) fn not_measured(summary: &Summary, names: &Names) -> String {
    if summary.not_measured.is_empty() {
        return String::new();
    }
    let mut text = "## Not measured\n\n".to_owned();
    for one in summary.not_measured.iter().take(MOST_ROWS) {
        let iterations = plural(one.iterations, "iteration");
        let _ = writeln!(text, "- {iterations} in round {} of {}", one.round, names.of_scenario(one.scenario));
    }
    text + &more(summary.not_measured.len())
}

pub(super) fn samples(summary: &Summary) -> String {
    let differing: Vec<_> = summary.samples.iter().filter(|sample| !sample.check.differences.is_empty()).collect();
    if differing.is_empty() {
        return String::new();
    }
    let mut text = "## Instances that came back different\n\n".to_owned();
    for sample in differing {
        let differences: Vec<_> = sample.check.differences.iter().map(|one| escaped(one)).collect();
        let uid = escaped(&sample.check.sop_instance_uid);
        let _ = writeln!(text, "- block {}, round {}, {uid}: {}", sample.block, sample.round, differences.join("; "));
    }
    text
}

pub(super) fn refused(summary: &Summary) -> String {
    let refused = &summary.dataset.refused;
    if refused.is_empty() {
        return String::new();
    }
    let rows: Vec<_> =
        refused.iter().take(MOST_ROWS).map(|one| vec![escaped(&one.key), escaped(&one.reason)]).collect();
    let header = ["object".to_owned(), "reason".to_owned()];
    format!("## Objects that were left out\n\n{}{}", table(&header, header.len(), &rows), more(refused.len()))
}

pub(super) fn notes(summary: &Summary) -> String {
    if summary.notes.is_empty() {
        return String::new();
    }
    summary.notes.iter().fold("## Notes\n\n".to_owned(), |text, note| text + "- " + &escaped(note) + "\n")
}

pub(super) fn configuration(summary: &Summary, names: &Names) -> String {
    let header = ["", "server", "client"].map(str::to_owned);
    let (server, client) = (&summary.versions.server, &summary.versions.client);
    let of = |version: Option<&str>| version.map_or_else(|| "–".to_owned(), escaped);
    let host = |plan: &HostPlan| match plan.cpu_credits {
        Some(credits) => format!("{}, {} credits", escaped(&plan.instance_type), format!("{credits:?}").to_lowercase()),
        None => escaped(&plan.instance_type),
    };
    let (planned_server, planned_client) = (&summary.hosts.server, &summary.hosts.client);
    let mut rows = vec![
        vec!["type".to_owned(), host(planned_server), host(planned_client)],
        vec![
            "volume".to_owned(),
            format!("{} GiB", planned_server.volume_gib),
            format!("{} GiB", planned_client.volume_gib),
        ],
        vec!["AMI".to_owned(), escaped(&planned_server.ami), escaped(&planned_client.ami)],
    ];
    for (name, version) in [
        ("operating system", [server.as_ref().map(|host| &*host.os), client.as_ref().map(|host| &*host.os)]),
        ("kernel", [server.as_ref().map(|host| &*host.kernel), client.as_ref().map(|host| &*host.kernel)]),
        ("agent", [server.as_ref().map(|host| &*host.agent), client.as_ref().map(|host| &*host.agent)]),
        ("Orthanc", [server.as_ref().and_then(|host| host.orthanc.as_deref()), None]),
        ("DCMTK", [None, client.as_ref().and_then(|host| host.dcmtk.as_deref())]),
    ] {
        rows.push(vec![name.to_owned(), of(version[0]), of(version[1])]);
    }
    let mut text = format!("## Configuration\n\n{}", table(&header, header.len(), &rows));
    if let Some(scenario) = summary.scenarios.first() {
        let settings = setting_fields(&scenario.settings);
        let alike: Vec<_> = SETTINGS
            .iter()
            .filter(|(_, name)| !names.settings.contains(name))
            .filter_map(|(key, name)| Some(format!("{name} {}", value(settings.get(*key)?))))
            .collect();
        if !alike.is_empty() {
            let _ = writeln!(text, "\nIn every scenario: {}.", alike.join(", "));
        }
    }
    if let Some(live) = &summary.server_configuration {
        let environment = live.environment.iter().map(|entry| (entry, "environment"));
        let keys = live.orthanc.iter().map(|entry| (entry, "configuration"));
        let rows: Vec<_> = environment
            .chain(keys)
            .take(MOST_ROWS)
            .map(|((key, value), of)| vec![of.to_owned(), escaped(key), escaped(&plain(value))])
            .collect();
        let header = ["Orthanc in the last block run", "key", "value"].map(str::to_owned);
        text +=
            &format!("\n{}{}", table(&header, header.len(), &rows), more(live.environment.len() + live.orthanc.len()));
    }
    text
}

pub(super) fn run(summary: &Summary) -> String {
    let dataset = &summary.dataset;
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let megabytes = figure(dataset.bytes as f64 / 1e6);
    let mut text = format!(
        "## Run\n\n- run {}, fingerprint {} (hardware and dataset; only runs that share it are compared)\n- from {} to {}; \
         at most {:.3} US dollars at list price, {:.3} were expected\n- dataset: {}, {megabytes} MB, hash {}\n",
        escaped(&summary.run_id),
        escaped(&summary.fingerprint),
        summary.started_at,
        summary.finished_at,
        summary.cost_usd_at_most,
        summary.estimate.cost_usd,
        plural(dataset.instances, "instance"),
        escaped(&dataset.hash),
    );
    for clock in &summary.clocks {
        let (duration, latency) = (escaped(&clock.duration), escaped(&clock.latency));
        let _ = writeln!(
            text,
            "- clocks: durationMs from {duration} ({} ns); C-STOREs from {latency}",
            clock.resolution_ns
        );
    }
    text
}

pub(super) const fn how_to_read() -> &'static str {
    "## How to read this\n\n\
     Instances/s is the median over the valid counted iterations with its 95% interval, MAD their median absolute \
     deviation; an iteration counts from its first C-STORE request to its last response. Percentiles are of all C-STOREs \
     of these iterations together. A comparison is called improved or regressed only where its whole interval lies beyond \
     2%. MB is 10^6 bytes. More: docs/results.md; every iteration: report.json.\n"
}

fn more(rows: usize) -> String {
    match rows.saturating_sub(MOST_ROWS) {
        0 => String::new(),
        left => format!("\n{left} more are in report.json.\n"),
    }
}
