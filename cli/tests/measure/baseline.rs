//! Measurements that are compared with earlier ones of the same user.

use serde_json::json;

use crate::harness::Measure;
use crate::harness::archive::{Archive, Peculiarity};

#[test]
fn an_earlier_measurement_is_the_baseline_by_its_id_or_as_history() {
    let archive = Archive::start(Peculiarity::None);
    let measure = Measure::new("ARCHIVE", archive.port).with(&["--receipt", "none"]);
    let first = measure.run();
    first.exits_with(0);
    let earlier_id = first.report().run_id.clone();

    let measure = measure.with_request(&json!({ "baseline": { "run": earlier_id } }));
    let against = measure.run().report().against.clone().expect("a comparison");
    assert!(against.comparable, "{}", against.says);
    assert_eq!(against.a.run_id, earlier_id);

    let measure = measure.with_request(&json!({ "baseline": "history" }));
    let measured = measure.run();
    let baseline = &measured.report().baseline;
    assert_eq!(baseline.len(), 2);
    assert!(baseline.iter().all(|comparison| comparison.runs == 2), "{baseline:?}");
}

#[test]
fn a_baseline_that_is_not_there_is_a_note() {
    let archive = Archive::start(Peculiarity::None);
    let measured = Measure::new("ARCHIVE", archive.port)
        .with(&["--receipt", "none"])
        .with_request(&json!({ "baseline": { "run": "no-such-run" } }))
        .run();
    measured.exits_with(0);
    let notes = &measured.report().notes;
    assert!(notes.iter().any(|note| note.starts_with("Not compared with the baseline, run no-such-run")), "{notes:?}");
}
