//! The agent against a real Orthanc and DCMTK on loopback: `/usr/sbin/Orthanc`, DCMTK and `dciodvfy` must be there, and
//! for the network baseline iperf3 and ping.

// Tests say what they expect where it fails.
#![allow(clippy::unwrap_used, missing_docs)]

mod alone;
mod associations;
mod configure;
mod dataset;
mod deadline;
mod harness;
mod measure;
mod native;
mod network;
mod recorded;
mod resources;
mod schemas;
mod search;
mod senders;
mod sink;
