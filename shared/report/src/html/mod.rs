//! The renderer of a document as one HTML file that needs nothing else: no script, no font, no network.

mod drawing;
mod layout;

use std::cell::Cell;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{Chart, Drawing, RowShape, SeriesKind};
use super::document::{
    Block, Document, KeyFigure, LongList, Part, Section, Span, Table, Text, Tone, capitalize, on_one_line,
};

/// The policy under which the page loads, runs and sends nothing, whatever a request or an error contains.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
const STYLE_SHEET: &str = include_str!("report.css");

/// Items of a long list that are shown: 50 KB of UIDs.
const MAX_LISTED: usize = 1000;

/// Renders the whole page.
pub(super) fn render(document: &Document) -> String {
    let page = Page { regions: Cell::new(0) };
    let title = on_one_line(&document.title);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(CONTENT_SECURITY_POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE_SHEET)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                header.(class(document.tone)) {
                    h1 { (title) }
                    p.lead { (text(&document.lead)) }
                    p.subtitle { (on_one_line(&document.subtitle)) }
                }
                main #main tabindex="-1" {
                    @if !document.key_figures.is_empty() {
                        dl.key {
                            @for figure in &document.key_figures { (key_figure(figure)) }
                        }
                    }
                    (contents(&document.sections))
                    @for section in &document.sections {
                        section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                            h2 id={ (section.id) "-title" } { (on_one_line(&section.title)) }
                            (page.blocks(&section.blocks, 3))
                        }
                    }
                }
                footer { p { "Made by dicomperf. The same figures for scripts: " (file("report.json")) "." } }
            }
        }
    };
    markup.into_string()
}

fn contents(sections: &[Section]) -> Markup {
    html! {
        nav.contents aria-label="Contents" {
            ul {
                @for section in sections {
                    li { a href={ "#" (section.id) } { (on_one_line(&section.title)) } }
                }
            }
        }
    }
}

fn key_figure(figure: &KeyFigure) -> Markup {
    html! {
        div {
            dt { (on_one_line(&figure.label)) }
            dd {
                span.value { (on_one_line(&figure.value)) }
                @if !figure.unit.is_empty() { " " span.unit { (on_one_line(&figure.unit)) } }
                span.note { (on_one_line(&figure.note)) }
            }
        }
    }
}

/// The state of a page: the number of tables so far, because each needs a unique label.
struct Page {
    regions: Cell<u32>,
}

impl Page {
    fn blocks(&self, blocks: &[Block], level: u8) -> Markup {
        let mut index = 0;
        html! {
            @while let Some(block) = blocks.get(index) {
                @if let Block::Chart(_) = block {
                    // Consecutive charts stand side by side if there is room.
                    @let charts = run_of_charts(&blocks[index..]);
                    div.charts { @for chart in &charts { (self.chart(chart)) } }
                    @let () = index += charts.len();
                } @else {
                    (self.block(block, level))
                    @let () = index += 1;
                }
            }
        }
    }

    fn block(&self, block: &Block, level: u8) -> Markup {
        match block {
            Block::Paragraph(words) => html! { p { (text(words)) } },
            Block::List(items) => html! { ul { @for item in items { li { (text(item)) } } } },
            Block::LongList(list) => long_list(list),
            Block::Quote(quote) => html! {
                blockquote {
                    @for line in quote.lines().filter(|line| !line.trim().is_empty()) { p { (on_one_line(line)) } }
                }
            },
            Block::Table(table) => self.table(table),
            Block::Chart(chart) => self.chart(chart),
            Block::Part(part) => self.part(part, level),
        }
    }

    fn part(&self, part: &Part, level: u8) -> Markup {
        let title = on_one_line(&part.title);
        let badge = html! { @if let Some((tone, word)) = &part.badge { " " (badge(*tone, word)) } };
        if part.closed {
            return html! {
                details.part { summary { (title) (badge) } (self.blocks(&part.blocks, level)) }
            };
        }
        let heading = match level {
            3 => html! { h3 { (title) (badge) } },
            4 => html! { h4 { (title) (badge) } },
            _ => html! { h5 { (title) (badge) } },
        };
        html! { article.part { (heading) (self.blocks(&part.blocks, level + 1)) } }
    }

