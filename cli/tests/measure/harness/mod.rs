//! `dicomperf measure` as a process, and the servers that the agent's tests start too.

#![allow(dead_code)]

#[path = "../../../../agent/tests/agent/harness/archive.rs"]
pub mod archive;
#[path = "../../../../agent/tests/agent/harness/archives.rs"]
pub mod archives;
#[path = "../../../../agent/tests/agent/harness/faulty.rs"]
pub mod faulty;
pub mod measure;
#[path = "../../../../agent/tests/agent/harness/orthanc.rs"]
pub mod orthanc;
pub mod run;
#[path = "../../../../agent/tests/agent/harness/sink.rs"]
pub mod sink;
#[path = "../../../../agent/tests/agent/harness/storescp.rs"]
pub mod storescp;

pub use dicomperf_testkit::free_port;
pub use measure::{Measure, Measured};
