//! Rules whose provocation another program could disturb. These tests judge recorded runs:
//! `DICOMPERF_RECORD=agent/tests/agent/recorded cargo nextest run -p dicomperf-agent alone::diagnosis`.

use crate::alone::diagnosis::{client, course, server, transport};
use crate::harness::recorded::recorded_summary;

#[test]
fn storage_in_memory_is_not_limited_by_a_disk() {
    server::the_disk_is_not_the_limit(&recorded_summary("storage-in-memory"));
}

#[test]
fn compression_on_one_association_keeps_one_thread_busy() {
    server::one_thread_is_the_limit(&recorded_summary("compression-on-one-association"));
}

#[test]
fn compression_on_many_associations_uses_up_the_cpus() {
    server::the_cpus_are_the_limit(&recorded_summary("compression-on-many-associations"));
}

#[test]
fn a_sender_that_computes_more_than_orthanc_is_the_limit() {
    client::the_sender_is_the_limit(&recorded_summary("sender-that-computes"));
}

#[test]
fn small_pdus_are_proven_by_larger_ones() {
    transport::small_pdus_are_proven(&recorded_summary("small-pdus"));
}

#[test]
fn a_server_that_takes_its_time_is_not_noisy() {
    course::nothing_is_wrong_with_its_course(&recorded_summary("server-that-takes-its-time"));
}
