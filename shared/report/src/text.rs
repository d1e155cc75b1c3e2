//! Text of a report: spans, tones, and characters that may not pass.

/// The meaning of a result to the reader. Forms show it in colour, but never in colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// The result is as it should be.
    Good,
    /// The result deserves attention.
    Caution,
    /// The result is not as it should be.
    Bad,
    /// The result is neither good nor bad.
    Neutral,
}

/// Text of our own and of unknown origin. No form interprets anything in it as markup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Vec<Span>);

/// A piece of a text, of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    Plain(String),
    /// Emphasized text.
    Strong(String),
    /// A verdict.
    Badge(Tone, String),
    /// The path of a file beside the report.
    File(String),
}

impl Text {
    /// Creates an empty text.
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends plain text.
    pub(super) fn and(mut self, words: impl Into<String>) -> Self {
        self.0.push(Span::Plain(words.into()));
        self
    }

    /// Appends emphasized text.
    pub(super) fn strong(mut self, words: impl Into<String>) -> Self {
        self.0.push(Span::Strong(words.into()));
        self
    }

    /// Appends a verdict.
    pub(super) fn badge(mut self, tone: Tone, word: impl Into<String>) -> Self {
        self.0.push(Span::Badge(tone, word.into()));
        self
    }

    /// Appends a link to a file beside the report.
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

/// Puts text on one line. Replaces characters that change the text direction or are invisible.
pub(super) fn on_one_line(text: &str) -> String {
    text.chars().map(|character| if is_disturbing(character) { ' ' } else { character }).collect()
}

/// True for control characters and for the marks of Unicode's bidirectional algorithm (UAX #9).
fn is_disturbing(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the text with a capital first letter.
pub(super) fn capitalize(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
