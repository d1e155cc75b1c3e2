//! An Orthanc that runs with the agent's own configuration and environment, a bucket to upload to, and the agent; its
//! null SCP and its own SCU, and DCMTK's.

pub mod bucket;
pub mod diagnosed;
pub mod orthanc;
pub mod run;
pub mod sender;
pub mod sink;
pub mod storescp;

pub use bucket::Bucket;
pub use orthanc::OrthancProcess;
pub use run::Run;

use std::net::TcpListener;

/// A TCP port of loopback that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
