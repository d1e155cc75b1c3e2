//! The sampler against the real kernel: the values change under load, and the file is always readable.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicomperf_agent::clock::Moment;
use dicomperf_agent::resources::{SampleFile, Sampler};
use dicomperf_model::results::ResourceUse;
use dicomperf_model::samples::{ResourceSample, Sample, ServerEnd, StoreSample, read};
use dicomperf_testkit::{Cause, not_tested};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::Bucket;

const AGENT: &str = env!("CARGO_BIN_EXE_dicomperf-agent");
const DISK_BYTES: usize = 50_000_000;

fn samples(file: &Path) -> Vec<ResourceSample> {
    let resources = |sample| if let Sample::Resources(sample) = sample { Some(*sample) } else { None };
    read(&fs::read(file).unwrap()).unwrap().into_iter().filter_map(resources).collect()
}

/// The resources that this host used from the sample before `work` to the one after it, at least 2 s later.
pub fn used_while(work: impl FnOnce()) -> (ResourceUse, Vec<ResourceSample>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("client.jsonl.zst");
    let sampler = Sampler::start(&file).unwrap();
    let started = Instant::now();
    work();
    sleep(Duration::from_secs(2).saturating_sub(started.elapsed()));
    sampler.stop().unwrap();
    let samples = samples(&file);
    // Not from when `work` began: a part of the interval that it began in would then be left out.
    let (from_ms, to_ms) = (samples[0].at_ms, samples.last().unwrap().at_ms);
    (dicomperf_analysis::resources::use_between(&samples, from_ms, to_ms).unwrap(), samples)
}

/// A process called Orthanc, with one thread that only computes.
pub struct Busy {
    pub process: Child,
    _directory: TempDir,
}

impl Busy {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("Orthanc");
        fs::copy("/bin/dash", &program).unwrap();
        let process = Command::new(program).args(["-c", "while :; do :; done"]).spawn().unwrap();
        Self { process, _directory: directory }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_file_that_is_written_through_is_seen_on_a_disk() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (used, samples) = used_while(|| {
        let mut file = File::create(directory.path().join("file")).unwrap();
        file.write_all(&vec![7; DISK_BYTES]).unwrap();
        file.sync_all().unwrap();
    });
    let expected = f64::from(u32::try_from(DISK_BYTES).unwrap()) / (used.covered_ms / 1e3);
    assert!(used.disk.written_bytes_per_second > 0.9 * expected, "{:?}", used.disk);
    assert!(used.disk.busy > 0.0 && used.disk.busy <= 1.0 && used.disk.operations_per_second > 0.0, "{:?}", used.disk);
    let names: Vec<_> = samples[0].disks.iter().map(|disk| disk.name.as_str()).collect();
    assert!(!names.iter().any(|name| name.starts_with("loop") || name.starts_with("ram")), "{names:?}");
    assert!(used.memory_available_min_bytes > 1_000_000);
}

/// A record with the end of an Orthanc.
fn record_end(record: &Path, requested: bool) {
    let signal = Some("SIGKILL".to_owned());
    let end = ServerEnd { server: "Orthanc".to_owned(), signal, requested, ..ServerEnd::default() };
    let mut file = File::options().append(true).create(true).open(record).unwrap();
    writeln!(file, "{}", serde_json::to_string(&end).unwrap()).unwrap();
}

#[test]
fn samples_of_a_server_that_died_are_uploaded_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let bucket = Bucket::start();
    fs::write(path("url"), bucket.url("samples")).unwrap();
    let mut command = Command::new(AGENT);
    command.arg("sample").arg("--out").arg(path("samples")).arg("--record").arg(path("ends"));
    command.arg("--upload-url").arg(path("url"));
    let _process = SampleProcess(command.spawn().unwrap());
    while !path("samples").exists() {
        sleep(Duration::from_millis(20));
    }
    record_end(&path("ends"), true);
    sleep(Duration::from_millis(600));
    // An end that was asked for is no reason to upload.
    assert_eq!(bucket.uploads("samples"), Vec::<Vec<u8>>::new());
    record_end(&path("ends"), false);
    // The next frame would be written after 5 s.
    let until = Instant::now() + Duration::from_secs(3);
    while bucket.uploads("samples").is_empty() {
        assert!(Instant::now() < until, "no upload");
        sleep(Duration::from_millis(20));
    }
    let uploaded = read(&bucket.uploads("samples")[0]).unwrap();
    let ends = uploaded.iter().filter(|sample| matches!(sample, Sample::ServerEnd(_)));
    assert_eq!(ends.count(), 2);
}

struct SampleProcess(Child);

impl SampleProcess {
    fn start(file: &Path) -> Self {
        Self(Command::new(AGENT).args(["sample", "--out"]).arg(file).spawn().unwrap())
    }
}

impl Drop for SampleProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_sampler_that_is_killed_leaves_a_file_that_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.jsonl.zst");
    let mut process = SampleProcess::start(&file);
    // The sampler writes a frame every 5 s.
    sleep(Duration::from_secs(7));
    process.0.kill().unwrap();
    process.0.wait().unwrap();
    let before = samples(&file);
    assert!(before.len() >= 20, "{}", before.len());
    // Another sampler, or the writer of C-STOREs, may append behind half a frame. Those samples must be read too.
    let whole = fs::read(&file).unwrap();
    fs::write(&file, [&whole[..], &whole[..whole.len() / 3]].concat()).unwrap();
    SampleFile::append(&file, [Sample::Store(StoreSample { index: 3, ..StoreSample::default() })]).unwrap();
    let all = read(&fs::read(&file).unwrap()).unwrap();
    assert!(matches!(all.last(), Some(Sample::Store(store)) if store.index == 3));
    assert!(all.len() > before.len());
}

#[test]
fn a_sampler_that_is_told_to_end_writes_all_that_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.jsonl.zst");
    let mut process = SampleProcess::start(&file);
    sleep(Duration::from_secs(2));
    let told = Moment::now();
    kill_process(Pid::from_child(&process.0), Signal::TERM).unwrap();
    assert!(process.0.wait().unwrap().success());
    let samples = samples(&file);
    assert!(samples.len() >= 6, "{}", samples.len());
    assert!(samples.last().unwrap().at_ms >= told.wall_ms());
    // zstd's own program must read the file too.
    let Ok(output) = Command::new("zstdcat").arg(&file).output() else {
        return not_tested(Cause::Missing("no zstdcat (apt-get install zstd)"));
    };
    assert!(output.status.success());
    assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), samples.len());
}

#[test]
fn a_file_that_cannot_be_written_is_told_at_once() {
    let output = Command::new(AGENT).args(["sample", "--out", "/proc/none"]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("cannot sample into /proc/none"), "{said}");
}
