//! The change points of a series of runs, and the noise of the runs between them.
//!
//! Each value is the median of one run, in the order of time. The method is E-Divisive Means (Matteson and James, A
//! Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data, 2014), which MongoDB introduced for
//! the throughputs of continuous performance tests (Daly et al., The Use of Change Point Detection to Identify Software
//! Performance Regressions in a Continuous Integration System, 2020). docs/history.md describes its limits.

mod split;

use std::ops::Range;

use dicomperf_model::results::Change;
use dicomperf_model::statistics::{self, Interval};

use self::split::best_split;
use crate::verdict::{MIN_RUNS, judge_ratio};

/// Runs that a series needs before it is searched for change points.
pub const MIN_SERIES: usize = 25;
/// Runs on each side of a change point at least. A change is found when this many runs or more have it.
pub const MIN_SIDE: usize = MIN_RUNS;
/// Runs that are searched together at most. The time grows with the square of this number.
pub const MAX_WINDOW: usize = 60;
/// Half the width of the noise band, in standard deviations that the MAD estimates.
const BAND: f64 = 3.0;
/// Factor from the MAD to the standard deviation of normally distributed values.
const NORMAL_SCALE: f64 = 1.482_6;

/// Successive runs without a change point among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// The indices of the runs.
    pub runs: Range<usize>,
    /// Median of the runs' values.
    pub median: f64,
    /// The range in which a further run without a change is expected; `None` with fewer than [`MIN_RUNS`] runs.
    pub noise: Option<statistics::Range>,
    /// Median divided by that of the segment before; `None` for the first segment.
    pub ratio: Option<f64>,
}

/// Divides a series at its change points. Every value is positive; a series with another value is not searched.
#[must_use]
pub fn segments(values: &[f64]) -> Vec<Segment> {
    let mut starts = vec![0];
    starts.extend(change_points(values));
    let ends = starts.iter().skip(1).copied().chain([values.len()]);
    let mut segments: Vec<Segment> = Vec::new();
    for (start, end) in starts.iter().copied().zip(ends) {
        let Some(median) = statistics::median(&values[start..end]) else { continue };
        let ratio = segments.last().map(|before| median / before.median);
        segments.push(Segment { runs: start..end, median, noise: noise(&values[start..end]), ratio });
    }
    segments
}

/// Returns the index of the first run after each change, in order.
fn change_points(values: &[f64]) -> Vec<usize> {
    let mut found = Vec::new();
    if values.len() < MIN_SERIES || !values.iter().all(|value| value.is_finite() && *value > 0.0) {
        return found;
    }
    // The noise of a throughput is relative, so differences are taken between logarithms.
    let logarithms: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let mut start = 0;
    loop {
        let end = values.len().min(start + MAX_WINDOW);
        let mut in_window = Vec::new();
        divide(values, &logarithms, start..end, &mut in_window);
        if end == values.len() {
            found.extend(in_window);
            return found;
        }
        // A change near the end of a window is better seen by the next one, which has more runs behind it.
        in_window.retain(|point| *point <= end - MAX_WINDOW / 4);
        start = in_window.last().copied().unwrap_or(start + MAX_WINDOW / 2);
        found.extend(in_window);
    }
}

/// Adds the change points among these runs, in order.
fn divide(values: &[f64], logarithms: &[f64], runs: Range<usize>, found: &mut Vec<usize>) {
    let Some(split) = best_split(&logarithms[runs.clone()], MIN_SIDE) else { return };
    let point = runs.start + split;
    if !is_change(&values[runs.start..point], &values[point..runs.end]) {
        return;
    }
    divide(values, logarithms, runs.start..point, found);
    found.push(point);
    divide(values, logarithms, point..runs.end, found);
}

/// True if the medians differ by more than what counts as no change.
fn is_change(before: &[f64], after: &[f64]) -> bool {
    let (Some(before), Some(after)) = (statistics::median(before), statistics::median(after)) else { return false };
    let ratio = after / before;
    matches!(judge_ratio(&Interval { median: ratio, low: ratio, high: ratio }), Change::Regressed | Change::Improved)
}

/// Returns the median and three standard deviations to both sides, on the scale of logarithms. The MAD estimates the
/// standard deviation, so that a few disturbed runs do not widen the range.
fn noise(values: &[f64]) -> Option<statistics::Range> {
    if values.len() < MIN_RUNS || values.iter().any(|value| *value <= 0.0) {
        return None;
    }
    let logarithms: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let (middle, mad) = (statistics::median(&logarithms)?, statistics::mad(&logarithms)?);
    let width = BAND * NORMAL_SCALE * mad;
    Some(statistics::Range { low: (middle - width).exp(), high: (middle + width).exp() })
}

#[cfg(test)]
mod tests;
