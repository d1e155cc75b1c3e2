//! A report before it has a form: sections of words, tables and charts, from which Markdown and HTML are both made.

use super::chart::Chart;

/// Rows of a table at most: beyond them one looks into report.json.
pub(super) const MOST_ROWS: usize = 100;
/// Rows of a series in time at most.
pub(super) const MOST_POINTS: usize = 60;

/// A report.
pub(super) struct Document {
    /// What it is of.
    pub(super) title: String,
    /// When and where, in a line.
    pub(super) subtitle: String,
    /// What its result is taken for.
    pub(super) tone: Tone,
    /// What it came to, in a sentence.
    pub(super) lead: Text,
    /// The figures that matter.
    pub(super) key_figures: Vec<KeyFigure>,
    /// The rest.
    pub(super) sections: Vec<Section>,
}

/// How a reader should take something. Forms show it in colour, and never in colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Caution,
    /// Not as it should be.
    Bad,
    /// Neither.
    Neutral,
}

/// A figure that a reader wants first.
pub(super) struct KeyFigure {
    /// What it is.
    pub(super) label: String,
    /// Its value.
    pub(super) value: String,
    /// The value's unit.
    pub(super) unit: String,
    /// What to know of it, in a line.
    pub(super) note: String,
}

/// A part of the report.
pub(super) struct Section {
    /// Its anchor.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) title: String,
    /// What it says.
    pub(super) blocks: Vec<Block>,
}

/// A piece of a section.
pub(super) enum Block {
    /// Words.
    Paragraph(Text),
    /// Several, one below the other.
    List(Vec<Text>),
    /// Foreign text, line by line.
    Quote(String),
    /// Figures.
    Table(Table),
    /// A drawing, its message in words and its figures.
    Chart(Box<Chart>),
    /// A part with a heading of its own.
    Part(Part),
}

/// A part of a section, with a heading of its own.
pub(super) struct Part {
    /// Its heading.
    pub(super) title: String,
    /// A word beside the heading.
    pub(super) badge: Option<(Tone, String)>,
    /// Whether a reader must open it, where the form knows how to.
    pub(super) closed: bool,
    /// What it says.
    pub(super) blocks: Vec<Block>,
}

/// Words of unknown origin and our own: no form acts upon anything in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Vec<Span>);

/// Words of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    /// Words.
    Plain(String),
    /// Words that matter more.
    Strong(String),
    /// A verdict.
    Badge(Tone, String),
    /// A file beside the report.
    File(String),
}

/// A table.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    /// What it has, for who cannot see what is around it.
    pub(super) caption: String,
    /// The columns' names.
    pub(super) columns: Vec<String>,
    /// How many columns come before those with figures.
    pub(super) figures_from: usize,
    /// The rows that are shown.
    pub(super) rows: Vec<Vec<Text>>,
    /// What is left out, and where it is.
    pub(super) left_out: Option<String>,
}

impl Table {
    /// A table; of its columns those from `figures_from` on hold figures.
    pub(super) fn new<C: Into<String>>(
        caption: impl Into<String>,
        columns: impl IntoIterator<Item = C>,
        figures_from: usize,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self { caption: caption.into(), columns, figures_from, ..Self::default() }
    }

    /// With its first rows.
    pub(super) fn with_rows<T: Into<Text>>(mut self, rows: impl IntoIterator<Item = Vec<T>>) -> Self {
        let mut rows = rows.into_iter().map(|row| row.into_iter().map(Into::into).collect());
        self.rows = rows.by_ref().take(MOST_ROWS).collect();
        self.left_out = match rows.count() {
            0 => None,
            left => Some(format!("{left} more rows are in report.json.")),
        };
        self
    }

    /// With rows that follow each other in time, evenly thinned out.
    pub(super) fn with_series(mut self, rows: Vec<Vec<String>>) -> Self {
        let every = rows.len().div_ceil(MOST_POINTS).max(1);
        if every > 1 {
            self.left_out = Some(format!("One row in {every} of {}; all are in report.json.", rows.len()));
        }
        let shown = rows.into_iter().step_by(every);
        self.rows = shown.map(|row| row.into_iter().map(Into::into).collect()).collect();
        self
    }
}

impl Text {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// And these words.
    pub(super) fn and(mut self, words: impl Into<String>) -> Self {
        self.0.push(Span::Plain(words.into()));
        self
    }

    /// And these, which matter more.
    pub(super) fn strong(mut self, words: impl Into<String>) -> Self {
        self.0.push(Span::Strong(words.into()));
        self
    }

    /// And this verdict.
    pub(super) fn badge(mut self, tone: Tone, word: impl Into<String>) -> Self {
        self.0.push(Span::Badge(tone, word.into()));
        self
    }

    /// And this file beside the report.
    pub(super) fn file(mut self, path: impl Into<String>) -> Self {
        self.0.push(Span::File(path.into()));
        self
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self(vec![Span::Plain(words)])
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        words.to_owned().into()
    }
}

impl Part {
    /// A part that is open.
    pub(super) fn open(title: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self { title: title.into(), badge: None, closed: false, blocks }
    }

    /// A part that a reader opens.
    pub(super) fn closed(title: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self { closed: true, ..Self::open(title, blocks) }
    }
}

impl Block {
    /// Words.
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

/// Text on one line, without what turns the direction of the text around it or is not to be seen.
pub(super) fn on_one_line(text: &str) -> String {
    text.chars().map(|character| if is_disturbing(character) { ' ' } else { character }).collect()
}

/// Controls, and the marks of Unicode's bidirectional algorithm (UAX #9).
fn is_disturbing(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// With a capital at its beginning, as a sentence has.
pub(super) fn capitalized(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
