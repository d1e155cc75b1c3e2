//! The section on the errors of a run: its first error, failed steps and remaining hosts.

use super::section;
use crate::document::{Block, Section, Text};
use crate::figures::plural;
use dicomperf_model::results::Summary;

pub(super) fn errors(summary: &Summary) -> Option<Section> {
    let mut blocks = Vec::new();
    if let Some(error) = &summary.error {
        blocks.push(Block::words(Text::new().strong(&error.error)));
        blocks.push(Block::Quote(error.cause.clone()));
    }
    for failed in &summary.failed_steps {
        let text = Text::from(format!("{} host, step {}: ", failed.host, failed.step)).strong(&failed.error.name);
        blocks.extend([Block::Paragraph(text), Block::Quote(failed.error.message.clone())]);
    }
    if summary.hosts_left > 0 {
        let hosts = format!("{} left", plural(summary.hosts_left, "host"));
        let text = Text::new().strong(hosts).and(": reap continues to remove everything with this run's tag.");
        blocks.push(Block::Paragraph(text));
    }
    section("error", "Error", blocks)
}
