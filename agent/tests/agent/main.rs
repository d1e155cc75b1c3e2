//! The agent against a real Orthanc and a real storescu on loopback: `/usr/sbin/Orthanc` and `storescu` must be there,
//! and for the network baseline iperf3 and ping.
//! The agent against a real Orthanc and a real storescu on loopback: `/usr/sbin/Orthanc`, DCMTK and `dciodvfy` must be
//! there.

// Tests say what they expect where it fails.
#![allow(clippy::unwrap_used, missing_docs)]

mod associations;
mod configure;
mod dataset;
mod deadline;
mod harness;
mod measure;
mod network;
mod resources;
mod schemas;
mod senders;
mod native;
mod schemas;
mod sink;
