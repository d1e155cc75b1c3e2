//! The time of a C-STORE over the size of its instance.

use super::*;

#[test]
fn the_time_of_a_c_store_is_told_apart_by_size() {
    let plan = planned(json!({ "rounds": 1 }));
    let mut steps = all_steps(&plan, |_, _| 2500.0);
    let baseline = NetworkBaseline {
        to_server_bytes_per_second: 1e9,
        from_server_bytes_per_second: 1e9,
        retransmits_to_server: 0,
        retransmits_from_server: 0,
        seconds: 1.0,
        round_trip: RoundTrip::from_times(RoundTripMethod::Ping, vec![0.2]).expect("one"),
        path_mtu_bytes: 1500,
        interface_mtu_bytes: 1500,
    };
    let measured = steps.iter_mut().find_map(|step| match &mut step.output {
        Some(StepOutput::Measured(measured)) => Some(measured),
        _ => None,
    });
    let measured = measured.expect("a measurement");
    measured.network = Some(baseline);
    for iteration in &mut measured.iterations {
        iteration.size_fit = LeastSquares::default();
        // Each C-STORE takes 2 ms, and 4 ms for each MB.
        for megabytes in [0.5, 1.0, 8.0] {
            iteration.size_fit.add(megabytes * 1e6, 2000.0 + megabytes * 4000.0);
        }
        iteration.association_us.record(5_000);
        iteration.server = Some(ServerMetrics { slowest_store_ms: Some(7.0), slowest_write_ms: None });
    }
    let summary = summarize(&plan, &steps, went_well());
    let parts = summary.scenarios[0].decomposition.as_ref().expect("parts");
    let by_size = parts.by_size.expect("several sizes");
    assert!(
        (by_size.per_instance_ms - 2.0).abs() < 1e-6 && (by_size.per_megabyte_ms - 4.0).abs() < 1e-6,
        "{by_size:?}"
    );
    assert!((parts.association_ms.expect("associations").p50 - 5.0).abs() < 0.01);
    assert_eq!((parts.server_store_ms_at_most, parts.server_write_ms_at_most), (Some(7.0), None));
    // The floor is 525 kB at 1 GB/s, and a round trip.
    assert!((parts.network_floor_ms.expect("a floor") - 0.725).abs() < 1e-6, "{parts:?}");
    assert!((parts.between_stores_ms.expect("between") - 0.5).abs() < 1e-6);
}

#[test]
fn no_line_is_drawn_through_sizes_that_differ_by_some_bytes() {
    let plan = planned(json!({ "rounds": 1 }));
    let mut steps = all_steps(&plan, |_, _| 2500.0);
    for step in &mut steps {
        let Some(StepOutput::Measured(measured)) = &mut step.output else { continue };
        for iteration in &mut measured.iterations {
            iteration.size_fit = LeastSquares::default();
            for (bytes, latency_us) in [(525_010.0, 2_500.0), (525_024.0, 3_000.0), (525_018.0, 2_000.0)] {
                iteration.size_fit.add(bytes, latency_us);
            }
        }
    }
    let summary = summarize(&plan, &steps, went_well());
    assert_eq!(summary.scenarios[0].decomposition.as_ref().expect("parts").by_size, None);
}
