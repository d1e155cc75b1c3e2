//! The drawing of charts as SVG, with plotters. The style sheet replaces the few colours in dark mode, and gives the
//! line of each series its own dashes.

use plotters::chart::ChartContext;
use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{DynElement, IntoDynElement as _};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::layout::Layout;
use crate::chart::{Drawing, Plot, Row, RowShape, Rows, Series, SeriesKind};
use crate::document::on_one_line;

/// The content of an SVG without its outermost element.
pub(super) struct Svg {
    /// The width in units of the SVG, which the page scales.
    pub(super) width: u32,
    /// The height in the same units.
    pub(super) height: u32,
    pub(super) content: String,
}

/// The greatest width that a phone shows at three quarters of its size or more.
const WIDTH: u32 = 440;
const PLOT_HEIGHT: u32 = 280;
const ROW_HEIGHT: u32 = 42;
const AXIS_HEIGHT: u32 = 44;
/// The size for a font of 14: the library writes a font size of its parameter divided by 1.24.
const FONT_SIZE: f64 = 14.0 * 1.24;
/// The width of a digit.
const DIGIT_WIDTH: usize = 8;

/// Okabe and Ito's colours (Color Universal Design, 2008), which the colour-blind can distinguish too. The light ones
/// are darkened to a contrast of 3 with white.
const SERIES_COLOURS: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x80, 0x5E),
    RGBColor(0xA3, 0x45, 0x7F),
    RGBColor(0x7A, 0x60, 0x00),
    RGBColor(0x44, 0x4C, 0x56),
];
const INK: RGBColor = RGBColor(0x1B, 0x24, 0x30);
const MUTED: RGBColor = RGBColor(0x5A, 0x66, 0x75);
const GRID: RGBColor = RGBColor(0xE1, 0xE5, 0xEA);
const BAND: RGBColor = RGBColor(0xDD, 0xE3, 0xEA);
const WARMUP: RGBColor = RGBColor(0xEE, 0xF1, 0xF5);

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Context<'a, 'b, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Layout, Y>>;
type DrawResult = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Draws a chart. `None` if the library fails: the page then shows only the words and the figures.
pub(super) fn svg(drawing: &Drawing) -> Option<Svg> {
    let height = match drawing {
        Drawing::Plot(_) => PLOT_HEIGHT,
        Drawing::Rows(rows) => {
            AXIS_HEIGHT + ROW_HEIGHT * u32::try_from(rows.rows.len()).unwrap_or(u32::MAX / ROW_HEIGHT)
        }
    };
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        let drawn = match drawing {
            Drawing::Plot(plot) => self::plot(&area, plot),
            Drawing::Rows(rows) => self::rows(&area, rows),
        };
        drawn.and_then(|()| area.present()).ok()?;
    }
    // The page writes the outermost element itself, which names the chart for a screen reader.
    let content = text.split_once('>')?.1.rsplit_once("</svg>")?.0;
    let content = content.replace(" opacity=\"1\"", "").replace(" font-family=\"sans-serif\"", "").replace('\n', "");
    Some(Svg { width: WIDTH, height, content })
}

fn font() -> TextStyle<'static> {
    ("sans-serif", FONT_SIZE).into_font().color(&MUTED)
}

fn fill_style(colour: RGBColor) -> ShapeStyle {
    colour.filled()
}

fn series_colour(index: usize) -> RGBColor {
    SERIES_COLOURS[index % SERIES_COLOURS.len()]
}

fn plot(area: &Area<'_>, plot: &Plot) -> DrawResult {
    let points = || plot.series.iter().flat_map(|series| series.points.iter());
    let ends = || plot.bands.iter().flat_map(|band| [band.from, band.to]).chain(plot.marks.iter().map(|mark| mark.0));
    let x = Layout::new(&plot.x, points().map(|point| point.0).chain(ends()));
    let y = Layout::new(&plot.y, points().map(|point| point.1));
    let widest = y.ticks.iter().map(|tick| y.label(*tick).len()).max().unwrap_or_default();
    let mut chart = ChartBuilder::on(area)
        .margin_top(8)
        .margin_right(14)
        .x_label_area_size(AXIS_HEIGHT)
        .y_label_area_size(u32::try_from(widest * DIGIT_WIDTH + 28).unwrap_or_default())
        .build_cartesian_2d(x.clone(), y.clone())?;
    let (bottom, top) = (y.range().start, y.range().end);
    chart.draw_series(plot.bands.iter().map(|band| {
        let colour = if band.warmup { WARMUP } else { BAND };
        Rectangle::new([(band.from, bottom), (band.to, top)], fill_style(colour))
    }))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(MUTED)
        .label_style(font())
        .axis_desc_style(font())
        .x_desc(on_one_line(&plot.x.name))
        .y_desc(on_one_line(&plot.y.name))
        .draw()?;
    let (left, right) = (x.range().start, x.range().end);
    for (place, name) in plot.marks.iter().map(|(value, name)| (*value, on_one_line(name))) {
        let anchor = if place - left > (right - left) * 0.6 { HPos::Right } else { HPos::Left };
        chart.draw_series([PathElement::new([(place, bottom), (place, top)], INK.stroke_width(1))])?;
        let style = font().color(&INK).pos(Pos::new(anchor, VPos::Top));
        chart.draw_series([Text::new(format!(" {name} "), (place, top), style)])?;
    }
    for (index, series) in plot.series.iter().enumerate() {
        draw_series(&mut chart, series, index, bottom)?;
    }
    Ok(())
}

