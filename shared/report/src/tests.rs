use std::collections::BTreeSet;
use std::path::Path;

use dicomperf_model::results::{BuildSummary, Finding, KeptHosts, Rule};

use super::chart::Chart;
use super::document::{Block, Document, Table, Text};
use super::table::MAX_POINTS;
use super::*;

/// Returns every kind of report, by name.
fn documents() -> Vec<(&'static str, Document)> {
    let mut against = fixtures::classic();
    against.against = Some(fixtures::two_runs());
    // Hosts that stay, and builds, have their place in any report.
    let (server, client) = ("i-0123456789abcdef0".to_owned(), "i-0fedcba9876543210".to_owned());
    let secrets = "s3://dicomperf-bucket-0123456789ab/ephemeral/run-1/secrets.json";
    against.kept = Some(KeptHosts::new("run-1", against.finished_at, Some(server), Some(client), secrets));
    let build = |block, version: Option<&str>| BuildSummary {
        block,
        build: "1.12.9 (0123456789ab)".to_owned(),
        version: version.map(str::to_owned),
    };
    against.builds = vec![build(0, Some("1.12.9")), build(1, None)];
    vec![
        ("classic", sections::document(&fixtures::classic())),
        ("against-a-run", sections::document(&against)),
        ("failed-half-way", sections::document(&fixtures::failed_half_way())),
        ("invalid-iterations", sections::document(&fixtures::invalid_iterations())),
        ("sixty-scenarios", sections::document(&fixtures::sixty_scenarios())),
        ("with-search", sections::document(&fixtures::with_search())),
        ("nothing-measured", sections::document(&fixtures::nothing_measured())),
        ("dry-run", sections::document(&fixtures::dry_run())),
        ("existing-server", sections::document(&fixtures::existing_server())),
        ("existing-without-proof", sections::document(&fixtures::existing_without_proof())),
        ("existing-rejected-contexts", sections::document(&fixtures::existing_rejected_contexts())),
        ("measured-from-here", sections::document(&fixtures::measured_from_here())),
        ("rejected-from-here", sections::document(&fixtures::rejected_from_here())),
        ("two-runs", sections::two_runs::document(&fixtures::two_runs())),
        ("not-comparable", sections::two_runs::document(&fixtures::not_comparable())),
    ]
}

/// Returns every block of a document, including nested ones.
fn blocks(document: &Document) -> Vec<&Block> {
    fn inner<'a>(blocks: &'a [Block], all: &mut Vec<&'a Block>) {
        for block in blocks {
            all.push(block);
            if let Block::Part(part) = block {
                inner(&part.blocks, all);
            }
        }
    }
    let mut all = Vec::new();
    document.sections.iter().for_each(|section| inner(&section.blocks, &mut all));
    all
}

fn charts(document: &Document) -> Vec<&Chart> {
    let charts = blocks(document).into_iter().filter_map(|block| match block {
        Block::Chart(chart) => Some(&**chart),
        _ => None,
    });
    charts.collect()
}

fn tables(document: &Document) -> Vec<&Table> {
    let tables = blocks(document).into_iter().filter_map(|block| match block {
        Block::Chart(chart) => Some(&chart.table),
        Block::Table(table) => Some(table),
        _ => None,
    });
    tables.collect()
}

fn words(text: &Text) -> String {
    use super::document::Span;
    let words = text.0.iter().map(|span| match span {
        Span::Plain(words) | Span::Strong(words) | Span::Badge(_, words) | Span::File(words) => words.as_str(),
    });
    words.collect()
}

/// Returns the values of an attribute: the text between `name="` and the next quotation mark.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    page.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// Writes the reports that the browser tests open.
#[test]
fn reports_to_look_at_are_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reports");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, document) in documents() {
        let (html, markdown) = (html::render(&document), markdown::render(&document));
        std::fs::write(folder.join(name).with_extension("html"), html).expect("written");
        std::fs::write(folder.join(name).with_extension("md"), markdown).expect("written");
    }
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    for (name, document) in documents() {
        let page = html::render(&document);
        assert!(page.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"), "{name}");
        for foreign in
            ["<script", "<link", "<img", "<iframe", " src=", "@import", "url(", "http://", "https://", "onload=\""]
        {
            assert!(!page.contains(foreign), "{foreign} is in {name}");
        }
        for href in attributes(&page, "href") {
            assert!(href.starts_with('#') || href.starts_with("./"), "{href} in {name}");
        }
    }
}

