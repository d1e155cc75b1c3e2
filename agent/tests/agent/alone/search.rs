//! The search for a sink's limit, which is known.

use dicomperf::request::Slo;
use dicomperf::search::SearchAxis;

use crate::harness::OrthancProcess;
use crate::harness::orthanc::settings;
use crate::harness::run::measured;
use crate::search::{highest_kept, one_every, searched, the_search, with_small_instances};

#[test]
fn the_rate_that_a_sink_is_known_to_take_is_found() {
    let run = with_small_instances(100);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let slo = Slo { latency_p95: Some(1000.0), ..Slo::default() };
    let mut block = searched(&orthanc, SearchAxis::Rate, slo, 4);
    let _sink = one_every(&mut block, 10_000);
    let report = run.measure(0, block).succeeds();
    let (_, why) = the_search(measured(&report));
    assert!((90.0..110.0).contains(&highest_kept(&why)), "{why}");
    let reports = run.bucket.reports("client-measure-0");
    assert!(reports.iter().any(|report| report.progress.doing.starts_with("search: ")), "its progress is told");
}

#[test]
fn the_associations_that_a_sink_is_known_to_serve_in_time_are_found() {
    let run = with_small_instances(60);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    // With k associations a C-STORE takes k times 20 ms: 6 keep this.
    let slo = Slo { latency_p50: Some(130.0), ..Slo::default() };
    let mut block = searched(&orthanc, SearchAxis::Associations, slo, 1);
    let _sink = one_every(&mut block, 20_000);
    let report = run.measure(0, block).succeeds();
    let (_, why) = the_search(measured(&report));
    // One more or less where the machine is busy.
    assert!((5.0..=7.0).contains(&highest_kept(&why)), "{why}");
}
