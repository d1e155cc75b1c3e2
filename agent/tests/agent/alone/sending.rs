//! Sending and answering on time.

use dicomperf_agent::native::SendDocument;
use dicomperf_agent::sink::SinkDocument;
use dicomperf_model::request::{Arrival, Sender};
use dicomperf_model::settings::Settings;

use crate::harness::orthanc::settings;
use crate::harness::run::{block, measurement_of};
use crate::harness::sender::{Instances, send};
use crate::harness::sink::{SinkProcess, plain};
use crate::harness::{OrthancProcess, Run};
use crate::native::lateness;
use crate::senders::{all_valid, sink_for, variants};
use crate::sink::assert_holds;

#[test]
fn one_at_a_time_its_capacity_is_known_whatever_the_number_of_associations() {
    let instances = Instances::explicit(40);
    let sink = SinkProcess::start(SinkDocument { delay_us: 10_000, one_at_a_time: true, ..plain() });
    for lanes in [1, 4] {
        let document = SendDocument { max_pdu: 0, ..instances.document(sink.document.dicom_port, lanes) };
        let associations = send(&document).succeeds();
        let stores: Vec<_> = associations.iter().flat_map(|association| &association.stores).collect();
        let answered = |store: &&dicomperf_agent::timeline::Store| store.response.as_ref().unwrap().0;
        let taken =
            stores.iter().map(answered).max().unwrap() - stores.iter().map(|one| one.requested_us).min().unwrap();
        // 40 C-STOREs at 10 ms each, and the delay of a busy machine.
        assert!((400_000..600_000).contains(&taken), "{lanes} associations: {taken} us");
        let mut latencies: Vec<_> = stores.iter().map(|store| answered(store) - store.requested_us).collect();
        latencies.sort_unstable();
        let median = latencies[latencies.len() / 2] as f64 / 10_000.0;
        assert!((median / lanes as f64 - 1.0).abs() < 0.25, "{lanes} associations: {median} delays");
        assert_holds(&sink, &instances);
    }
}

#[test]
fn an_open_arrival_counts_the_wait_that_a_slow_server_causes() {
    let run = Run::with_instances(20);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let mut block = block(&orthanc, &[1], 0, 1);
    // The sink answers at most 50 C-STOREs a second.
    let _sink = sink_for(&mut block, 20_000);
    let open = |rate: f64| {
        move |settings: &mut Settings| {
            settings.sender = Sender::Native;
            settings.arrival = Arrival::Open(rate);
        }
    };
    block.scenarios = variants(&block, [open(25.0), open(100.0)]);
    let report = run.measure(0, block).succeeds();
    all_valid(&measurement_of(&report).iterations);
    let [slow, fast] = &measurement_of(&report).iterations[..] else { panic!("two") };
    // 20 instances at 25 a second: the last one is due after 760 ms. Each is answered after about 20 ms.
    assert!((700.0..1100.0).contains(&slow.transfer_ms), "{slow:?}");
    assert!(slow.latency_us.percentile_ms(90.0) < 35.0, "{:?}", slow.latency_us.percentile_ms(90.0));
    // At 100 a second each instance waits for all before it. The last is due after 190 ms and answered after 400 ms.
    assert!(fast.latency_us.max_ms() > 150.0, "{}", fast.latency_us.max_ms());
}

#[test]
fn open_arrival_keeps_its_rate_over_all_lanes() {
    let instances = Instances::explicit(60);
    let sink = SinkProcess::start(plain());
    let document = SendDocument { arrival: Arrival::Open(100.0), ..instances.document(sink.document.dicom_port, 3) };
    let associations = send(&document).succeeds();
    let stores = associations.iter().flat_map(|association| &association.stores);
    let mut scheduled: Vec<_> = stores.map(|store| store.scheduled_us.unwrap()).collect();
    scheduled.sort_unstable();
    for pair in scheduled.windows(2) {
        assert!(pair[1].abs_diff(pair[0]).abs_diff(10_000) <= 1, "{pair:?}");
    }
    let mut late = lateness(&associations);
    late.sort_unstable();
    assert!(late[late.len() / 2].0 < 2_000, "{late:?}");
}
