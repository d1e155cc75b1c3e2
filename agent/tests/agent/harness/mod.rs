//! An Orthanc that runs with the agent's own configuration and environment, a bucket to upload to, and the agent; its
//! null SCP and its own SCU, and DCMTK's.

pub mod bucket;
pub mod diagnosed;
pub mod orthanc;
pub mod recorded;
pub mod run;
pub mod sender;
pub mod sink;
pub mod storescp;

pub use bucket::Bucket;
pub use orthanc::OrthancProcess;
pub use run::Run;

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports for each process of tests, so that two that run side by side seldom look at the same ones.
const PORTS: u32 = 32;

/// A TCP port of loopback that nobody listens on, another one with each call. It is none of those that Linux gives to
/// whoever asks for any or connects: from 32768 on (ip_local_port_range, in the kernel's ip-sysctl.rst).
pub fn free_port() -> u16 {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = process::id().wrapping_mul(PORTS).wrapping_add(CALLS.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(10_000 + number % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
