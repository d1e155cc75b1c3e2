//! The network baseline and its duration.

use std::time::Duration;

use dicomperf_model::network::RoundTripMethod;

use crate::network::{Iperf, Scratch};

#[test]
fn both_directions_round_trips_and_mtus_are_measured_in_three_seconds() {
    let (server, scratch) = (Iperf::start(), Scratch::new());
    let (found, took) = scratch.measure("127.0.0.1", server.port);
    let found = found.unwrap();
    assert!(took < Duration::from_millis(3500), "{took:?}");
    // Loopback is faster than this, even on a loaded machine.
    assert!(found.to_server_bytes_per_second > 50e6 && found.from_server_bytes_per_second > 50e6, "{found:?}");
    let trip = found.round_trip;
    assert!(trip.min_ms > 0.0 && trip.median_ms < 50.0 && trip.count >= 5, "{trip:?}");
    assert_eq!(trip.method, RoundTripMethod::Ping);
    assert_eq!(found.path_mtu_bytes, found.interface_mtu_bytes.min(65_535));
    assert!(found.interface_mtu_bytes >= 1500, "{found:?}");
    // The server is ready for the next block.
    scratch.measure("127.0.0.1", server.port).0.unwrap();
}
