//! What a chart shows, before it is drawn.

use super::document::Table;

/// A chart: a drawing, its message in words, and its figures.
pub(super) struct Chart {
    /// What it shows.
    pub(super) title: String,
    /// Its message, with figures, for who cannot see it.
    pub(super) words: String,
    /// What is drawn.
    pub(super) drawing: Drawing,
    /// Its figures.
    pub(super) table: Table,
}

/// What is drawn.
pub(super) enum Drawing {
    /// Things one below the other, along one axis.
    Rows(Rows),
    /// Quantities over another.
    Plot(Plot),
}

/// Things one below the other, along one axis.
pub(super) struct Rows {
    /// The axis that they share.
    pub(super) axis: Axis,
    /// What is drawn in each, by the number of its colour.
    pub(super) legend: Vec<String>,
    /// The things.
    pub(super) rows: Vec<Row>,
    /// Where a line goes down through all of them.
    pub(super) mark: Option<f64>,
}

/// A thing in [`Rows`].
pub(super) struct Row {
    /// What it is called.
    pub(super) label: String,
    /// What is drawn.
    pub(super) shape: RowShape,
}

/// What is drawn of a thing.
pub(super) enum RowShape {
    /// Nothing is known of it.
    Nothing,
    /// A point in an interval.
    Interval {
        /// The point.
        middle: f64,
        /// The interval's lower bound.
        low: f64,
        /// The interval's upper bound.
        high: f64,
    },
    /// Points on a line.
    Points(Vec<f64>),
    /// Parts, one after another.
    Stack(Vec<f64>),
    /// A bar, and the most that it could be.
    Bar {
        /// Its length.
        value: f64,
        /// The most that it could be.
        limit: Option<f64>,
    },
}

/// Quantities over another.
pub(super) struct Plot {
    /// Across.
    pub(super) x: Axis,
    /// Up.
    pub(super) y: Axis,
    /// The quantities.
    pub(super) series: Vec<Series>,
    /// Stretches of x that are shaded.
    pub(super) bands: Vec<Band>,
    /// Places on x that have a name.
    pub(super) marks: Vec<(f64, String)>,
}

/// An axis.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// What it is of, with its unit.
    pub(super) name: String,
    /// How it is laid out.
    pub(super) scale: Scale,
}

/// How an axis is laid out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Evenly, from 0.
    Linear,
    /// Evenly, from 0 to 100.
    Percent,
    /// Each factor takes the same room.
    Logarithmic,
    /// Percentiles, of which each further nine takes the same room. Values are shares below 1.
    Nines,
}

/// A quantity in a [`Plot`].
pub(super) struct Series {
    /// What it is.
    pub(super) name: String,
    /// How it is drawn.
    pub(super) kind: SeriesKind,
    /// Its points.
    pub(super) points: Vec<(f64, f64)>,
}

/// How a quantity is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SeriesKind {
    /// As a line.
    Line,
    /// As a line with its points.
    MarkedLine,
    /// As points.
    Points,
    /// As bars from each point's x to the next one's; the last point only ends the last bar.
    Bars,
}

/// A stretch of x that is shaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    /// Where it begins.
    pub(super) from: f64,
    /// Where it ends.
    pub(super) to: f64,
    /// Whether it is of a warm-up.
    pub(super) warmup: bool,
}

impl Axis {
    /// An axis from 0 on.
    pub(super) fn linear(name: impl Into<String>) -> Self {
        Self { name: name.into(), scale: Scale::Linear }
    }

    /// An axis of factors.
    pub(super) fn logarithmic(name: impl Into<String>) -> Self {
        Self { name: name.into(), scale: Scale::Logarithmic }
    }
}

impl Series {
    /// A quantity that is drawn as a line.
    pub(super) fn line(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), kind: SeriesKind::Line, points: points.into_iter().collect() }
    }

    /// The same, drawn otherwise.
    pub(super) fn drawn(self, kind: SeriesKind) -> Self {
        Self { kind, ..self }
    }
}
