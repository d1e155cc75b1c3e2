//! The search for the most that a server sustains: against a sink whose limit is known, and a real Orthanc.

use dicomperf::measurement::BlockMeasurement;
use dicomperf::plan::{Scenario, ServerSettings, Settings};
use dicomperf::request::{Modality, Search, Sender, Slo, Synthetic, Target};
use dicomperf::search::{Next, SearchAxis, SearchMeasurement};
use dicomperf::step::{DatasetSource, MeasureBlock, StepState};
use dicomperf_agent::sink::SinkDocument;

use crate::harness::orthanc::settings;
use crate::harness::run::{block, measured};
use crate::harness::sink::{SinkProcess, plain};
use crate::harness::{OrthancProcess, Run};

/// A run with so many small instances.
pub fn with_small_instances(instances: u32) -> Run {
    let run = Run::new();
    let spec = Synthetic { modality: Modality::Pt, instances, ..Synthetic::default() };
    run.configure_client(DatasetSource::Synthetic(spec)).succeeds();
    run
}

/// A block of one iteration of native, from which is searched.
pub fn searched(orthanc: &OrthancProcess, axis: SearchAxis, slo: Slo, associations: u32) -> MeasureBlock {
    let mut block = block(orthanc, &[associations], 0, 1);
    block.scenarios[0].settings.sender = Sender::Native;
    block.search = Some(Search { axis, slo });
    block
}

/// The same with a sink in place of the Orthanc, which answers one C-STORE every so often.
pub fn one_every(block: &mut MeasureBlock, delay_us: u64) -> SinkProcess {
    let max_pdu = block.settings.max_pdu;
    let sink = SinkProcess::start(SinkDocument { max_pdu, delay_us, one_at_a_time: true, ..plain() });
    block.settings = ServerSettings { target: Target::Sink, ..block.settings.clone() };
    block.server.dicom_port = sink.document.dicom_port;
    block.server.rest_port = sink.document.control_port;
    sink
}

/// The one search, which is over, kept its bounds, and has nothing invalid.
pub fn the_search(measurement: &BlockMeasurement) -> (&SearchMeasurement, String) {
    let [search] = &measurement.searches[..] else { panic!("{} searches", measurement.searches.len()) };
    let Next::Ended(why) = search.next() else { panic!("goes on") };
    assert!((2..=36).contains(&search.iterations.len()), "{}", search.iterations.len());
    assert_eq!(measurement.iterations.len(), 1);
    for (made, one) in (1..).zip(&search.iterations) {
        assert!(one.iteration.valid && !one.iteration.warmup, "{}: {:?}", one.level, one.iteration.reason);
        assert!((search.lowest..=search.highest).contains(&one.level), "{}", one.level);
        // No index is anybody else's.
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

/// The highest level that was kept, by the words in which a search ends.
pub fn highest_kept(why: &str) -> f64 {
    why.split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{why}"))
}

#[test]
fn a_limit_of_orthanc_is_found_and_every_iteration_proves_what_it_stored() {
    let run = with_small_instances(100);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let slo = Slo { latency_p95: Some(250.0), latency_p50: Some(100.0), ..Slo::default() };
    let report = run.measure(0, searched(&orthanc, SearchAxis::Rate, slo, 4)).succeeds();
    let (search, why) = the_search(measured(&report));
    assert!(search.iterations.iter().all(|one| one.iteration.instances_stored == 100));
    assert!((search.lowest..=search.highest).contains(&highest_kept(&why)), "{why}");
}

#[test]
fn a_search_goes_on_in_the_next_part_of_its_step() {
    let run = with_small_instances(8).deadline_seconds(0);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let slo = Slo { latency_max: Some(60_000.0), ..Slo::default() };
    let mut block = searched(&orthanc, SearchAxis::Associations, slo, 1);
    let _sink = one_every(&mut block, 100);
    // Of each part the iteration in which the deadline falls is made: the scenario's own, then one of the search.
    let parts: Vec<_> = (0..2).map(|part| run.measure(part, block.clone()).succeeds()).collect();
    assert!(parts.iter().all(|part| part.state == StepState::Incomplete));
    assert!(measured(&parts[0]).searches.is_empty());
    assert_eq!(measured(&parts[1]).searches[0].iterations.len(), 1);

    let last = run.deadline_seconds(600).measure(2, block).succeeds();
    assert_eq!((last.state, last.progress.done, last.progress.total), (StepState::Succeeded, 2, 2));
    let (search, why) = the_search(measured(&last));
    assert_eq!(search.iterations[..1], measured(&parts[1]).searches[0].iterations[..]);
    assert_eq!(why, "8 associations, the most that are tried, keep the objective");
}

#[test]
fn each_scenario_is_searched_from() {
    let run = Run::with_instances(4);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let slo = Slo { latency_max: Some(60_000.0), ..Slo::default() };
    let mut block = searched(&orthanc, SearchAxis::Associations, slo, 2);
    let _sink = one_every(&mut block, 100);
    let base = block.scenarios[0].settings.clone();
    let senders = [Sender::Storescu, Sender::Native];
    let settings = senders.map(|sender| Settings { sender, ..base.clone() });
    block.scenarios = (0..).zip(settings).map(|(scenario, settings)| Scenario { scenario, settings }).collect();
    let report = run.measure(0, block).succeeds();
    let reasons: Vec<_> = measured(&report).iterations.iter().filter_map(|one| one.reason.as_ref()).collect();
    assert!(reasons.is_empty(), "{reasons:?}");
    let levels: Vec<Vec<_>> = measured(&report)
        .searches
        .iter()
        .map(|search| {
            assert!(search.iterations.iter().all(|one| one.iteration.valid));
            search.iterations.iter().map(|one| one.level).collect()
        })
        .collect();
    // Too short to tell from one iteration.
    assert_eq!(levels, [[2.0, 2.0, 4.0, 4.0], [2.0, 2.0, 4.0, 4.0]]);
}
