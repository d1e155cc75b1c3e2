//! Rules whose provocation another program on the machine would disturb, decided on runs that were recorded when none did:
//! `DICOMPERF_RECORD=agent/tests/agent/recorded cargo nextest run -p dicomperf-agent alone::diagnosis`.

use crate::alone::diagnosis::{client, course, server, transport};
use crate::harness::recorded::recorded;

#[test]
fn a_sender_that_computes_more_than_orthanc_is_the_limit() {
    client::the_sender_is_the_limit(&recorded("sender-that-computes"));
}

#[test]
fn compression_on_one_association_keeps_one_thread_busy_and_is_proven_by_a_run_without() {
    server::one_thread_is_the_limit(&recorded("compression-on-one-association"));
}

#[test]
fn compression_on_many_associations_uses_up_the_cpus() {
    server::the_cpus_are_the_limit(&recorded("compression-on-many-associations"));
}

#[test]
fn a_disk_that_is_kept_busy_is_the_limit_and_memory_is_not() {
    server::the_disk_is_the_limit(&recorded("disk-kept-busy"));
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
