//! The renderer of a document as GitHub-flavoured Markdown. It escapes all text.

#[cfg(test)]
mod tests;

use super::document::{Block, Document, LongList, Part, Span, Table, Text, capitalize, on_one_line};

/// Items of a long list that are shown.
const MAX_LISTED: usize = 20;

/// Renders the whole document.
pub(super) fn render(document: &Document) -> String {
    let mut text = format!("# {}\n\n{}\n", escape(&document.title), line(&document.lead));
    if !document.key_figures.is_empty() {
        text.push('\n');
    }
    for figure in &document.key_figures {
        let words = Text::from(format!("{}: ", figure.label))
            .strong(format!("{} {}", figure.value, figure.unit).trim_end())
            .and(if figure.note.is_empty() { String::new() } else { format!(", {}", figure.note) });
        text += &format!("- {}\n", line(&words));
    }
    text += &format!("\n{}\n", escape(&document.subtitle));
    for section in &document.sections {
        text += &format!("\n## {}\n", escape(&section.title));
        blocks(&mut text, &section.blocks, 3);
    }
    text
}

fn blocks(text: &mut String, blocks: &[Block], level: usize) {
    for block in blocks {
        text.push('\n');
        match block {
            Block::Paragraph(words) => *text += &(line(words) + "\n"),
            Block::List(items) => items.iter().for_each(|item| *text += &format!("- {}\n", line(item))),
            Block::LongList(list) => *text += &long_list(list),
            Block::Quote(quote) => *text += &quote_lines(quote),
            Block::Table(table) => *text += &render_table(table),
            Block::Chart(chart) => {
                let words = Text::new().strong(&chart.title).and(format!(": {}", capitalize(&chart.words)));
                *text += &format!("{}\n\n{}", line(&words), render_table(&chart.table));
            }
            Block::Part(part) => {
                *text += &format!("{} {}\n", "#".repeat(level), heading(part));
                self::blocks(text, &part.blocks, level + 1);
            }
        }
    }
}

fn long_list(list: &LongList) -> String {
    let mut text = format!("{}:\n\n", escape(&list.title));
    text.extend(list.items.iter().take(MAX_LISTED).map(|item| format!("- {}\n", escape(item))));
    if list.items.len() > MAX_LISTED {
        text += &format!("\n{} more are in report.json.\n", list.items.len() - MAX_LISTED);
    }
    text
}

fn heading(part: &Part) -> String {
    match &part.badge {
        Some((_, word)) => format!("{} ({})", escape(&part.title), escape(word)),
        None => escape(&part.title),
    }
}

fn render_table(table: &Table) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rule = |column| if column < table.figures_from { "---" } else { "---:" }.to_owned();
    let mut text = row(table.columns.iter().map(|name| escape(name)).collect());
    text += &row((0..table.columns.len()).map(rule).collect());
    text.extend(table.rows.iter().map(|cells| row(cells.iter().map(line).collect())));
    if let Some(left_out) = &table.left_out {
        text += &format!("\n{}\n", escape(left_out));
    }
    text
}

/// Renders a text on one line.
fn line(text: &Text) -> String {
    let mut line = String::new();
    for span in &text.0 {
        match span {
            Span::Plain(words) => line += &escape_inline(words),
            // Emphasis does not work with a space at its edge.
            Span::Strong(words) | Span::Badge(_, words) if words.trim().is_empty() => {}
            Span::Strong(words) | Span::Badge(_, words) => line += &format!("**{}**", escape_inline(words.trim())),
            Span::File(path) => {
                line += &format!("[{}]({})", escape_inline(path), path.replace([' ', '(', ')', '<', '>'], "%20"))
            }
        }
    }
    escape_line_start(line.trim())
}

/// Escapes text of unknown origin, on one line, so that Markdown and HTML interpret nothing in it.
fn escape(text: &str) -> String {
    escape_line_start(escape_inline(text).trim())
}

/// Escapes the characters that make a list, an underline or a heading at the start of a line.
fn escape_line_start(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = digits > 0 && line[digits..].starts_with(". ") || line[digits..].starts_with(") ");
    match (line.starts_with(['-', '+', '=', '#']), numbered) {
        (true, _) => format!("\\{line}"),
        (_, true) => format!("{}\\{}", &line[..digits], &line[digits..]),
        _ => line.to_owned(),
    }
}

fn escape_inline(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let text = on_one_line(text);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // An underscore inside a word has no meaning, and many names have one.
            '_' if safe.ends_with(char::is_alphanumeric) && characters.peek().is_some_and(|c| c.is_alphanumeric()) => {
                safe.push('_');
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => safe.extend(['\\', character]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            _ => safe.push(character),
        }
    }
    safe
}

/// Renders foreign text of several lines as a quotation.
fn quote_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).map(escape).collect();
    // Each line ends with a hard break; otherwise the lines would flow into one.
    format!("> {}\n", lines.join("\\\n> "))
}
