//! Figures as a person reads them.

use jiff::Timestamp;

use crate::statistics::Interval;

/// A figure with three significant digits, or all of its integer part.
pub(super) fn figure(value: f64) -> String {
    format!("{value:.*}", decimals(value))
}

/// A figure, or a dash where there is none.
pub(super) fn or_none(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), figure)
}

/// A share of 1 in percent, without the sign.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0}", share * 100.0)
}

/// A median and its interval, all to the median's precision.
pub(super) fn with_interval(interval: &Interval) -> String {
    format!("{} ({})", figure(interval.median), bounds(interval))
}

/// The bounds of an interval, to its median's precision.
pub(super) fn bounds(interval: &Interval) -> String {
    let decimals = decimals(interval.median);
    format!("{:.decimals$}–{:.decimals$}", interval.low, interval.high)
}

/// A ratio: near 1 the second decimal matters, far from it none does.
pub(super) fn ratio(value: f64) -> String {
    format!("{value:.*}", ratio_decimals(value))
}

/// A ratio and its interval, all to the ratio's precision.
pub(super) fn ratio_with_interval(interval: &Interval) -> String {
    let decimals = ratio_decimals(interval.median);
    format!("{:.decimals$} ({:.decimals$}–{:.decimals$})", interval.median, interval.low, interval.high)
}

/// A time as people need it: `2026-01-01 00:30:00 UTC`.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%F %T UTC").to_string()
}

/// `1 host`, `2 hosts`.
pub(super) fn plural(count: u32, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// Bytes in MB, of 10^6.
pub(super) fn megabytes(bytes: f64) -> String {
    figure(bytes / 1e6)
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

fn decimals(value: f64) -> usize {
    match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        0.0 => 0,
        _ => 3,
    }
}

fn ratio_decimals(value: f64) -> usize {
    match value {
        size if size >= 9.95 => 0,
        size if size >= 1.995 => 1,
        size if size >= 0.1 => 2,
        _ => 3,
    }
}
