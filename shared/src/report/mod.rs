//! One [`Summary`] in several forms: JSON as it is, Markdown and HTML by way of one document. What it shows: docs/report.md.

mod chart;
mod document;
mod figures;
#[cfg(test)]
mod fixtures;
mod html;
mod json;
mod markdown;
mod names;
mod sections;
#[cfg(test)]
mod tests;

pub use self::json::{json, schema};
use crate::comparison::RunComparison;
use crate::summary::Summary;

/// report.md: the report as GitHub-flavoured Markdown. Text that came from a request, an object or an error is escaped.
#[must_use]
pub fn markdown(summary: &Summary) -> String {
    markdown::render(&sections::document(summary))
}

/// report.html: the same as one file that needs no network and runs no script.
#[must_use]
pub fn html(summary: &Summary) -> String {
    html::render(&sections::document(summary))
}

/// Two runs side by side, as GitHub-flavoured Markdown.
#[must_use]
pub fn comparison_markdown(comparison: &RunComparison) -> String {
    markdown::render(&sections::two_runs::document(comparison))
}

/// Two runs side by side, as one HTML file.
#[must_use]
pub fn comparison_html(comparison: &RunComparison) -> String {
    html::render(&sections::two_runs::document(comparison))
}
