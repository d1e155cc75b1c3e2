//! The report of a run in several forms. JSON is the [`Summary`] itself; Markdown and HTML are rendered from one
//! document.
//!
//! docs/report.md describes the contents.

mod chart;
mod document;
#[cfg(test)]
mod existing_tests;
mod figures;
#[cfg(test)]
mod fixtures;
mod history;
mod history_runs;
mod html;
mod json;
mod markdown;
mod names;
mod sections;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use self::history_runs::{HistoryPage, MAX_RUNS};
pub use self::json::{json, schema};
use dicomperf_model::results::RunComparison;
use dicomperf_model::results::Summary;

/// Renders report.md: the report as GitHub-flavoured Markdown. Text from a request, an object or an error is escaped.
#[must_use]
pub fn markdown(summary: &Summary) -> String {
    markdown::render(&sections::document(summary))
}

/// Renders report.html: the same report as one file that needs no network and runs no script.
#[must_use]
pub fn html(summary: &Summary) -> String {
    html::render(&sections::document(summary))
}

/// Renders a comparison of two runs as GitHub-flavoured Markdown.
#[must_use]
pub fn comparison_markdown(comparison: &RunComparison) -> String {
    markdown::render(&sections::two_runs::document(comparison))
}

/// Renders a comparison of two runs as one HTML file.
#[must_use]
pub fn comparison_html(comparison: &RunComparison) -> String {
    html::render(&sections::two_runs::document(comparison))
}

/// Renders index.html: the page of all runs, as one file that needs no network.
#[must_use]
pub fn history_page(page: &HistoryPage<'_>) -> String {
    history::render(page)
}
