//! Rules whose provocation another program on the machine would disturb, decided on runs that were recorded:
//! `DICOMPERF_RECORD=agent/tests/agent/recorded cargo nextest run -p dicomperf-agent alone::diagnosis`.

use crate::alone::diagnosis::{course, server, transport};
use crate::harness::recorded::recorded;

#[test]
fn storage_in_memory_is_not_limited_by_a_disk() {
    server::the_disk_is_not_the_limit(&recorded("storage-in-memory"));
}

#[test]
fn small_pdus_are_proven_by_larger_ones() {
    transport::small_pdus_are_proven(&recorded("small-pdus"));
}

#[test]
fn a_server_that_takes_its_time_is_not_noisy() {
    course::nothing_is_wrong_with_its_course(&recorded("server-that-takes-its-time"));
}
