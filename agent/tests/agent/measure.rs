//! The whole flow, and the causes of invalid iterations.

use std::thread;
use std::time::Duration;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicomperf_model::step::{StepId, StepState, Work};
use serde_json::json;

use crate::harness::orthanc::{PASSWORD, settings};
use crate::harness::run::{block, measurement_of};
use crate::harness::{OrthancProcess, Run};

#[test]
fn one_and_four_associations_are_measured_and_the_delayed_ack_shows() {
    let run = Run::with_instances(12);
    let mut medians = Vec::new();
    for tcp_no_delay in [true, false] {
        let orthanc = OrthancProcess::start(settings(tcp_no_delay, false, &[]));
        let mut block = block(&orthanc, &[1, 4], 1, 2);
        block.ordinal = u32::from(!tcp_no_delay);
        let step = run.measure(0, block);
        let report = step.succeeds();
        assert_eq!(report.state, StepState::Succeeded);
        assert_eq!((report.progress.done, report.progress.total), (6, 6));
        let measurement = measurement_of(&report);
        let order: Vec<_> = measurement.iterations.iter().map(|one| (one.index, one.scenario)).collect();
        assert_eq!(order, [(0, 0), (0, 1), (1, 1), (1, 0), (2, 0), (2, 1)]);
        for iteration in &measurement.iterations {
            assert!(iteration.valid, "{:?}", iteration.reason);
            assert_eq!(iteration.warmup, iteration.index == 0);
            assert_eq!((iteration.instances_sent, iteration.instances_stored), (12, Some(12)));
            assert_eq!(iteration.bytes_sent, measurement.iterations[0].bytes_sent);
            assert!(iteration.bytes_sent > 12 * 524_288);
            assert!(0.0 < iteration.transfer_ms && iteration.transfer_ms < iteration.duration_ms);
            assert_eq!(iteration.latency_us.len(), 12);
        }
        let read_back = measurement.read_back.as_ref().expect("an instance that was read back");
        assert!(read_back.differences.is_empty() && read_back.elements > 40, "{read_back:?}");
        let negotiated = measurement.negotiated.as_ref().expect("the server's answer");
        assert_eq!((negotiated.max_pdu, negotiated.contexts.len()), (Some(16_384), 1));
        assert_eq!(measurement.clock.duration, "CLOCK_MONOTONIC");
        let of_iterations = measurement.iterations.iter().map(|one| one.latency_us.percentile_ms(50.0));
        medians.push(of_iterations.fold(f64::INFINITY, f64::min));
        // One report at the start, one before each iteration, one at the end.
        assert!(run.bucket.reports(&step.step).len() >= 8);
        assert!(!step.log().contains(PASSWORD) && !step.log().contains("X-Amz-Signature"), "{}", step.log());
    }
    // The delayed ACK takes 40 ms, less half a tick. alone::diagnosis::transport shows that TCP_NODELAY avoids it.
    assert!(medians[1] >= 38.0, "{medians:?}");
}

#[test]
fn more_associations_than_instances_are_not_opened() {
    let run = Run::with_instances(2);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let report = run.measure(0, block(&orthanc, &[4], 0, 1)).succeeds();
    assert!(measurement_of(&report).iterations[0].valid, "{:?}", measurement_of(&report).iterations[0].reason);
}

#[test]
fn dicom_goes_over_tls() {
    let run = Run::with_instances(3);
    let orthanc = OrthancProcess::start(settings(true, true, &[]));
    let report = run.measure(0, block(&orthanc, &[1, 2], 0, 1)).succeeds();
    assert!(measurement_of(&report).iterations.iter().all(|iteration| iteration.valid), "{report:?}");
    let tls = dicomperf_agent::tls::trusting_client(&orthanc.certificate()).unwrap();
    dicomperf_agent::server::echo::echo(&orthanc.address, "DICOMPERF", Some(tls)).unwrap();
    assert!(dicomperf_agent::server::echo::echo(&orthanc.address, "DICOMPERF", None).is_err());
}

#[test]
fn transcoding_at_ingest_is_no_difference() {
    let run = Run::with_instances(2);
    let keys = [("IngestTranscoding", json!("1.2.840.10008.1.2.4.80"))];
    let orthanc = OrthancProcess::start(settings(true, false, &keys));
    let report = run.measure(0, block(&orthanc, &[1], 0, 2)).succeeds();
    let measurement = measurement_of(&report);
    assert!(measurement.iterations.iter().all(|iteration| iteration.valid), "{measurement:?}");
    assert!(measurement.iterations[0].stored_bytes.unwrap() < measurement.iterations[0].bytes_sent);
    assert!(
        measurement.read_back.as_ref().is_some_and(|read_back| read_back.differences.is_empty()),
        "{measurement:?}"
    );
}

#[test]
fn an_iteration_is_invalid_when_the_server_holds_something_else() {
    let run = Run::with_instances(30);
    // Without TCP_NODELAY an iteration takes over a second, which is long enough to store another instance meanwhile.
    let orthanc = OrthancProcess::start(settings(false, false, &[]));
    let other = Run::with_instances(1);
    let intruder = other.home("dataset/000001.dcm");
    // An instance that is not in the dataset.
    let foreign = other.state.path().join("foreign.dcm");
    let mut object = dicom_object::open_file(&intruder).unwrap();
    object.put(DataElement::new(tags::SOP_INSTANCE_UID, VR::UI, PrimitiveValue::from("2.25.99")));
    object.write_to_file(&foreign).unwrap();

    let mut command = run.command(StepId::Measure { ordinal: 0, part: 0 }, Work::Measure(block(&orthanc, &[1], 0, 2)));
    let mut agent = command.spawn().unwrap();
    while orthanc.rest().statistics().unwrap().count_instances < 3 {
        thread::sleep(Duration::from_millis(10));
    }
    orthanc.store(&foreign);
    assert!(agent.wait().unwrap().success());
    let report = run.bucket.reports("client-measure-0").pop().unwrap();
    let [first, second] = &measurement_of(&report).iterations[..] else { panic!("two iterations") };
    assert!(!first.valid);
    assert!(first.reason.as_ref().unwrap().contains("holds 1 instances that were not sent, like 2.25.99"), "{first:?}");
    assert_eq!((first.instances_sent, first.instances_stored), (30, Some(31)));
    assert!(second.valid, "{:?}", second.reason);
}
