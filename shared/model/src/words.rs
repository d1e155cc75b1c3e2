//! Values, figures and lists in words for a person. Every report and message takes its words from here.

use serde_json::Value;

use crate::statistics::Interval;

/// Writes a value of a setting: `on`, `default`, `StorageCompression=on`.
#[must_use]
pub fn value(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(self::value).collect::<Vec<_>>().join(", "),
        Value::Object(entries) if entries.is_empty() => "default".to_owned(),
        Value::Object(entries) => {
            entries.iter().map(|(key, value)| format!("{key}={}", self::value(value))).collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) => number.to_string(),
    }
}

/// Writes a list: `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Writes a signal that ends a process: `SIGKILL` (signal(7), the numbers of Linux on x86_64).
#[must_use]
pub fn signal(number: i32) -> String {
    let name = match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

/// Writes a count with its noun: `1 host`, `2 hosts`.
#[must_use]
pub fn plural(count: impl Into<u64>, noun: &str) -> String {
    let count = count.into();
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// Writes a figure with three significant digits, or all of its integer part.
#[must_use]
pub fn figure(value: f64) -> String {
    format!("{value:.*}", decimals(value))
}

/// Writes the bounds of an interval, with the precision of its median.
#[must_use]
pub fn bounds(interval: &Interval) -> String {
    let decimals = decimals(interval.median);
    format!("{:.decimals$}–{:.decimals$}", interval.low, interval.high)
}

/// Writes a median and its interval, all with the precision of the median.
#[must_use]
pub fn with_interval(interval: &Interval) -> String {
    format!("{} ({})", figure(interval.median), bounds(interval))
}

/// Writes a ratio. Near 1 the second decimal matters; far from 1, no decimal matters.
#[must_use]
pub fn ratio(value: f64) -> String {
    format!("{value:.*}", ratio_decimals(value))
}

/// Writes a ratio and its interval, all with the precision of the ratio.
#[must_use]
pub fn ratio_with_interval(interval: &Interval) -> String {
    let decimals = ratio_decimals(interval.median);
    format!("{:.decimals$} ({:.decimals$}–{:.decimals$})", interval.median, interval.low, interval.high)
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
        size if size >= 99.5 => 0,
        size if size >= 1.995 => 1,
        size if size >= 0.1 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_a_person_writes_them() {
        for (given, expected) in [
            (json!(true), "on"),
            (json!({}), "default"),
            (json!({ "StorageCompression": true, "StableAge": 5 }), "StableAge=5, StorageCompression=on"),
            (json!(["all", 10]), "all, 10"),
            (json!(null), "none"),
        ] {
            assert_eq!(
                value(&given).split(", ").collect::<std::collections::BTreeSet<_>>(),
                expected.split(", ").collect()
            );
        }
    }

    #[test]
    fn a_ratio_has_the_decimals_that_matter() {
        for (value, expected) in
            [(140.2, "140"), (14.2, "14.2"), (2.34, "2.3"), (1.994, "1.99"), (1.995, "2.0"), (0.05, "0.050")]
        {
            assert_eq!(ratio(value), expected);
        }
    }
}
