//! The search for the highest level that a server sustains: against a sink with a known limit, and a real Orthanc.

use dicomperf_agent::sink::SinkDocument;
use dicomperf_model::measurement::BlockMeasurement;
use dicomperf_model::measurement::SearchMeasurement;
use dicomperf_model::plan::Scenario;
use dicomperf_model::request::SearchAxis;
use dicomperf_model::request::{Metric, Modality, Search, Sender, Slo, Synthetic, Target};
use dicomperf_model::search::Next;
use dicomperf_model::settings::{ServerSettings, Settings};
use dicomperf_model::step::{DatasetSource, MeasureBlock, StepState};

use crate::harness::orthanc::settings;
use crate::harness::run::{block, measurement_of};
use crate::harness::sink::{SinkProcess, plain};
use crate::harness::{OrthancProcess, Run};

/// A run with this many small instances.
pub fn with_small_instances(instances: u32) -> Run {
    let run = Run::new();
    let spec = Synthetic { modality: Modality::Pt, instances, ..Synthetic::default() };
    run.configure_client(DatasetSource::Synthetic(spec)).succeeds();
    run
}

/// A block with one iteration of native and a search from its scenario.
pub fn search_block(orthanc: &OrthancProcess, axis: SearchAxis, slo: Slo, associations: u32) -> MeasureBlock {
    let mut block = block(orthanc, &[associations], 0, 1);
    block.scenarios[0].settings.sender = Sender::Native;
    block.search = Some(Search { axis, slo });
    block
}

/// Puts a sink in place of the block's Orthanc. The sink answers one C-STORE per delay.
pub fn serial_sink_for(block: &mut MeasureBlock, delay_us: u64) -> SinkProcess {
    let max_pdu = block.settings.max_pdu;
    let sink = SinkProcess::start(SinkDocument { max_pdu, delay_us, one_at_a_time: true, ..plain() });
    block.settings = ServerSettings { target: Target::Sink, ..block.settings.clone() };
    block.server.dicom_port = sink.document.dicom_port;
    block.server.rest_port = sink.document.control_port;
    sink
}

/// The only search of a measurement. It must be over, within its bounds, and without an invalid iteration.
pub fn the_search(measurement: &BlockMeasurement) -> (&SearchMeasurement, String) {
    let [search] = &measurement.searches[..] else { panic!("{} searches", measurement.searches.len()) };
    let Next::Ended(why) = search.next() else { panic!("goes on") };
    assert!((2..=36).contains(&search.iterations.len()), "{}", search.iterations.len());
    assert_eq!(measurement.iterations.len(), 1);
    for (made, one) in (1..).zip(&search.iterations) {
        assert!(one.iteration.valid && !one.iteration.warmup, "{}: {:?}", one.level, one.iteration.reason);
        assert!((search.lowest..=search.highest).contains(&one.level), "{}", one.level);
        // Each iteration has an index of its own.
        assert_eq!((one.iteration.scenario, one.iteration.index), (search.scenario, made));
    }
    for one in &search.iterations {
        eprintln!(
            "{:?} {}: {:.1} ms, p50 {:.1}, p95 {:.1}",
            search.axis,
            one.level,
            one.iteration.transfer_ms,
            one.iteration.latency_us.percentile_ms(50.0),
            one.iteration.latency_us.percentile_ms(95.0)
        );
    }
    eprintln!("{why}");
    (search, why)
}

/// The highest passing level, from the sentence with which a search ends.
pub fn highest_kept(why: &str) -> f64 {
    why.split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{why}"))
}

#[test]
fn a_limit_of_orthanc_is_found_and_every_iteration_proves_what_it_stored() {
    let run = with_small_instances(100);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let slo = Slo::from_iter([(Metric::LatencyP95, 250.0), (Metric::LatencyP50, 100.0)]);
    let report = run.measure(0, search_block(&orthanc, SearchAxis::Rate, slo, 4)).succeeds();
    let (search, why) = the_search(measurement_of(&report));
    assert!(search.iterations.iter().all(|one| one.iteration.instances_stored == Some(100)));
    assert!((search.lowest..=search.highest).contains(&highest_kept(&why)), "{why}");
}

#[test]
fn a_search_goes_on_in_the_next_part_of_its_step() {
    let run = with_small_instances(8).deadline_seconds(0);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let slo = Slo::from_iter([(Metric::LatencyMax, 60_000.0)]);
    let mut block = search_block(&orthanc, SearchAxis::Associations, slo, 1);
    let _sink = serial_sink_for(&mut block, 100);
    // Each part measures the iteration during which the deadline passes: first the scenario's own, then one of the
    // search.
    let parts: Vec<_> = (0..2).map(|part| run.measure(part, block.clone()).succeeds()).collect();
    assert!(parts.iter().all(|part| part.state == StepState::Incomplete));
    assert!(measurement_of(&parts[0]).searches.is_empty());
    assert_eq!(measurement_of(&parts[1]).searches[0].iterations.len(), 1);

    let last = run.deadline_seconds(600).measure(2, block).succeeds();
    assert_eq!((last.state, last.progress.done, last.progress.total), (StepState::Succeeded, 2, 2));
    let (search, why) = the_search(measurement_of(&last));
    assert_eq!(search.iterations[..1], measurement_of(&parts[1]).searches[0].iterations[..]);
    assert_eq!(why, "8 associations, the most that are tried, keep the objective");
}

#[test]
fn each_scenario_is_searched_from() {
    let run = Run::with_instances(4);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let slo = Slo::from_iter([(Metric::LatencyMax, 60_000.0)]);
    let mut block = search_block(&orthanc, SearchAxis::Associations, slo, 2);
    let _sink = serial_sink_for(&mut block, 100);
    let base = block.scenarios[0].settings.clone();
    let senders = [Sender::Storescu, Sender::Native];
    let settings = senders.map(|sender| Settings { sender, ..base.clone() });
    block.scenarios = (0..).zip(settings).map(|(scenario, settings)| Scenario { number: scenario, settings }).collect();
    let report = run.measure(0, block).succeeds();
    let reasons: Vec<_> = measurement_of(&report).iterations.iter().filter_map(|one| one.reason.as_ref()).collect();
    assert!(reasons.is_empty(), "{reasons:?}");
    let levels: Vec<Vec<_>> = measurement_of(&report)
        .searches
        .iter()
        .map(|search| {
            assert!(search.iterations.iter().all(|one| one.iteration.valid));
            search.iterations.iter().map(|one| one.level).collect()
        })
        .collect();
    // A single iteration is too short to judge.
    assert_eq!(levels, [[2.0, 2.0, 4.0, 4.0], [2.0, 2.0, 4.0, 4.0]]);
}
