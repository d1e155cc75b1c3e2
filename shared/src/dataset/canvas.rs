//! An image without noise: shapes painted over one another.
//!
//! Integers only: a float would be free to differ from machine to machine. Lengths are in units of which 1024 are the
//! width of the image, so that one anatomy fits every matrix.

/// Units across the image.
pub(super) const WIDTH: i64 = 1024;

/// An ellipse, in units from the upper left corner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ellipse {
    pub x: i64,
    pub y: i64,
    pub half_width: i64,
    pub half_height: i64,
}

/// Stored values, rows from the top.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    rows: i64,
    columns: i64,
    pixels: Vec<i16>,
}

impl Canvas {
    pub(super) fn new(rows: u16, columns: u16) -> Self {
        Self { rows: rows.into(), columns: columns.into(), pixels: vec![0; usize::from(rows) * usize::from(columns)] }
    }

    pub(super) fn pixels(&self) -> &[i16] {
        &self.pixels
    }

    /// Makes this a copy of an image of the same size.
    pub(super) fn copy(&mut self, other: &Self) {
        self.pixels.copy_from_slice(&other.pixels);
    }

    /// Height of the image in units.
    pub(super) fn height(&self) -> i64 {
        self.rows * WIDTH / self.columns
    }

    /// Paints everything.
    pub(super) fn clear(&mut self, value: i16) {
        self.pixels.fill(value);
    }

    /// Paints from edge to edge, from one height to another.
    pub(super) fn band(&mut self, from: i64, to: i64, value: i16) {
        let start = self.row_start(self.scaled(from).clamp(0, self.rows));
        let end = self.row_start(self.scaled(to).clamp(0, self.rows));
        self.pixels[start..end].fill(value);
    }

    /// Paints an ellipse.
    pub(super) fn fill(&mut self, ellipse: Ellipse, value: i16) {
        self.each_row(ellipse, |row, _, _| row.fill(value));
    }

    /// Paints an ellipse where the image is brighter than it.
    pub(super) fn darken(&mut self, ellipse: Ellipse, value: i16) {
        self.each_row(ellipse, |row, _, _| row.iter_mut().for_each(|pixel| *pixel = (*pixel).min(value)));
    }

    /// Adds a dome: `peak` in the middle, 0 at the edge, as a ray sees the thickness of a body.
    pub(super) fn dome(&mut self, ellipse: Ellipse, peak: i16) {
        let half_width = self.scaled(ellipse.half_width).max(1);
        let half_height = self.scaled(ellipse.half_height).max(1);
        // 32 bits of fraction: no rounding shows over any width.
        let peak = i64::from(peak) << 32;
        let slope = peak / (half_width * half_width);
        self.each_row(ellipse, |row, dx, dy| {
            // peak * (1 - dx^2/a^2 - dy^2/b^2), each from the one before it by differences.
            let mut height = peak - peak / (half_height * half_height) * (dy * dy) - slope * (dx * dx);
            let mut step = slope * (2 * dx + 1);
            for pixel in row {
                *pixel = pixel.saturating_add((height >> 32) as i16);
                height -= step;
                step += 2 * slope;
            }
        });
    }

    /// Sets every pixel within the image's own rows: `value(x, y)` in units.
    pub(super) fn map(&mut self, value: impl Fn(i64, i64) -> i16) {
        let columns = self.columns;
        for (row, pixels) in (0..).zip(self.pixels.chunks_exact_mut(columns as usize)) {
            let y = row * WIDTH / columns;
            for (column, pixel) in (0..).zip(pixels) {
                *pixel = value(column * WIDTH / columns, y);
            }
        }
    }

    /// Each row of pixels that an ellipse covers, with the distances in pixels of its first one from the centre.
    fn each_row(&mut self, ellipse: Ellipse, mut paint: impl FnMut(&mut [i16], i64, i64)) {
        let (x, y) = (self.scaled(ellipse.x), self.scaled(ellipse.y));
        let half_width = self.scaled(ellipse.half_width).max(1);
        let half_height = self.scaled(ellipse.half_height).max(1);
        for row in (y - half_height).max(0)..(y + half_height + 1).min(self.rows) {
            let dy = row - y;
            let reach = half_width * (half_height * half_height - dy * dy).isqrt() / half_height;
            let (from, to) = ((x - reach).max(0), (x + reach + 1).min(self.columns));
            if from < to {
                let start = self.row_start(row);
                paint(&mut self.pixels[start + from as usize..start + to as usize], from - x, dy);
            }
        }
    }

    fn scaled(&self, units: i64) -> i64 {
        units * self.columns / WIDTH
    }

    fn row_start(&self, row: i64) -> usize {
        (row * self.columns) as usize
    }
}
