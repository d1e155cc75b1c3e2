//! A table of a report.

use super::text::Text;

/// Rows of a time series at most.
pub(super) const MAX_POINTS: usize = 60;

/// Rows of a table at most. All rows are in report.json.
pub(super) const MAX_ROWS: usize = 100;

#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    /// A description of the contents, which makes sense without the text around the table. Screen readers read it out.
    pub(super) caption: String,
    pub(super) columns: Vec<String>,
    /// The number of columns before the first one with figures.
    pub(super) figures_from: usize,
    /// The rows that are shown.
    pub(super) rows: Vec<Vec<Text>>,
    /// A note on the rows that are not shown, and where to find them.
    pub(super) left_out: Option<String>,
}

impl Table {
    /// Creates a table without rows. The columns from `figures_from` on have figures.
    pub(super) fn new<C: Into<String>>(
        caption: impl Into<String>,
        columns: impl IntoIterator<Item = C>,
        figures_from: usize,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self { caption: caption.into(), columns, figures_from, ..Self::default() }
    }

    /// Adds the first [`MAX_ROWS`] rows.
    pub(super) fn with_rows<T: Into<Text>>(mut self, rows: impl IntoIterator<Item = Vec<T>>) -> Self {
        let mut rows = rows.into_iter().map(|row| row.into_iter().map(Into::into).collect());
        self.rows = rows.by_ref().take(MAX_ROWS).collect();
        self.left_out = match rows.count() {
            0 => None,
            left => Some(format!("{left} more rows are in report.json.")),
        };
        self
    }

    /// Adds the rows of a time series, evenly thinned out to [`MAX_POINTS`].
    pub(super) fn with_series(mut self, rows: Vec<Vec<String>>) -> Self {
        let every = rows.len().div_ceil(MAX_POINTS).max(1);
        if every > 1 {
            self.left_out = Some(format!("One row in {every} of {}; all are in report.json.", rows.len()));
        }
        let shown = rows.into_iter().step_by(every);
        self.rows = shown.map(|row| row.into_iter().map(Into::into).collect()).collect();
        self
    }
}
