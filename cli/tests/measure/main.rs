//! `dicomperf measure` as people use it, against servers on loopback: Orthanc, the sink, DCMTK's dcmqrscp and storescp,
//! pynetdicom's qrscp. The servers are processes of their own, and so is the command line.

// A failed `unwrap` in a test shows the failed line.
#![allow(clippy::unwrap_used, missing_docs)]

mod arguments;
mod baseline;
mod care;
mod failures;
mod harness;
mod interrupt;
mod nothing;
mod servers;
