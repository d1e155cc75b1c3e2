//! The sampler's schedule, and the network, which other programs use too.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{scope, sleep};
use std::time::Duration;

use crate::resources::used_while;

const LOOPBACK_BYTES: usize = 100_000_000;

#[test]
fn samples_are_taken_five_times_a_second_and_do_not_drift() {
    let (_, samples) = used_while(|| sleep(Duration::from_secs(4)));
    // The first when it starts, one when it is stopped, and twenty in between, of which a loaded machine may miss some.
    assert!((18..=23).contains(&samples.len()), "{}", samples.len());
    let start = samples[1].at_ms;
    let late: Vec<_> = samples[1..samples.len() - 1].iter().map(|sample| (sample.at_ms - start) % 200).collect();
    let on_time = late.iter().filter(|&&ms| ms.min(200 - ms) <= 20).count();
    assert!(on_time * 10 >= late.len() * 8, "{late:?}");
}

#[test]
fn what_goes_over_loopback_is_seen_there_and_not_on_the_network() {
    let (used, _) = used_while(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        scope(|scope| {
            scope.spawn(move || TcpStream::connect(address).unwrap().write_all(&vec![7; LOOPBACK_BYTES]).unwrap());
            let mut received = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
            assert_eq!(received.len(), LOOPBACK_BYTES);
        });
    });
    let expected = f64::from(u32::try_from(LOOPBACK_BYTES).unwrap()) / (used.covered_ms / 1e3);
    assert!(used.loopback.received_bytes_per_second > 0.95 * expected, "{:?}", used.loopback);
    assert!(used.network.received_bytes_per_second < 0.5 * expected, "{:?}", used.network);
}
