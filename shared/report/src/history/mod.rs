//! The page of all runs: counts, filters, a chart for each fingerprint and scenario, and a table of runs.
//!
//! The page is one file that needs no network. Its script is small and fixed: the content security policy allows this
//! one script by its hash, so nothing that a request contains can run. The figures are JSON beside it, which the script
//! writes into the page as text only.

mod data;
#[cfg(test)]
mod tests;

use dicomperf_model::hash::sha256_base64;
use dicomperf_model::words::plural;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::history_runs::HistoryPage;

const STYLE_SHEET: &str = include_str!("../html/report.css");
const OWN_STYLE: &str = include_str!("history.css");
const SCRIPT: &str = include_str!("history.js");

/// Renders the page.
pub(super) fn render(page: &HistoryPage<'_>) -> String {
    let data = data::Data::new(page);
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        sha256_base64(SCRIPT.as_bytes())
    );
    let made_at = page.made_at.strftime("%Y-%m-%d %H:%M UTC");
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { "dicomperf: all runs" }
                style { (PreEscaped(STYLE_SHEET)) (PreEscaped(OWN_STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the runs" }
                header {
                    h1 { "dicomperf: all runs" }
                    p.lead #lead { (lead(&data)) }
                    p.subtitle { "Written " (made_at) "." @if let Some(note) = data.left_out() { " " (note) } }
                    noscript { p { "This page needs its own script for the charts and the table." } }
                }
                main #main tabindex="-1" { (content(&data)) }
                footer { p { "Made by dicomperf." } }
                script #data type="application/json" { (PreEscaped(data.json())) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string()
}

fn lead(data: &data::Data) -> String {
    match data.runs() {
        0 => "No run is finished yet.".to_owned(),
        runs => format!("{}, {}.", plural(runs as u64, "run"), plural(data.changes() as u64, "change point")),
    }
}

fn content(data: &data::Data) -> Markup {
    html! {
        dl.key #counts {}
        form.filters #filters role="search" aria-label="Filter the runs" {
            div { label for="text" { "Text" } input #text type="search" autocomplete="off"; }
            (select("name", "Name", "all names"))
            (select("verdict", "Verdict", "all verdicts"))
            (select("fingerprint", "Fingerprint", "all fingerprints"))
            div { label for="from" { "From" } input #from type="date"; }
            div { label for="to" { "To" } input #to type="date"; }
            button #reset type="reset" { "All runs" }
        }
        p #status role="status" {}
        section #course aria-labelledby="course-title" {
            h2 #course-title { "Throughput over time" }
            @if data.has_series() {
                p {
                    "Each point is the median of one run. The band is the noise of the runs since the last change point. "
                    "A vertical line is a change point, with the ratio of the medians after and before it."
                }
            } @else {
                p { "No run has figures yet." }
            }
            div.charts #charts {}
            p { button #more type="button" hidden { "More charts" } }
        }
        section #runs aria-labelledby="runs-title" {
            h2 #runs-title { "Runs" }
            p #compare role="status" { "Select two runs to compare them." }
            div.scroll role="region" tabindex="0" aria-label="Table of runs" {
                table {
                    caption { "The runs that match, the latest first" }
                    thead { tr {
                        @for column in ["Run", "Time", "Verdict", "Fingerprint", "Report"] { th scope="col" { (column) } }
                    } }
                    tbody #rows {}
                }
            }
            nav.pages aria-label="Pages of the table" {
                button #previous type="button" { "Newer" }
                span #place {}
                button #next type="button" { "Older" }
            }
        }
    }
}

fn select(id: &str, label: &str, all: &str) -> Markup {
    html! { div { label for=(id) { (label) } select id=(id) { option value="" { (all) } } } }
}
