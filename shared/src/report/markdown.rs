//! A document as GitHub-flavoured Markdown. All of its text is escaped.

#[cfg(test)]
mod tests;

use super::document::{Block, Document, Part, Span, Table, Text, capitalized, on_one_line};

/// The whole document.
pub(super) fn render(document: &Document) -> String {
    let mut text = format!("# {}\n\n{}\n", escaped(&document.title), line(&document.lead));
    if !document.key_figures.is_empty() {
        text.push('\n');
    }
    for figure in &document.key_figures {
        let words = Text::from(format!("{}: ", figure.label))
            .strong(format!("{} {}", figure.value, figure.unit).trim_end())
            .and(if figure.note.is_empty() { String::new() } else { format!(", {}", figure.note) });
        text += &format!("- {}\n", line(&words));
    }
    text += &format!("\n{}\n", escaped(&document.subtitle));
    for section in &document.sections {
        text += &format!("\n## {}\n", escaped(&section.title));
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
            Block::Quote(quote) => *text += &quoted(quote),
            Block::Table(table) => *text += &rendered(table),
            Block::Chart(chart) => {
                let words = Text::new().strong(&chart.title).and(format!(": {}", capitalized(&chart.words)));
                *text += &format!("{}\n\n{}", line(&words), rendered(&chart.table));
            }
            Block::Part(part) => {
                *text += &format!("{} {}\n", "#".repeat(level), heading(part));
                self::blocks(text, &part.blocks, level + 1);
            }
        }
    }
}

fn heading(part: &Part) -> String {
    match &part.badge {
        Some((_, word)) => format!("{} ({})", escaped(&part.title), escaped(word)),
        None => escaped(&part.title),
    }
}

fn rendered(table: &Table) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rule = |column| if column < table.figures_from { "---" } else { "---:" }.to_owned();
    let mut text = row(table.columns.iter().map(|name| escaped(name)).collect());
    text += &row((0..table.columns.len()).map(rule).collect());
    text.extend(table.rows.iter().map(|cells| row(cells.iter().map(line).collect())));
    if let Some(left_out) = &table.left_out {
        text += &format!("\n{}\n", escaped(left_out));
    }
    text
}

/// Text on one line.
fn line(text: &Text) -> String {
    let mut line = String::new();
    for span in &text.0 {
        match span {
            Span::Plain(words) => line += &inline(words),
            // Emphasis with a space at its edge is none.
            Span::Strong(words) | Span::Badge(_, words) if words.trim().is_empty() => {}
            Span::Strong(words) | Span::Badge(_, words) => line += &format!("**{}**", inline(words.trim())),
            Span::File(path) => {
                line += &format!("[{}]({})", inline(path), path.replace([' ', '(', ')', '<', '>'], "%20"))
            }
        }
    }
    at_the_start(line.trim())
}

/// Text of unknown origin on one line, with nothing in it that Markdown or HTML would act upon.
fn escaped(text: &str) -> String {
    at_the_start(inline(text).trim())
}

/// At the start of a line these would make a list, an underline or a heading.
fn at_the_start(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = digits > 0 && line[digits..].starts_with(". ") || line[digits..].starts_with(") ");
    match (line.starts_with(['-', '+', '=', '#']), numbered) {
        (true, _) => format!("\\{line}"),
        (_, true) => format!("{}\\{}", &line[..digits], &line[digits..]),
        _ => line.to_owned(),
    }
}

fn inline(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let text = on_one_line(text);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // Inside a word it means nothing, and names are full of it.
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

/// Foreign text of several lines as a quotation.
fn quoted(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).map(escaped).collect();
    // A hard break, or the lines would flow into one.
    format!("> {}\n", lines.join("\\\n> "))
}
