//! TCP ports for the servers of tests.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports for each test process, so that two processes that run at the same time seldom try the same ports.
const PORTS: u32 = 32;

/// A free TCP port of loopback, a different one for each call. It is below the ports that Linux gives to programs that
/// request any port or connect: those begin at 32768 (ip_local_port_range, in the kernel's ip-sysctl.rst).
pub fn free_port() -> u16 {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = process::id().wrapping_mul(PORTS).wrapping_add(CALLS.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(10_000 + number % 20_000).expect("below 30,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
