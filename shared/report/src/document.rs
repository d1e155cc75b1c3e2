//! The content of a report without a form: sections of text, tables and charts. Markdown and HTML are rendered from it.

use super::chart::Chart;
pub(super) use super::table::{MAX_ROWS, Table};
pub(super) use super::text::{Span, Text, Tone, capitalize, on_one_line};

pub(super) struct Document {
    pub(super) title: String,
    /// The run and its time, in a line.
    pub(super) subtitle: String,
    pub(super) tone: Tone,
    /// The result in one sentence.
    pub(super) lead: Text,
    pub(super) key_figures: Vec<KeyFigure>,
    pub(super) sections: Vec<Section>,
}

/// A figure at the top of the report.
pub(super) struct KeyFigure {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) unit: String,
    /// An explanation in one line.
    pub(super) note: String,
}

pub(super) struct Section {
    /// The anchor of the section.
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
}

pub(super) enum Block {
    Paragraph(Text),
    List(Vec<Text>),
    LongList(LongList),
    /// Text of foreign origin, line by line.
    Quote(String),
    Table(Table),
    /// A drawing with its message in words and its figures.
    Chart(Box<Chart>),
    Part(Part),
}

/// A list of many short items, which the reader must open in a form that supports it. A form shows as many of the first
/// items as suit it, and the number of the others.
pub(super) struct LongList {
    pub(super) title: String,
    pub(super) items: Vec<String>,
}

/// A part of a section with its own heading.
pub(super) struct Part {
    pub(super) title: String,
    /// A word beside the heading.
    pub(super) badge: Option<(Tone, String)>,
    /// True if the reader must open the part, in a form that supports it.
    pub(super) closed: bool,
    pub(super) blocks: Vec<Block>,
}

impl Part {
    /// Creates a part that is open.
    pub(super) fn open(title: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self { title: title.into(), badge: None, closed: false, blocks }
    }

    /// Creates a part that the reader must open.
    pub(super) fn closed(title: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self { closed: true, ..Self::open(title, blocks) }
    }
}

impl Block {
    /// Creates a paragraph.
    pub(super) fn words(words: impl Into<Text>) -> Self {
        Self::Paragraph(words.into())
    }
}

impl From<Table> for Block {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

impl From<Part> for Block {
    fn from(part: Part) -> Self {
        Self::Part(part)
    }
}

impl From<Chart> for Block {
    fn from(chart: Chart) -> Self {
        Self::Chart(Box::new(chart))
    }
}
