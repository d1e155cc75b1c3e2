//! The content of a chart, before it is drawn.

use super::table::Table;

/// A drawing, its message in words, and its figures.
pub(super) struct Chart {
    pub(super) title: String,
    /// The message of the chart, with figures, for readers who cannot see the drawing.
    pub(super) words: String,
    pub(super) drawing: Drawing,
    pub(super) table: Table,
}

/// The two kinds of drawings.
pub(super) enum Drawing {
    Rows(Rows),
    Plot(Plot),
}

/// Rows one below the other, which share one axis.
pub(super) struct Rows {
    pub(super) axis: Axis,
    /// The names of the parts of each row, in the order of their colours.
    pub(super) legend: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// The value of a vertical line through all rows.
    pub(super) mark: Option<f64>,
}

/// A row of [`Rows`].
pub(super) struct Row {
    pub(super) label: String,
    pub(super) shape: RowShape,
}

/// The shape that shows a row's values.
pub(super) enum RowShape {
    /// No value is known.
    Nothing,
    /// A point in an interval.
    Interval { middle: f64, low: f64, high: f64 },
    /// Points on one line.
    Points(Vec<f64>),
    /// Parts one after another.
    Stack(Vec<f64>),
    /// A bar with an optional mark at its maximum.
    Bar {
        value: f64,
        /// The highest possible value.
        limit: Option<f64>,
    },
}

/// Curves over a common x axis.
pub(super) struct Plot {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    /// Shaded ranges of x.
    pub(super) bands: Vec<Band>,
    /// Named values of x.
    pub(super) marks: Vec<(f64, String)>,
}

#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// The quantity and its unit.
    pub(super) name: String,
    pub(super) scale: Scale,
}

/// The scale of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Linear from 0.
    Linear,
    /// Linear from 0 to 100.
    Percent,
    /// Logarithmic: equal factors have equal lengths.
    Logarithmic,
    /// Percentiles: each further nine has the same length. Values are shares below 1.
    Nines,
}

/// A curve of a [`Plot`].
pub(super) struct Series {
    pub(super) name: String,
    pub(super) kind: SeriesKind,
    pub(super) points: Vec<(f64, f64)>,
}

/// The form in which a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SeriesKind {
    /// A line.
    Line,
    /// A line with its points.
    MarkedLine,
    /// Points only.
    Points,
    /// Bars from each point's x to the next one's. The last point only ends the last bar.
    Bars,
}

/// A shaded range of x.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    pub(super) from: f64,
    pub(super) to: f64,
    /// True for the range of a warm-up.
    pub(super) warmup: bool,
}

impl Axis {
    /// Creates a linear axis from 0.
    pub(super) fn linear(name: impl Into<String>) -> Self {
        Self { name: name.into(), scale: Scale::Linear }
    }

    /// Creates a logarithmic axis.
    pub(super) fn logarithmic(name: impl Into<String>) -> Self {
        Self { name: name.into(), scale: Scale::Logarithmic }
    }
}

impl Series {
    /// Creates a curve that is drawn as a line.
    pub(super) fn line(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), kind: SeriesKind::Line, points: points.into_iter().collect() }
    }

    /// Sets the form in which the curve is drawn.
    pub(super) fn with_kind(self, kind: SeriesKind) -> Self {
        Self { kind, ..self }
    }
}
