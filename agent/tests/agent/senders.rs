//! Every sender, target, transfer syntax and arrival, through `client measure`.

use dicomperf_agent::sink::SinkDocument;
use dicomperf_model::measurement::Iteration;
use dicomperf_model::plan::Scenario;
use dicomperf_model::request::{InstancesPerAssociation, Sender, Synthetic, Target, TransferSyntax};
use dicomperf_model::samples;
use dicomperf_model::samples::Sample;
use dicomperf_model::settings::Settings;
use dicomperf_model::step::{DatasetSource, MeasureBlock};

use crate::harness::orthanc::settings;
use crate::harness::run::{block, measurement_of};
use crate::harness::sink::{SinkProcess, plain};
use crate::harness::{OrthancProcess, Run};

const SENDERS: [Sender; 3] = [Sender::Storescu, Sender::Dcmsend, Sender::Native];

/// The block's only scenario, in one variant per change.
pub fn variants(block: &MeasureBlock, changes: impl IntoIterator<Item = impl Fn(&mut Settings)>) -> Vec<Scenario> {
    let base = &block.scenarios[0].settings;
    (0..)
        .zip(changes)
        .map(|(scenario, change)| {
            let mut settings = base.clone();
            change(&mut settings);
            Scenario { number: scenario, settings }
        })
        .collect()
}

pub fn all_valid(iterations: &[Iteration]) {
    for iteration in iterations {
        assert!(iteration.valid, "scenario {}: {:?}", iteration.scenario, iteration.reason);
    }
}

/// Starts a sink in place of the block's Orthanc.
pub fn sink_for(block: &mut MeasureBlock, delay_us: u64) -> SinkProcess {
    let sink = SinkProcess::start(SinkDocument { max_pdu: block.settings.max_pdu, delay_us, ..plain() });
    block.settings.target = Target::Sink;
    block.server.dicom_port = sink.document.dicom_port;
    block.server.rest_port = sink.document.control_port;
    sink
}

#[test]
fn every_sender_stores_everything_and_tells_its_times() {
    let run = Run::with_instances(9);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let mut block = block(&orthanc, &[2], 0, 1);
    block.scenarios = variants(&block, SENDERS.map(|sender| move |settings: &mut Settings| settings.sender = sender));
    let report = run.measure(0, block).succeeds();
    let measurement = measurement_of(&report);
    all_valid(&measurement.iterations);
    assert!(measurement.clock.latency.contains("DCMTK") && measurement.clock.latency.contains("native"));
    for one in &measurement.iterations {
        assert_eq!((one.instances_sent, one.latency_us.len(), one.first_latency_us.len()), (9, 9, 2), "{one:?}");
        assert_eq!((one.association_us.len(), one.release_us.len()), (2, 2), "{one:?}");
        assert!(!one.startup_us.is_empty() && one.size_fit.n == 9);
        assert!(one.server.is_some_and(|server| server.slowest_store_ms.is_some()), "{:?}", one.server);
        assert!(one.duration_ms >= one.transfer_ms && one.transfer_ms > 0.0);
    }
    // The samples have every C-STORE, and the resources that the host used meanwhile.
    let uploaded = run.bucket.uploads("samples").pop().expect("samples");
    let (stores, resources): (Vec<_>, Vec<_>) =
        samples::read(&uploaded).unwrap().into_iter().partition(|sample| matches!(sample, Sample::Store(_)));
    assert_eq!(stores.len(), 27);
    assert!(!resources.is_empty());
}

#[test]
fn an_association_carries_as_many_instances_as_asked_for() {
    let run = Run::with_instances(5);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let mut block = block(&orthanc, &[1], 0, 1);
    let two_each = SENDERS.map(|sender| {
        move |settings: &mut Settings| {
            settings.sender = sender;
            settings.instances_per_association = InstancesPerAssociation::Count(2);
        }
    });
    block.scenarios = variants(&block, two_each);
    let report = run.measure(0, block).succeeds();
    all_valid(&measurement_of(&report).iterations);
    for iteration in &measurement_of(&report).iterations {
        // Associations of two, two and one instances.
        assert_eq!((iteration.association_us.len(), iteration.first_latency_us.len()), (3, 3), "{iteration:?}");
    }
}

#[test]
fn a_dataset_is_sent_in_the_transfer_syntax_that_is_asked_for() {
    const SYNTAXES: [TransferSyntax; 7] = [
        TransferSyntax::Original,
        TransferSyntax::ImplicitVRLittleEndian,
        TransferSyntax::ExplicitVRLittleEndian,
        TransferSyntax::DeflatedExplicitVRLittleEndian,
        TransferSyntax::JPEGLosslessSV1,
        TransferSyntax::JPEGLSLossless,
        TransferSyntax::RLELossless,
    ];
    let run = Run::new();
    let spec = Synthetic { instances: 2, ..Synthetic::default() };
    run.configure_client_in(DatasetSource::Synthetic(spec), &SYNTAXES).succeeds();
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let mut block = block(&orthanc, &[1], 0, 2);
    let pairs = SYNTAXES
        .into_iter()
        .flat_map(|syntax| [Sender::Storescu, Sender::Native].map(|sender| (syntax, sender)))
        .map(|(syntax, sender)| {
            move |settings: &mut Settings| {
                settings.transfer_syntax = syntax;
                settings.sender = sender;
            }
        });
    block.scenarios = variants(&block, pairs);
    let report = run.measure(0, block.clone()).succeeds();
    all_valid(&measurement_of(&report).iterations);
    // A compressed transfer syntax has fewer bytes to send and to store.
    let bytes = |syntax: TransferSyntax| {
        let scenario = block.scenarios.iter().find(|one| one.settings.transfer_syntax == syntax).unwrap().number;
        let one = measurement_of(&report).iterations.iter().find(|one| one.scenario == scenario).unwrap();
        (one.bytes_sent, one.stored_bytes)
    };
    let original = bytes(TransferSyntax::Original);
    for syntax in &SYNTAXES[3..] {
        assert!(bytes(*syntax).0 < original.0, "{syntax:?}: {:?} {original:?}", bytes(*syntax));
    }
    // Orthanc inflates deflated data sets, but stores compressed pixels unchanged.
    for syntax in &SYNTAXES[4..] {
        assert!(bytes(*syntax).1 < original.1, "{syntax:?}: {:?} {original:?}", bytes(*syntax));
    }
}

#[test]
fn the_sink_takes_what_every_sender_sends() {
    let run = Run::with_instances(6);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let mut block = block(&orthanc, &[3], 0, 2);
    block.scenarios = variants(&block, SENDERS.map(|sender| move |settings: &mut Settings| settings.sender = sender));
    let _sink = sink_for(&mut block, 0);
    let report = run.measure(0, block).succeeds();
    all_valid(&measurement_of(&report).iterations);
    assert!(measurement_of(&report).read_back.is_none() && measurement_of(&report).iterations[0].server.is_none());
    assert_eq!(measurement_of(&report).iterations[0].instances_stored, Some(6));
}
