//! The section on the hosts' resource use during each scenario.

use super::{section, sender_name, the};
use crate::document::{Section, Table};
use crate::figures::{figure, megabytes, or_dash, percent};
use crate::names::Names;
use dicomperf_model::results::ResourceUse;
use dicomperf_model::results::Summary;

pub(super) fn hosts(summary: &Summary, names: &Names) -> Option<Section> {
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
        let hosts = [("server", &scenario.resources.server), (sender_name(summary), &scenario.resources.client)];
        for (role, used) in hosts.into_iter().filter_map(|(role, used)| Some((role, used.as_ref()?))) {
            let mut row = names.row(scenario.number);
            row.push(role.to_owned());
            row.extend(use_cells(used));
            rows.push(row);
        }
    }
    let caption = match summary.existing {
        Some(_) => format!("What {} used during the counted iterations", the(sender_name(summary))),
        None => "What both hosts used during the counted iterations".to_owned(),
    };
    let table = Table::new(caption, header, figures_from);
    let blocks = if rows.is_empty() { Vec::new() } else { vec![table.with_rows(rows).into()] };
    section("hosts", "What the hosts used", blocks)
}

fn use_cells(used: &ResourceUse) -> [String; 10] {
    let traffic = used.network.received_bytes_per_second + used.network.sent_bytes_per_second;
    let disk = used.disk.read_bytes_per_second + used.disk.written_bytes_per_second;
    let thread = used.orthanc.and_then(|orthanc| orthanc.busiest_thread);
    [
        percent(used.cpu.user + used.cpu.system),
        percent(used.busiest_cpu),
        or_dash(used.orthanc.map(|orthanc| orthanc.cpu_cores)),
        thread.map_or_else(|| "–".to_owned(), percent),
        percent(used.cpu.steal),
        megabytes(disk),
        percent(used.disk.busy),
        megabytes(traffic),
        figure(used.retransmitted_segments),
        figure(used.mean_run_queue),
    ]
}
