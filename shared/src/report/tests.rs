use std::path::Path;

use super::document::Document;
use super::*;

/// Every kind of report, by name.
fn documents() -> Vec<(&'static str, Document)> {
    let mut against = fixtures::classic();
    against.against = Some(fixtures::two_runs());
    vec![
        ("classic", sections::document(&fixtures::classic())),
        ("against-a-run", sections::document(&against)),
        ("failed-half-way", sections::document(&fixtures::failed_half_way())),
        ("invalid-iterations", sections::document(&fixtures::invalid_iterations())),
        ("sixty-scenarios", sections::document(&fixtures::sixty_scenarios())),
        ("with-search", sections::document(&fixtures::with_search())),
        ("nothing-measured", sections::document(&fixtures::nothing_measured())),
        ("two-runs", sections::two_runs::document(&fixtures::two_runs())),
        ("not-comparable", sections::two_runs::document(&fixtures::not_comparable())),
    ]
}

/// Browser tests open every one of these.
#[test]
fn reports_to_look_at_are_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/reports");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, document) in documents() {
        let (html, markdown) = (html::render(&document), markdown::render(&document));
        std::fs::write(folder.join(name).with_extension("html"), html).expect("written");
        std::fs::write(folder.join(name).with_extension("md"), markdown).expect("written");
    }
}
