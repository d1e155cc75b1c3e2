//! The sections on the run itself: its cost, its dataset and its files.

use std::collections::BTreeSet;

use super::section;
use crate::document::{Block, Section, Text};
use crate::figures::{megabytes, plural, time};
use dicomperf_model::keys::RunKeys;
use dicomperf_model::results::Summary;
use dicomperf_model::step::{HostRole, StepId};

#[expect(clippy::cast_precision_loss, reason = "for display")]
pub(super) fn run(summary: &Summary) -> Option<Section> {
    let dataset = &summary.dataset;
    let mut items = vec![
        format!(
            "run {}, fingerprint {} ({}; only runs that share it are compared)",
            summary.run_id,
            summary.fingerprint,
            match (&summary.existing, summary.hosts.is_sent_from_here()) {
                (None, _) => "hardware and dataset",
                (Some(_), false) => "address of the server, hardware of the client, and dataset",
                (Some(_), true) => "address of the server, and dataset; the hardware is not known",
            }
        ),
        format!(
            "from {} to {}; {}",
            time(summary.started_at),
            time(summary.finished_at),
            match summary.hosts.iter().next() {
                None => "no host was launched".to_owned(),
                Some(_) if summary.hosts_of.is_some() => {
                    format!(
                        "on the hosts of run {}, which pays for them",
                        summary.hosts_of.as_deref().unwrap_or_default()
                    )
                }
                Some(_) => format!(
                    "at most {:.3} US dollars at list price, {:.3} were expected",
                    summary.cost_usd_at_most, summary.estimate.cost_usd
                ),
            }
        ),
        format!(
            "dataset: {}, {} MB, hash {}",
            plural(dataset.instances, "instance"),
            megabytes(dataset.bytes as f64),
            dataset.hash
        ),
    ];
    items.extend(dataset.sha256.iter().map(|sha256| format!("SHA-256 over the files' own: {sha256}")));
    items.extend(summary.clocks.iter().map(|clock| {
        format!(
            "clocks: durationMs from {} ({} ns); C-STOREs from {}",
            clock.duration, clock.resolution_ns, clock.latency
        )
    }));
    section("run", "Run", vec![Block::List(items.into_iter().map(Into::into).collect())])
}

pub(super) fn files(summary: &Summary) -> Option<Section> {
    let keys = RunKeys(&summary.run_id);
    if summary.hosts.is_sent_from_here() {
        let text = Text::from("Beside this report: ").file("report.json").and(", ").file("report.md");
        let text = text.and(", ").file("measure.log");
        return section("files", "Files", vec![Block::Paragraph(text)]);
    }
    let prefix = keys.prefix();
    let beside = |key: String| key.strip_prefix(&prefix).map_or_else(String::new, str::to_owned);
    let listed = |what: &str, keys: Vec<String>| {
        let text = Text::from(format!("{what}: "));
        keys.into_iter().enumerate().fold(text, |text, (index, key)| {
            let text = if index > 0 { text.and(", ") } else { text };
            text.file(beside(key))
        })
    };
    let measured: BTreeSet<_> = summary
        .scenarios
        .iter()
        .flat_map(|one| one.iterations.iter().map(|iteration| iteration.ordinal))
        .chain(summary.network.iter().map(|one| one.ordinal))
        .collect();
    let mut items = vec![
        listed("this report", vec![keys.report("json"), keys.report("md")]),
        listed("request and plan", vec![keys.request(), keys.plan()]),
    ];
    if !measured.is_empty() {
        let blocks = measured.iter().map(|&ordinal| keys.block(ordinal)).collect();
        items.push(listed("measurements of each block run", blocks));
        let samples = summary.hosts.iter().map(|(host, _)| keys.samples(host)).collect();
        items.push(listed("samples of the hosts", samples));
    }
    let (reports, logs) = reports_and_logs(summary, keys, &measured);
    if !reports.is_empty() {
        items.push(listed("reports of the other steps", reports));
        items.push(listed("logs", logs));
    }
    let words = "Beside this report in the bucket, under the run's own prefix:";
    section("files", "Files", vec![Block::words(words), Block::List(items)])
}

/// Returns the keys of the steps' reports, without those of the measurements, and of all logs.
fn reports_and_logs(summary: &Summary, keys: RunKeys<'_>, measured: &BTreeSet<u32>) -> (Vec<String>, Vec<String>) {
    let (mut reports, mut logs) = (Vec::new(), Vec::new());
    if summary.versions.client.is_some() {
        reports.push(keys.step_report(&StepId::ConfigureClient));
        logs.push(keys.log(&StepId::ConfigureClient));
    }
    for &ordinal in measured {
        // No step runs on an existing server.
        if summary.hosts.server.is_some() {
            reports.push(keys.step_report(&StepId::ConfigureServer { ordinal }));
            logs.push(keys.log(&StepId::ConfigureServer { ordinal }));
        }
        logs.push(keys.log(&StepId::Measure { ordinal, part: 0 }));
    }
    if summary.server_configuration.is_some() {
        reports.push(keys.step_report(&StepId::Collect));
        logs.extend([keys.log(&StepId::Collect), keys.host_log(HostRole::Server, "orthanc")]);
    }
    (reports, logs)
}

pub(super) fn how_to_read() -> Option<Section> {
    let words = "Instances/s is the median over the valid counted iterations with its 95% interval, MAD their median \
                 absolute deviation; an iteration counts from its first C-STORE request to its last response. Percentiles \
                 are of all C-STOREs of these iterations together. A comparison is called improved or regressed only \
                 where its whole interval lies beyond 2%. MB is 10^6 bytes. More: docs/results.md; every iteration: \
                 report.json.";
    section("how-to-read", "How to read this", vec![Block::words(words)])
}
