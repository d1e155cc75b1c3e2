//! The agent, its null SCP and its SCU; an Orthanc with the agent's own configuration and environment; DCMTK's tools;
//! and a bucket to upload to.

pub mod archive;
pub mod archives;
pub mod bucket;
pub mod diagnosed;
pub mod existing;
pub mod failing;
pub mod faulty;
pub mod objects;
pub mod orthanc;
pub mod proxy;
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

/// Ports for each test process, so that two processes that run at the same time seldom try the same ports.
const PORTS: u32 = 32;

/// A free TCP port of loopback, a different one for each call. It is below the ports that Linux gives to programs that
/// request any port or connect: those begin at 32768 (ip_local_port_range, in the kernel's ip-sysctl.rst).
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
