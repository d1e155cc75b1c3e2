//! The layout of an axis: the places of values and ticks.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::chart::{Axis, Scale};

/// The approximate number of ticks of an axis.
const TARGET_TICKS: f64 = 5.0;
/// Ticks of a logarithmic axis at most.
const MAX_TICKS: usize = 7;

/// An axis with its range and ticks.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    scale: Scale,
    least: f64,
    most: f64,
    /// The values that have a tick.
    pub(super) ticks: Vec<f64>,
}

impl Layout {
    /// Lays out an axis with room for all values.
    pub(super) fn new(axis: &Axis, values: impl Iterator<Item = f64> + Clone) -> Self {
        let scale = axis.scale;
        let usable = values.filter(|value| value.is_finite() && (*value > 0.0 || scale != Scale::Logarithmic));
        let least = usable.clone().fold(f64::INFINITY, f64::min);
        let most = usable.fold(f64::NEG_INFINITY, f64::max);
        let (least, most) = if least <= most { (least, most) } else { (1.0, 1.0) };
        match scale {
            Scale::Linear => {
                let most = if most > 0.0 { most * 1.04 } else { 1.0 };
                let least = least.min(0.0);
                Self { scale, least, most, ticks: even_ticks(least, most) }
            }
            Scale::Percent => Self { scale, least: 0.0, most: 100.0, ticks: vec![0.0, 25.0, 50.0, 75.0, 100.0] },
            Scale::Logarithmic => {
                let (least, most) = (least / 1.12, most * 1.12);
                Self { scale, least, most, ticks: logarithmic_ticks(least, most) }
            }
            Scale::Nines => {
                let nines = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999_999];
                Self { scale, least: 0.0, most, ticks: nines.into_iter().filter(|nine| *nine <= most).collect() }
            }
        }
    }

    /// Returns the place of a value on a linear scale.
    fn place(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear | Scale::Percent => value.clamp(self.least, self.most),
            Scale::Logarithmic => value.clamp(self.least, self.most).log10(),
            Scale::Nines => -(1.0 - value.clamp(self.least, self.most)).log10(),
        }
    }

    /// Returns the label of a tick.
    pub(super) fn label(&self, value: f64) -> String {
        match self.scale {
            Scale::Linear | Scale::Percent | Scale::Logarithmic => number(value),
            Scale::Nines => number(value * 100.0),
        }
    }
}

impl Ranged for Layout {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    #[expect(clippy::cast_possible_truncation, reason = "a place within the drawing")]
    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let (least, most) = (self.place(self.least), self.place(self.most));
        let share = (self.place(*value) - least) / (most - least);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.least..self.most
    }
}

impl ValueFormatter<f64> for Layout {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

/// Formats a number without digits that come from rounding errors.
fn number(value: f64) -> String {
    let rounded = (value * 1e5).round() / 1e5;
    // Negative zero would be formatted with a sign.
    format!("{}", if rounded == 0.0 { 0.0 } else { rounded })
}

/// Returns round values at even distances.
fn even_ticks(least: f64, most: f64) -> Vec<f64> {
    let rough = (most - least) / TARGET_TICKS;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * magnitude).find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let first = (least / step).ceil() * step;
    (0..20).map(|index| first + f64::from(index) * step).take_while(|tick| *tick <= most + step * 1e-9).collect()
}

/// Returns the ticks 1, 2, 5, 10, 20 and so on: only powers of ten if these are too many, even ticks if too few.
fn logarithmic_ticks(least: f64, most: f64) -> Vec<f64> {
    let powers = (-6..12).map(|power| 10_f64.powi(power));
    let within = |tick: &f64| *tick >= least && *tick <= most;
    let ticks: Vec<_> = powers.clone().flat_map(|power| [power, 2.0 * power, 5.0 * power]).filter(within).collect();
    match ticks.len() {
        0..=2 => even_ticks(least, most),
        count if count > MAX_TICKS => powers.filter(within).collect(),
        _ => ticks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(axis: &Axis, values: &[f64]) -> Vec<String> {
        let layout = Layout::new(axis, values.iter().copied());
        layout.ticks.iter().map(|tick| layout.label(*tick)).collect()
    }

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(ticks(&Axis::linear(""), &[3.0, 199.0]), ["0", "50", "100", "150", "200"]);
        assert_eq!(ticks(&Axis::linear(""), &[0.3]), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(ticks(&Axis::logarithmic(""), &[2.0, 60.0]), ["2", "5", "10", "20", "50"]);
        assert_eq!(ticks(&Axis::logarithmic(""), &[0.01, 5000.0]), ["0.01", "0.1", "1", "10", "100", "1000"]);
        assert_eq!(
            ticks(&Axis { name: String::new(), scale: Scale::Nines }, &[0.0, 0.9992]),
            ["0", "50", "90", "99", "99.9"]
        );
    }

    #[test]
    fn an_axis_without_values_or_with_one_has_room_all_the_same() {
        for values in [&[][..], &[0.0], &[5.0], &[f64::NAN]] {
            for axis in [Axis::linear(""), Axis::logarithmic("")] {
                let layout = Layout::new(&axis, values.iter().copied());
                let Range { start, end } = layout.range();
                assert!(start < end && start.is_finite() && end.is_finite(), "{values:?}: {start} to {end}");
                assert_eq!((layout.map(&start, (0, 100)), layout.map(&end, (0, 100))), (0, 100));
            }
        }
    }
}
