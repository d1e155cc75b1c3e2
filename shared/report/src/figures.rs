//! Figures in the form that people read.

pub(super) use dicomperf_model::words::{bounds, figure, plural, ratio, ratio_with_interval, with_interval};
use jiff::Timestamp;

/// Formats a figure, or returns a dash if there is no value.
pub(super) fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), figure)
}

/// Formats a share of 0 to 1 in percent, without the sign.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0}", share * 100.0)
}

/// Formats a time: `2026-01-01 00:30:00 UTC`.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%F %T UTC").to_string()
}

/// Formats bytes in MB of 10^6 bytes.
pub(super) fn megabytes(bytes: f64) -> String {
    figure(bytes / 1e6)
}

/// Formats a threshold's limits: `at least 100`, `at most 200`, `100 to 200`.
pub(super) fn limits(min: Option<f64>, max: Option<f64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "nothing".to_owned(),
    }
}