#[test]
fn foreign_text_stays_text() {
    for (name, document) in documents() {
        let (page, markdown) = (html::render(&document), markdown::render(&document));
        for form in [&page, &markdown] {
            assert!(!form.contains(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')), "{name}");
            assert!(!form.contains("<script"), "{name}");
        }
        if ["invalid-iterations", "not-comparable"].contains(&name) {
            assert!(page.contains("a|b c &lt;script&gt;alert(1)&lt;/script&gt;"), "{name}");
            assert!(page.contains("v &quot; onload=&quot;u t"), "{name}");
            assert!(markdown.contains("a\\|b c &lt;script&gt;") && !markdown.contains("[x]("), "{name}");
        }
    }
}

#[test]
fn an_hour_of_sixty_scenarios_fits_into_a_megabyte() {
    let summary = fixtures::sixty_scenarios();
    assert_eq!((summary.scenarios.len(), summary.timeline.server.len()), (60, 300));
    let page = html(&summary);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn of_many_scenarios_all_are_compared_and_the_first_drawn_alone() {
    let document = sections::document(&fixtures::sixty_scenarios());
    let alone = blocks(&document).into_iter().filter(|block| matches!(block, Block::Part(part) if part.closed));
    assert_eq!(alone.count(), 12);
    let page = html::render(&document);
    assert!(page.contains("those of the other 48 are in report.json"), "nothing says what is left out");
    let results = tables(&document).into_iter().find(|table| table.caption.starts_with("Figures of every scenario"));
    assert_eq!(results.expect("results").rows.len(), 60);
    let overview =
        charts(&document).into_iter().filter(|chart| chart.title.starts_with("Instances per second by scenario"));
    assert_eq!(overview.map(|chart| chart.table.rows.len()).collect::<Vec<_>>(), [20, 20, 20]);
    assert!(
        page.contains(">0: storescu · 1 · all · off<") && page.contains("The labels are: sender · associations · ")
    );
    let busy = tables(&document).into_iter().find(|table| table.caption.starts_with("How busy the server"));
    let busy = busy.expect("a time line");
    assert!(busy.rows.len() <= MAX_POINTS);
    assert_eq!(busy.left_out.as_deref(), Some("One row in 5 of 300; all are in report.json."));
}

#[test]
fn every_chart_is_drawn_named_in_words_and_has_its_figures() {
    for (name, document) in documents() {
        let (page, markdown) = (html::render(&document), markdown::render(&document));
        let charts = charts(&document);
        assert_eq!(page.matches("role=\"img\"").count(), charts.len(), "{name}");
        assert_eq!(page.matches("<figure>").count(), charts.len(), "{name}");
        for chart in charts {
            let title = &chart.title;
            assert!(
                chart.words.ends_with('.') && chart.words.contains(|c: char| c.is_ascii_digit()),
                "{name}: {title}"
            );
            assert!(!chart.words.contains("NaN") && !chart.words.contains("inf "), "{name}: {}", chart.words);
            assert!(!chart.table.rows.is_empty(), "{name}: {title}");
            assert!(markdown.contains(&format!("**{title}**: ")), "{name}: {title}");
        }
        for label in attributes(&page, "aria-label") {
            assert!(!label.is_empty(), "{name}");
        }
        assert!(!page.contains("NaN"), "{name}");
    }
}

#[test]
fn both_forms_have_the_same_figures() {
    for (name, document) in documents() {
        let (page, markdown) = (html::render(&document), markdown::render(&document));
        let cells = tables(&document).into_iter().flat_map(|table| table.rows.iter().flatten().map(words));
        let key = document.key_figures.iter().map(|figure| figure.value.clone());
        let plain = |text: &String| text.chars().all(|c| c.is_alphanumeric() || " .–()%".contains(c));
        let in_page: BTreeSet<_> = page.split(['<', '>']).collect();
        let in_markdown: BTreeSet<_> = markdown.split(['|', '*', '\n']).map(str::trim).collect();
        let mut compared = 0;
        for text in cells.chain(key).filter(plain) {
            let in_markdown =
                in_markdown.contains(text.as_str()) || document.key_figures.iter().any(|one| one.value == text);
            assert!(in_page.contains(text.as_str()) && in_markdown, "{text} in {name}");
            compared += 1;
        }
        assert!(compared >= 6, "{name}: {compared}");
        for figure in &document.key_figures {
            assert!(markdown.contains(&format!("**{}", figure.value)), "{} in {name}", figure.label);
        }
        for section in &document.sections {
            assert!(markdown.contains(&format!("\n## {}\n", section.title)), "{} in {name}", section.title);
            assert!(page.contains(&format!(">{}</h2>", section.title)), "{} in {name}", section.title);
        }
    }
}

#[test]
fn every_row_has_a_cell_for_each_column() {
    for (name, document) in documents() {
        for table in tables(&document) {
            assert!(!table.columns.iter().any(String::is_empty), "{name}: {}", table.caption);
            for row in &table.rows {
                assert_eq!(row.len(), table.columns.len(), "{name}: {}", table.caption);
            }
        }
    }
}

#[test]
fn a_page_is_sound_for_who_does_not_see_it() {
    for (name, document) in documents() {
        let page = html::render(&document);
        assert!(page.contains("<html lang=\"en\">") && page.contains("<a class=\"skip\" href=\"#main\">"), "{name}");
        for once in ["<h1>", "<main ", "<header ", "<footer>", "<nav "] {
            assert_eq!(page.matches(once).count(), 1, "{once} in {name}");
        }
        let ids = attributes(&page, "id");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an id is there twice in {name}");
        for href in attributes(&page, "href").into_iter().filter_map(|href| href.strip_prefix('#')) {
            assert!(ids.contains(&href), "#{href} in {name}");
        }
        let regions: Vec<_> =
            attributes(&page, "aria-label").into_iter().filter(|label| label.starts_with("Table ")).collect();
        assert_eq!(regions.iter().collect::<BTreeSet<_>>().len(), page.matches("role=\"region\"").count(), "{name}");
        // A heading is at most one level below the one before.
        let levels = page.match_indices("<h").filter_map(|(at, _)| page[at + 2..].chars().next()?.to_digit(10));
        levels.fold(0, |before, level| {
            assert!(level <= before + 1, "h{level} after h{before} in {name}");
            level
        });
    }
}

#[test]
fn a_run_that_failed_half_way_says_where_and_shows_what_there_is() {
    let page = html(&fixtures::failed_half_way());
    for part in [
        "<header class=\"bad\">",
        "Failed</span> with StepFailed: 10 of 20 planned iterations are measured and valid",
        "A-ASSOCIATE-RQ: connection refused",
        "1 host left",
        ">Valid iterations</dt>",
        ">Not measured</h2>",
        "Instances per second by scenario",
        "href=\"./blocks/0.json\"",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
}

#[test]
fn a_run_that_failed_with_its_server_says_so_in_its_first_sentence() {
    let mut summary = fixtures::failed_half_way();
    let says = "Orthanc was ended by SIGKILL, 3.2 s after its start.".to_owned();
    summary.diagnosis = vec![Finding { rule: Rule::ServerDied, says, gain: None, ..fixtures::nagle() }];
    let page = html(&summary);
    for part in ["are below. The server's process ended.", "Orthanc was ended by SIGKILL, 3.2 s after its start."] {
        assert!(page.contains(part), "{part} is missing");
    }
}

#[test]
fn a_run_that_measured_nothing_has_no_empty_charts() {
    let document = sections::document(&fixtures::nothing_measured());
    assert!(charts(&document).is_empty());
    let page = html::render(&document);
    assert!(page.contains("with NoCapacity: nothing was measured.") && page.contains("0 of 20"), "{page}");
    assert!(!page.contains("blocks/") && page.contains("href=\"./plan.json\""));
}

#[test]
fn an_invalid_iteration_is_listed_with_its_reason() {
    let page = html(&fixtures::invalid_iterations());
    assert!(page.contains(">Invalid</span>: 2 of 8 counted iterations are invalid"));
    assert!(page.contains(">6 of 8</span>") && page.contains("199 of 200 instances are stored"));
}

#[test]
fn a_search_is_told_and_drawn() {
    let page = html(&fixtures::with_search());
    assert!(
        page.contains(">Sustained</span>: 8 associations, with 431 instances/s stored; 12 associations are too many")
    );
    assert!(page.contains(" knee ") && page.contains(" sustained "), "the marks are not drawn");
    assert!(page.contains("latencyMs.p95 at most 20."));
}

#[test]
fn two_runs_are_side_by_side_with_what_explains_their_difference() {
    let comparison = fixtures::two_runs();
    let page = comparison_html(&comparison);
    for part in [
        ">Regressed</span>: of 3 pairs",
        ">Side by side</h2>",
        ">What explains it</h2>",
        "SyncStorageArea",
        "Only in run a: scenario 3.",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    let markdown = comparison_markdown(&comparison);
    assert!(markdown.starts_with("# dicomperf: run-2 against run-1\n\n**Regressed**: of 3 pairs"), "{markdown}");
    assert!(markdown.contains("| associations 1 | **improved** | 4.9 (4.8–5.0) | 4.9 (4.4–5.4) |"), "{markdown}");
}

#[test]
fn of_runs_that_are_not_comparable_only_the_differences_are_told() {
    let document = sections::two_runs::document(&fixtures::not_comparable());
    assert!(charts(&document).is_empty() && document.key_figures.is_empty());
    let sections: Vec<_> = document.sections.iter().map(|section| section.id).collect();
    assert_eq!(sections, ["differences", "runs", "how-to-read"]);
    assert!(html::render(&document).contains(">Not comparable</span>: the runs differ in their hardware"));
}

#[test]
fn hosts_that_stay_are_named_with_the_commands_to_use_them() {
    let all = documents();
    let (_, document) = all.iter().find(|(name, _)| *name == "against-a-run").expect("a report");
    for form in [html::render(document), markdown::render(document)] {
        for said in [
            "aws ssm start-session --target i-0123456789abcdef0 --document-name AWS-StartPortForwardingSession",
            "aws ssm start-session --target i-0fedcba9876543210",
            "dicomperf again run-1",
            "dicomperf clear run-1",
            "dicomperf teardown run-1",
            "not configured",
        ] {
            assert!(form.replace('\\', "").contains(said), "{said} is not in {form}");
        }
    }
}
