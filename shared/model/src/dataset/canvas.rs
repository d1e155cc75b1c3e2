//! An image without noise: shapes that are painted over each other.
//!
//! All arithmetic uses integers, because the result of a float could differ between machines. Lengths are in units; the
//! image is 1024 units wide. One anatomy therefore fits every matrix.

/// Width of the image in units.
pub(super) const WIDTH: i64 = 1024;

/// An ellipse, in units from the upper left corner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ellipse {
    pub x: i64,
    pub y: i64,
    pub half_width: i64,
    pub half_height: i64,
}

/// Stored values, from the top row down.
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

    /// Copies an image of the same size into this one.
    pub(super) fn copy(&mut self, other: &Self) {
        self.pixels.copy_from_slice(&other.pixels);
    }

    /// Returns the height of the image in units.
    pub(super) fn height(&self) -> i64 {
        self.rows * WIDTH / self.columns
    }

    /// Paints the whole image.
    pub(super) fn clear(&mut self, value: i16) {
        self.pixels.fill(value);
    }

    /// Paints the full width, from one height to another.
    pub(super) fn band(&mut self, from: i64, to: i64, value: i16) {
        let start = self.row_start(self.to_pixels(from).clamp(0, self.rows));
        let end = self.row_start(self.to_pixels(to).clamp(0, self.rows));
        self.pixels[start..end].fill(value);
    }

    /// Paints an ellipse.
    pub(super) fn fill(&mut self, ellipse: Ellipse, value: i16) {
        self.for_each_row(ellipse, |row, _, _| row.fill(value));
    }

    /// Paints an ellipse, but only the pixels that are brighter than `value`.
    pub(super) fn darken(&mut self, ellipse: Ellipse, value: i16) {
        self.for_each_row(ellipse, |row, _, _| row.iter_mut().for_each(|pixel| *pixel = (*pixel).min(value)));
    }

    /// Adds a dome: `peak` in the middle, 0 at the edge. It shows a body's thickness as a ray sees it.
    pub(super) fn dome(&mut self, ellipse: Ellipse, peak: i16) {
        let half_width = self.to_pixels(ellipse.half_width).max(1);
        let half_height = self.to_pixels(ellipse.half_height).max(1);
        // 32 bits of fraction: no rounding is visible at any width.
        let peak = i64::from(peak) << 32;
        let slope = peak / (half_width * half_width);
        self.for_each_row(ellipse, |row, dx, dy| {
            // peak * (1 - dx^2/a^2 - dy^2/b^2). Each value follows from the one before it by differences.
            let mut height = peak - peak / (half_height * half_height) * (dy * dy) - slope * (dx * dx);
            let mut step = slope * (2 * dx + 1);
            for pixel in row {
                *pixel = pixel.saturating_add((height >> 32) as i16);
                height -= step;
                step += 2 * slope;
            }
        });
    }

    /// Sets every pixel to `value(x, y)`, with x and y in units.
    pub(super) fn map(&mut self, value: impl Fn(i64, i64) -> i16) {
        let columns = self.columns;
        for (row, pixels) in (0..).zip(self.pixels.chunks_exact_mut(columns as usize)) {
            let y = row * WIDTH / columns;
            for (column, pixel) in (0..).zip(pixels) {
                *pixel = value(column * WIDTH / columns, y);
            }
        }
    }

    /// Calls `paint` with each row of pixels that the ellipse covers. It also gets the distances of the row's first
    /// pixel from the centre, in pixels.
    fn for_each_row(&mut self, ellipse: Ellipse, mut paint: impl FnMut(&mut [i16], i64, i64)) {
        let (x, y) = (self.to_pixels(ellipse.x), self.to_pixels(ellipse.y));
        let half_width = self.to_pixels(ellipse.half_width).max(1);
        let half_height = self.to_pixels(ellipse.half_height).max(1);
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

    fn to_pixels(&self, units: i64) -> i64 {
        units * self.columns / WIDTH
    }

    fn row_start(&self, row: i64) -> usize {
        (row * self.columns) as usize
    }
}
