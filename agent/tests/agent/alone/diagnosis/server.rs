//! The server's CPUs, threads and disk.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dicomperf_model::results::Summary;
use dicomperf_model::results::{Confidence, Rule};
use dicomperf_model::settings::ServerSettings;
use dicomperf_testkit::{Cause, not_tested};
use serde_json::{Value, json};

use crate::harness::diagnosed::{Server, assert_silent, diagnosed, diagnosed_with, finding, undisturbed};
use crate::harness::recorded;

fn compressing(associations: &Value, orthanc: &Value) -> Value {
    json!({
        "dataset": { "synthetic": { "modality": "CT", "instances": 40 } }, "iterations": 3, "warmup": 0, "rounds": 1,
        "matrix": { "associations": associations, "orthanc": orthanc },
    })
}

#[test]
fn compression_on_one_association_keeps_one_thread_busy_and_is_proven_by_a_run_without() {
    let orthanc = json!([{ "StorageCompression": true }, { "StorageCompression": false }]);
    let Some(summary) = undisturbed("compression-on-one-association", || diagnosed(compressing(&json!([1]), &orthanc)))
    else {
        return;
    };
    one_thread_is_the_limit(&summary);
}

pub fn one_thread_is_the_limit(summary: &Summary) {
    let compression = finding(summary, Rule::StorageCompression);
    assert_eq!((compression.confidence, &compression.scenarios[..]), (Confidence::Proven, &[0][..]));
    let thread = finding(summary, Rule::ServerThreadBound);
    assert_eq!(thread.scenarios, [0]);
    assert_silent(summary, &[Rule::ServerCpuBound, Rule::ClientBound]);
}

#[test]
fn compression_on_many_associations_uses_up_the_cpus() {
    let orthanc = json!([{ "StorageCompression": true, "DicomThreadsCount": 8 }]);
    let Some(summary) =
        undisturbed("compression-on-many-associations", || diagnosed(compressing(&json!([8]), &orthanc)))
    else {
        return;
    };
    the_cpus_are_the_limit(&summary);
}

pub fn the_cpus_are_the_limit(summary: &Summary) {
    let cpus = finding(summary, Rule::ServerCpuBound);
    assert_eq!(cpus.scenarios, [0]);
    assert_silent(summary, &[Rule::ServerThreadBound]);
    let compression = finding(summary, Rule::StorageCompression);
    assert_eq!(compression.confidence, Confidence::Likely);
}

#[test]
fn transcoding_at_ingest_is_proven_by_a_run_without() {
    let orthanc = json!([{ "IngestTranscoding": "1.2.840.10008.1.2.4.80" }, {}]);
    let summary = diagnosed(compressing(&json!([1]), &orthanc));
    let transcoding = finding(&summary, Rule::IngestTranscoding);
    assert_eq!((transcoding.confidence, &transcoding.scenarios[..]), (Confidence::Proven, &[0][..]));
    assert_silent(&summary, &[Rule::StorageCompression]);
}

/// Writes to a disk while `work` runs, as another program would. The writes bypass the page cache, which takes little
/// CPU.
fn while_the_disk_is_busy<T>(work: impl FnOnce() -> T) -> T {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (path, done) = (directory.path().join(format!("file-{writer}")), &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let mut dd = Command::new("dd");
                    dd.args(["if=/dev/zero", "bs=8M", "count=32", "oflag=direct", "conv=notrunc", "status=none"]);
                    assert!(dd.arg(format!("of={}", path.display())).status().unwrap().success());
                }
            });
        }
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}

fn small_instances() -> Value {
    json!({
        "dataset": { "synthetic": { "modality": "PT", "instances": 50 } }, "iterations": 3, "warmup": 0, "rounds": 1,
    })
}

#[test]
fn a_disk_that_is_kept_busy_is_the_limit() {
    let on_disk = |settings: &ServerSettings, _| {
        Server::start_in(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(), settings)
    };
    let mut measured = (0..3).map(|_| while_the_disk_is_busy(|| diagnosed_with(small_instances(), on_disk)));
    // If the CPUs are used up too, the disk is not the only limit.
    let cpus_were_free = |summary: &Summary| {
        summary.scenarios[0].resources.server.as_ref().is_some_and(|used| used.cpu.user + used.cpu.system < 0.7)
    };
    let summary = measured.find(cpus_were_free);
    let Some(summary) = summary else {
        return not_tested(Cause::Disturbed("the CPUs were used up, three times"));
    };
    recorded::keep_latest("disk-kept-busy");
    the_disk_is_the_limit(&summary);
}

#[test]
fn storage_in_memory_is_not_limited_by_a_disk() {
    let Some(summary) = undisturbed("storage-in-memory", || diagnosed(small_instances())) else { return };
    the_disk_is_not_the_limit(&summary);
}

pub fn the_disk_is_the_limit(summary: &Summary) {
    let disk = finding(summary, Rule::DiskBound);
    assert_eq!(disk.scenarios, [0]);
}

pub fn the_disk_is_not_the_limit(summary: &Summary) {
    assert_silent(summary, &[Rule::DiskBound]);
}