    fn table(&self, table: &Table) -> Markup {
        let number = self.regions.get() + 1;
        self.regions.set(number);
        let caption = on_one_line(&table.caption);
        let class = |column: usize| (column >= table.figures_from).then_some("n");
        html! {
            div.scroll role="region" tabindex="0" aria-label={ "Table " (number) ": " (caption) } {
                table {
                    caption { (caption) }
                    thead {
                        tr {
                            @for (column, name) in table.columns.iter().enumerate() {
                                th scope="col" class=[class(column)] { (on_one_line(name)) }
                            }
                        }
                    }
                    tbody {
                        @for row in &table.rows {
                            tr {
                                @for (column, cell) in row.iter().enumerate() {
                                    @if column == 0 {
                                        th scope="row" class=[class(column)] { (text(cell)) }
                                    } @else {
                                        td class=[class(column)] { (text(cell)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            @if let Some(left_out) = &table.left_out { p.left-out { (on_one_line(left_out)) } }
        }
    }

    fn chart(&self, chart: &Chart) -> Markup {
        let (title, words) = (on_one_line(&chart.title), capitalize(&on_one_line(&chart.words)));
        html! {
            figure {
                figcaption {
                    strong { (title) }
                    span { (words) }
                    (legend(&chart.drawing))
                }
                @if let Some(drawing) = drawing::svg(&chart.drawing) {
                    svg viewBox={ "0 0 " (drawing.width) " " (drawing.height) } role="img"
                        aria-label={ (title) ": " (words) } {
                        (PreEscaped(&drawing.content))
                    }
                }
                details { summary { "Figures of this chart" } (self.table(&chart.table)) }
            }
        }
    }
}

fn long_list(list: &LongList) -> Markup {
    let left = list.items.len().saturating_sub(MAX_LISTED);
    html! {
        details.part {
            summary { (on_one_line(&list.title)) }
            ul.long { @for item in list.items.iter().take(MAX_LISTED) { li { (on_one_line(item)) } } }
            @if left > 0 { p.left-out { (left) " more are in report.json." } }
        }
    }
}

fn run_of_charts(blocks: &[Block]) -> Vec<&Chart> {
    let charts = blocks.iter().map_while(|block| match block {
        Block::Chart(chart) => Some(&**chart),
        _ => None,
    });
    charts.collect()
}

fn legend(drawing: &Drawing) -> Markup {
    let keys: Vec<(&str, &str)> = match drawing {
        Drawing::Rows(rows) => {
            let marked = rows.rows.iter().any(|row| matches!(row.shape, RowShape::Points(_)));
            let bars = rows.rows.iter().any(|row| matches!(row.shape, RowShape::Bar { .. }));
            let kind = |index| {
                if marked {
                    "mark"
                } else if bars && index == 1 {
                    "tick"
                } else {
                    "fill"
                }
            };
            rows.legend.iter().enumerate().map(|(index, name)| (name.as_str(), kind(index))).collect()
        }
        Drawing::Plot(plot) if plot.series.len() > 1 => {
            let kind = |kind| if kind == SeriesKind::Points { "mark" } else { "line" };
            plot.series.iter().map(|series| (series.name.as_str(), kind(series.kind))).collect()
        }
        Drawing::Plot(_) => Vec::new(),
    };
    html! {
        @if !keys.is_empty() {
            span.legend {
                @for (index, (name, kind)) in keys.iter().enumerate() {
                    span { i.(kind) .{ "k" (index) } aria-hidden="true" {} (on_one_line(name)) }
                }
            }
        }
    }
}

fn text(text: &Text) -> Markup {
    html! {
        @for span in &text.0 {
            @match span {
                Span::Plain(words) => (on_one_line(words)),
                Span::Strong(words) => strong { (on_one_line(words)) },
                Span::Badge(tone, word) => (badge(*tone, word)),
                Span::File(path) => (file(path)),
            }
        }
    }
}

fn badge(tone: Tone, word: &str) -> Markup {
    html! { span.badge.(class(tone)) { (on_one_line(word)) } }
}

fn file(path: &str) -> Markup {
    let path = on_one_line(path);
    html! { a href={ "./" (path) } { (path) } }
}

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Caution => "caution",
        Tone::Bad => "bad",
        Tone::Neutral => "neutral",
    }
}
