//! The agent against a real Orthanc and DCMTK on loopback. The tests need `/usr/sbin/Orthanc`, DCMTK and `dciodvfy`,
//! and for the network baseline iperf3 and ping.

// A failed `unwrap` in a test shows the failed line.
#![allow(clippy::unwrap_used, missing_docs)]

mod alone;
mod associations;
mod builds;
mod cases;
mod configure;
mod dataset;
mod deadline;
mod existing;
mod failures;
mod full;
mod harness;
mod host;
mod measure;
mod native;
mod network;
mod outside;
mod own_dataset;
mod recorded;
mod resources;
mod schemas;
mod search;
mod senders;
mod sink;
mod supervisor;
