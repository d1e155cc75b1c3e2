//! The agent against a real Orthanc and a real storescu on loopback: `/usr/sbin/Orthanc` and `storescu` must be there.

// Tests say what they expect where it fails.
#![allow(clippy::unwrap_used, missing_docs)]

mod associations;
mod configure;
mod deadline;
mod harness;
mod measure;
mod native;
mod schemas;
mod sink;
