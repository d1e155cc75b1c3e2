//! Figures and foreign text in Markdown.

use crate::statistics::Interval;

/// Text of unknown origin on one line, with nothing in it that Markdown or HTML would act upon.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut characters = text.trim().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // Inside a word it means nothing, and names are full of it.
            '_' if safe.ends_with(char::is_alphanumeric) && characters.peek().is_some_and(|c| c.is_alphanumeric()) => {
                safe.push('_');
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => safe.extend(['\\', character]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            _ if character.is_control() || is_bidirectional(character) => safe.push(' '),
            _ => safe.push(character),
        }
    }
    // At the start of a line these would make a list, an underline or a heading.
    if safe.starts_with(['-', '+', '=', '#']) {
        safe.insert(0, '\\');
    }
    safe
}

/// Marks that turn the direction of the text around them.
const fn is_bidirectional(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Foreign text of several lines as a quotation.
pub(super) fn quoted(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).map(escaped).collect();
    // A hard break, or the lines would flow into one.
    format!("> {}\n", lines.join("\\\n> "))
}

/// A figure with three significant digits, or all of its integer part.
pub(super) fn figure(value: f64) -> String {
    format!("{value:.*}", decimals(value))
}

/// A figure, or a dash where there is none.
pub(super) fn or_none(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), figure)
}

/// A median and its interval, all to the median's precision.
pub(super) fn with_interval(interval: &Interval) -> String {
    let decimals = decimals(interval.median);
    format!("{:.decimals$} [{:.decimals$}–{:.decimals$}]", interval.median, interval.low, interval.high)
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

/// `1 host`, `2 hosts`.
pub(super) fn plural(count: u32, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

fn decimals(value: f64) -> usize {
    match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
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
