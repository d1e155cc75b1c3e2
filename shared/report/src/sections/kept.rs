//! The sections on hosts that stay after the report, and on the builds of Orthanc.

use super::{row, section, table_section};
use crate::document::{Block, Section, Table, Text};
use crate::figures::time;
use dicomperf_model::results::Summary;

/// The commands for the hosts that the run keeps.
pub(super) fn hosts(summary: &Summary) -> Option<Section> {
    let kept = summary.kept.as_ref()?;
    let words = format!(
        "The hosts stay until {}. Then they are torn down, unless that was requested earlier.",
        time(kept.until)
    );
    let commands = kept.commands.iter();
    let commands = commands.map(|one| Text::from(format!("To {}: ", one.purpose)).strong(&one.command)).collect();
    section("kept-hosts", "Hosts that stay", vec![Block::words(words), Block::List(commands)])
}

/// The builds of Orthanc, as each reported its version.
pub(super) fn builds(summary: &Summary) -> Option<Section> {
    let rows = summary.builds.iter().map(|one| {
        let version = one.version.clone().unwrap_or_else(|| "not configured".to_owned());
        row([one.block.to_string(), one.build.clone(), version])
    });
    let table = Table::new("The builds of Orthanc and their versions", ["block", "build", "version"], 3);
    table_section("builds", "Builds of Orthanc", table.with_rows(rows))
}
