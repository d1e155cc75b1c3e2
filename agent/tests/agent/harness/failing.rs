//! A run whose server fails: the agent's own supervisor, sampler and `client measure`, and the summary of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use dicomperf_agent::resources::Sampler;
use dicomperf_model::plan::{Circumstances, DatasetPlan, plan};
use dicomperf_model::request::Request;
use dicomperf_model::results::Summary;
use dicomperf_model::step::{DatasetSource, StepReport};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::diagnosed::{Samples, measure_block, show, summary_of};
use super::{OrthancProcess, Run};

/// The longest wait for a transfer to get under way.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(60);

/// A run of one scenario with these instances and iterations. Its storage is in memory.
pub struct FailingRun {
    pub request: Value,
    pub directory: TempDir,
    /// A file system below the directory, which is unmounted at the end.
    pub mounted: Option<Mounted>,
}

/// The summary of a run, and the report of its measuring step.
pub struct Failed {
    pub summary: Summary,
    pub measured: StepReport,
}

impl FailingRun {
    pub fn new(modality: &str, instances: u32, iterations: u32) -> Self {
        let request = json!({
            "dataset": { "synthetic": { "modality": modality, "instances": instances } },
            "iterations": iterations, "warmup": 0, "rounds": 1, "matrix": { "associations": [1] },
        });
        Self { request, directory: tempfile::tempdir_in("/dev/shm").unwrap(), mounted: None }
    }

    /// Measures while `fault` runs in a thread of its own, from the start of the measurement on.
    pub fn measure(self, fault: impl FnOnce(&OrthancProcess) + Send) -> Failed {
        let request = Request::from_json(&self.request).unwrap();
        let synthetic = request.dataset.synthetic.clone().unwrap();
        let circumstances = Circumstances::offline("run-1", "2026-01-01T00:00:00Z".parse().unwrap());
        let plan = plan(request, DatasetPlan::synthetic(&synthetic), circumstances).unwrap();
        let sequenced = plan.sequence[0];
        let run = Run::new();
        let configured = run.configure_client(DatasetSource::Synthetic(synthetic)).succeeds();
        let (_, block) = plan.block_of(sequenced.ordinal).unwrap();
        let mut orthanc = OrthancProcess::start_in(self.directory, block.server.clone());
        let file = run.state.path().join("server.jsonl.zst");
        let sampler = Sampler::start_watching(&file, &orthanc.watched()).unwrap();
        let measured = thread::scope(|scope| {
            scope.spawn(|| fault(&orthanc));
            let block = measure_block(&plan, sequenced, orthanc.address.clone());
            let ended = run.measure(0, block);
            println!("{}", ended.stderr().lines().next().unwrap_or_default());
            ended.report()
        });
        sampler.stop().unwrap();
        orthanc.stop();
        drop(self.mounted);
        let samples =
            Samples { server: fs::read(file).unwrap(), client: fs::read(run.home("samples.jsonl.zst")).unwrap() };
        let summary = summary_of(&plan, &[configured, measured.clone()], &samples);
        for iteration in summary.scenarios.iter().flat_map(|scenario| &scenario.iterations) {
            println!("iteration {}: valid {}, {:?}", iteration.index, iteration.valid, iteration.reason);
        }
        for finding in &summary.diagnosis {
            println!("{}", finding.says);
        }
        show(&summary);
        Failed { summary, measured }
    }
}

/// Waits until Orthanc has received this many instances.
pub fn wait_for_instances(orthanc: &OrthancProcess, count: u64) {
    let until = Instant::now() + TRANSFER_TIMEOUT;
    while !orthanc.rest().statistics().is_ok_and(|statistics| statistics.count_instances >= count) {
        assert!(Instant::now() < until, "no transfer");
        sleep(Duration::from_millis(10));
    }
}

/// A small file system in memory, until it is dropped.
pub struct Mounted(PathBuf);

impl Mounted {
    /// Mounts at this path. `None` without the permission.
    pub fn new(path: &Path, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]).arg(path);
        mount.status().is_ok_and(|status| status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A control group whose processes do not run, until it is dropped: as if the host was paused.
pub struct Freezer(PathBuf);

impl Freezer {
    /// Makes a group in the hierarchy that this kernel has: version 2, or else version 1. `None` without the
    /// permission.
    pub fn new() -> Option<Self> {
        let name = format!("dicomperf-test-freezer-{}", std::process::id());
        let root = Path::new("/sys/fs/cgroup");
        let has_version_2 = root.join("cgroup.controllers").exists();
        let group = if has_version_2 { root.join(name) } else { root.join("freezer").join(name) };
        fs::create_dir(&group).ok()?;
        Some(Self(group))
    }

    /// Keeps Orthanc from running for this time.
    pub fn freeze(&self, orthanc: &OrthancProcess, time: Duration) {
        let process = orthanc.process().unwrap().as_raw_nonzero();
        fs::write(self.0.join("cgroup.procs"), process.to_string()).unwrap();
        let (file, on, off) = if self.0.join("cgroup.freeze").exists() {
            ("cgroup.freeze", "1", "0")
        } else {
            ("freezer.state", "FROZEN", "THAWED")
        };
        fs::write(self.0.join(file), on).unwrap();
        sleep(time);
        fs::write(self.0.join(file), off).unwrap();
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        remove_group(&self.0);
    }
}

/// Removes a control group, which is possible when its last process has ended.
fn remove_group(group: &Path) {
    let _ = (0..100).find(|_| {
        sleep(Duration::from_millis(20));
        fs::remove_dir(group).is_ok()
    });
}

/// A control group with a limit of its memory, until it is dropped.
pub struct MemoryLimit(PathBuf);

impl MemoryLimit {
    /// Makes a group in the hierarchy that this kernel has: version 2, or else version 1. `None` without the
    /// permission.
    pub fn new(bytes: u64) -> Option<Self> {
        let name = format!("dicomperf-test-{}", std::process::id());
        let root = Path::new("/sys/fs/cgroup");
        let has_version_2 = fs::read_to_string(root.join("cgroup.controllers")).is_ok_and(|all| all.contains("memory"));
        let (group, file) = if has_version_2 {
            // Systemd has usually done this already.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+memory");
            (root.join(name), "memory.max")
        } else {
            (root.join("memory").join(name), "memory.limit_in_bytes")
        };
        fs::create_dir(&group).ok()?;
        let limit = Self(group);
        fs::write(limit.0.join(file), bytes.to_string()).ok()?;
        // Without it the kernel would swap, where there is swap.
        let _ = fs::write(limit.0.join("memory.swap.max"), "0");
        Some(limit)
    }

    /// Moves a process into the group. Memory that it has already does not count.
    pub fn add(&self, orthanc: &OrthancProcess) {
        let process = orthanc.process().unwrap().as_raw_nonzero();
        fs::write(self.0.join("cgroup.procs"), process.to_string()).unwrap();
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        remove_group(&self.0);
    }
}