fn draw_series(chart: &mut Context<'_, '_, Layout>, series: &Series, index: usize, bottom: f64) -> DrawResult {
    let colour = series_colour(index);
    let places = &series.points;
    match series.kind {
        SeriesKind::Line | SeriesKind::MarkedLine => {
            chart.draw_series(LineSeries::new(places.iter().copied(), colour.stroke_width(2)))?;
        }
        SeriesKind::Points => {}
        SeriesKind::Bars => {
            let bars = places.windows(2).filter(|pair| pair[0].1 > bottom);
            chart.draw_series(
                bars.map(|pair| Rectangle::new([(pair[0].0, bottom), (pair[1].0, pair[0].1)], fill_style(colour))),
            )?;
        }
    }
    // The points of iterations lie close to each other, so they are smaller.
    let size = if series.kind == SeriesKind::Points { 3 } else { 4 };
    if matches!(series.kind, SeriesKind::Points | SeriesKind::MarkedLine) {
        chart.draw_series(places.iter().map(|place| marker(index, *place, size)))?;
    }
    Ok(())
}

/// Returns the marker of a series, which has its own shape and colour.
fn marker<'a>(index: usize, place: (f64, f64), size: i32) -> DynElement<'static, SVGBackend<'a>, (f64, f64)> {
    let colour = series_colour(index);
    match index % 4 {
        0 => Circle::new(place, size, fill_style(colour)).into_dyn(),
        1 => TriangleMarker::new(place, size + 1, fill_style(colour)).into_dyn(),
        2 => Circle::new(place, size, colour.stroke_width(2)).into_dyn(),
        _ => Cross::new(place, size, colour.stroke_width(2)).into_dyn(),
    }
}

fn rows(area: &Area<'_>, rows: &Rows) -> DrawResult {
    let values = || rows.rows.iter().flat_map(|row| extent(&row.shape)).chain(rows.mark);
    let x = Layout::new(&rows.axis, values());
    let left = x.range().start;
    let count = f64::from(u32::try_from(rows.rows.len()).unwrap_or(u32::MAX));
    let mut chart = ChartBuilder::on(area)
        .margin_left(6)
        .margin_right(14)
        .x_label_area_size(AXIS_HEIGHT)
        .build_cartesian_2d(x, 0.0..count)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(MUTED)
        .label_style(font())
        .axis_desc_style(font())
        .x_desc(on_one_line(&rows.axis.name))
        .draw()?;
    if let Some(mark) = rows.mark {
        chart.draw_series([PathElement::new([(mark, 0.0), (mark, count)], INK.stroke_width(1))])?;
    }
    for (index, row) in (1_u32..).zip(&rows.rows) {
        draw_row(&mut chart, row, count - f64::from(index), left)?;
    }
    Ok(())
}

/// Returns the values that a row needs room for.
fn extent(shape: &RowShape) -> Vec<f64> {
    match shape {
        RowShape::Nothing => Vec::new(),
        RowShape::Interval { middle, low, high } => vec![*middle, *low, *high],
        RowShape::Points(points) => points.clone(),
        RowShape::Stack(parts) => vec![parts.iter().sum()],
        RowShape::Bar { value, limit } => limit.iter().copied().chain([*value]).collect(),
    }
}

/// Draws a row of height 1 that begins at `bottom`: the name above, the shape below.
fn draw_row(chart: &mut Context<'_, '_, RangedCoordf64>, row: &Row, bottom: f64, left: f64) -> DrawResult {
    let (name_at, middle, low, high) = (bottom + 0.72, bottom + 0.36, bottom + 0.22, bottom + 0.5);
    let style = font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
    let known = if matches!(row.shape, RowShape::Nothing) { ": not measured" } else { "" };
    chart.draw_series([Text::new(format!("{}{known}", on_one_line(&row.label)), (left, name_at), style)])?;
    let line =
        |from: (f64, f64), to: (f64, f64), colour: RGBColor| PathElement::new([from, to], colour.stroke_width(2));
    match &row.shape {
        RowShape::Nothing => {}
        RowShape::Interval { middle: value, low: least, high: most } => {
            let (colour, least, most) = (SERIES_COLOURS[0], *least, *most);
            // On an axis that starts at 0, the distance to the point is the quantity, so a bar shows it.
            if left <= 0.0 {
                chart.draw_series([Rectangle::new([(left, low), (*value, high)], fill_style(BAND))])?;
            }
            chart.draw_series([
                line((least, middle), (most, middle), colour),
                line((least, low), (least, high), colour),
                line((most, low), (most, high), colour),
            ])?;
            chart.draw_series([marker(0, (*value, middle), 4)])?;
        }
        RowShape::Points(points) => {
            let least = points.iter().copied().fold(f64::INFINITY, f64::min);
            let most = points.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if least <= most {
                chart.draw_series([line((least, middle), (most, middle), GRID)])?;
            }
            chart.draw_series(points.iter().enumerate().map(|(index, value)| marker(index, (*value, middle), 4)))?;
        }
        RowShape::Stack(parts) => {
            let mut from = 0.0;
            for (index, part) in parts.iter().enumerate().filter(|(_, part)| **part > 0.0) {
                let ends = [(from, low), (from + part, high)];
                chart.draw_series([Rectangle::new(ends, fill_style(series_colour(index)))])?;
                from += part;
            }
        }
        RowShape::Bar { value, limit } => {
            chart.draw_series([Rectangle::new([(left, low), (*value, high)], fill_style(SERIES_COLOURS[0]))])?;
            if let Some(limit) = *limit {
                let ends = [(limit, bottom + 0.14), (limit, bottom + 0.58)];
                chart.draw_series([PathElement::new(ends, INK.stroke_width(3))])?;
            }
        }
    }
    Ok(())
}
