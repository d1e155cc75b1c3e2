//! The search for the limit of a sink, which is known.

use dicomperf_model::request::{Metric, SearchAxis, Slo};

use crate::harness::OrthancProcess;
use crate::harness::orthanc::settings;
use crate::harness::run::measurement_of;
use crate::search::{highest_kept, search_block, serial_sink_for, the_search, with_small_instances};

#[test]
fn the_rate_that_a_sink_is_known_to_take_is_found() {
    let run = with_small_instances(100);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let slo = Slo::from_iter([(Metric::LatencyP95, 1000.0)]);
    let mut block = search_block(&orthanc, SearchAxis::Rate, slo, 4);
    let _sink = serial_sink_for(&mut block, 10_000);
    let report = run.measure(0, block).succeeds();
    let (_, why) = the_search(measurement_of(&report));
    assert!((90.0..110.0).contains(&highest_kept(&why)), "{why}");
    let reports = run.bucket.reports("client-measure-0");
    assert!(reports.iter().any(|report| report.progress.doing.starts_with("search: ")), "its progress is told");
}

#[test]
fn the_associations_that_a_sink_is_known_to_serve_in_time_are_found() {
    let run = with_small_instances(60);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    // With k associations a C-STORE takes k times 20 ms, so 6 associations pass.
    let slo = Slo::from_iter([(Metric::LatencyP50, 130.0)]);
    let mut block = search_block(&orthanc, SearchAxis::Associations, slo, 1);
    let _sink = serial_sink_for(&mut block, 20_000);
    let report = run.measure(0, block).succeeds();
    let (_, why) = the_search(measurement_of(&report));
    // A busy machine may change the limit by one.
    assert!((5.0..=7.0).contains(&highest_kept(&why)), "{why}");
}
