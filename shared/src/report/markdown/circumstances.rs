//! The sections on what surrounds the figures: where the time goes, what the hosts used, what the network could do.

use std::fmt::Write as _;

use super::table::{Names, table};
use super::text::{escaped, figure, or_none};
use crate::resources::ResourceUse;
use crate::summary::{LatencySummary, Summary};

pub(super) fn warnings(summary: &Summary, names: &Names) -> String {
    let mut text = String::new();
    for scenario in &summary.scenarios {
        for warning in &scenario.warnings {
            let _ = writeln!(text, "- {}: {}", names.of_scenario(scenario.scenario), escaped(warning));
        }
    }
    section("Warnings", &text)
}

pub(super) fn decomposition(summary: &Summary, names: &Names) -> String {
    let mut header = names.header();
    let figures_from = header.len();
    let columns = [
        "start ms",
        "association ms",
        "first C-STORE ms",
        "C-STORE ms",
        "per instance ms",
        "per MB ms",
        "between ms",
        "release ms",
        "server's store ms",
        "network floor ms",
    ];
    header.extend(columns.map(str::to_owned));
    let mut rows = Vec::new();
    for scenario in &summary.scenarios {
        let Some(parts) = &scenario.decomposition else { continue };
        let p50 = |latency: &Option<LatencySummary>| or_none(latency.map(|latency| latency.p50));
        let mut row = names.row(scenario.scenario);
        row.extend([
            p50(&parts.startup_ms),
            p50(&parts.association_ms),
            p50(&parts.first_store_ms),
            p50(&scenario.latency_ms),
            or_none(parts.by_size.map(|by_size| by_size.per_instance_ms)),
            or_none(parts.by_size.map(|by_size| by_size.per_megabyte_ms)),
            or_none(parts.between_stores_ms),
            p50(&parts.release_ms),
            parts.server_store_ms_at_most.map_or_else(|| "–".to_owned(), |slowest| format!("≤ {slowest:.0}")),
            or_none(parts.network_floor_ms),
        ]);
        rows.push(row);
    }
    if rows.is_empty() {
        return String::new();
    }
    let words = "Medians, but for *per instance* and *per MB*, which are the least squares line through all C-STOREs of a \
                 dataset with several sizes, *between*, a mean, and the server's own figure, its slowest store.";
    section("Where the time goes", &format!("{}\n{words}\n", table(&header, figures_from, &rows)))
}

pub(super) fn resources(summary: &Summary, names: &Names) -> String {
    let mut header = names.header();
    header.push("host".to_owned());
    let figures_from = header.len();
    let columns = [
        "CPU %",
        "busiest CPU %",
        "Orthanc's CPUs",
        "its busiest thread %",
        "steal %",
        "disk MB/s",
        "disk busy %",
        "network MB/s",
        "retransmits",
        "run queue",
    ];
    header.extend(columns.map(str::to_owned));
    let mut rows = Vec::new();
    for scenario in &summary.scenarios {
        let hosts = [("server", &scenario.resources.server), ("client", &scenario.resources.client)];
        for (role, used) in hosts.into_iter().filter_map(|(role, used)| Some((role, used.as_ref()?))) {
            let mut row = names.row(scenario.scenario);
            row.push(role.to_owned());
            row.extend(used_by(used));
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    section("What the hosts used", &table(&header, figures_from, &rows))
}

fn used_by(used: &ResourceUse) -> [String; 10] {
    let percent = |share: f64| format!("{:.0}", share * 100.0);
    let cpu = used.cpu.user + used.cpu.system;
    let traffic = used.network.received_bytes_per_second + used.network.sent_bytes_per_second;
    let disk = used.disk.read_bytes_per_second + used.disk.written_bytes_per_second;
    let thread = used.orthanc.and_then(|orthanc| orthanc.busiest_thread);
    [
        percent(cpu),
        percent(used.busiest_cpu),
        or_none(used.orthanc.map(|orthanc| orthanc.cpu_cores)),
        thread.map_or_else(|| "–".to_owned(), percent),
        percent(used.cpu.steal),
        figure(disk / 1e6),
        percent(used.disk.busy),
        figure(traffic / 1e6),
        figure(used.retransmitted_segments),
        figure(used.mean_run_queue),
    ]
}

pub(super) fn network(summary: &Summary) -> String {
    let header = ["block", "round", "to server MB/s", "from server MB/s", "retransmits", "round trip ms", "path MTU"];
    let header = header.map(str::to_owned);
    let mut rows = Vec::new();
    let mut failed = String::new();
    for one in &summary.network {
        let (block, round) = (one.block.to_string(), one.round.to_string());
        match &one.baseline {
            Some(baseline) => rows.push(vec![
                block,
                round,
                figure(baseline.to_server_bytes_per_second / 1e6),
                figure(baseline.from_server_bytes_per_second / 1e6),
                (baseline.retransmits_to_server + baseline.retransmits_from_server).to_string(),
                figure(baseline.round_trip.median_ms),
                baseline.path_mtu_bytes.to_string(),
            ]),
            None => {
                let why = escaped(one.error.as_deref().unwrap_or("nobody said why"));
                let _ = writeln!(failed, "\n- block {block}, round {round}: not measured: {why}");
            }
        }
    }
    if rows.is_empty() && failed.is_empty() {
        return String::new();
    }
    let rows = if rows.is_empty() { String::new() } else { table(&header, 2, &rows) };
    section("What the network can do", &format!("{rows}{failed}"))
}

fn section(title: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("## {title}\n\n{}\n", text.trim_end()) }
}
