//! `dicomperf-agent supervise`: a real process below it, its end, and the record of that.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicomperf_agent::server::Supervised;
use dicomperf_model::samples::ServerEnd;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::harness::orthanc::supervisor;

/// A shell below a supervisor.
struct Supervisor {
    process: Child,
    directory: TempDir,
}

impl Supervisor {
    /// Starts `script`. It writes its process id to the file `pid` first.
    fn start(script: &str, user: Option<&str>) -> Self {
        Self::start_after(":", script, user)
    }

    /// The same, with a command before the shell writes its process id.
    fn start_after(first: &str, script: &str, user: Option<&str>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Another user must be able to write there.
        fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let pid = directory.path().join("pid");
        let script = format!("{first}; echo $$ > {0}.new; mv {0}.new {0}; {script}", pid.display());
        let supervised = Supervised {
            name: "Orthanc".to_owned(),
            record: directory.path().join("ends/ends.jsonl"),
            user: user.map(str::to_owned),
            command: vec!["sh".to_owned(), "-c".to_owned(), script],
        };
        let process = supervisor(&supervised).stderr(Stdio::null()).current_dir("/").spawn().unwrap();
        Self { process, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The shell's process id, when it runs.
    fn shell(&self) -> Pid {
        let text = eventually(|| fs::read_to_string(self.path("pid")).ok());
        Pid::from_raw(text.trim().parse().unwrap()).unwrap()
    }

    fn wait(mut self) -> (ExitStatus, ServerEnd) {
        let status = self.process.wait().unwrap();
        let record = fs::read_to_string(self.path("ends/ends.jsonl")).unwrap();
        (status, serde_json::from_str(record.trim()).unwrap())
    }
}

fn eventually<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < until, "not within 20 s");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_exit_code_is_recorded_and_passed_on() {
    let (status, end) = Supervisor::start("exit 255", None).wait();
    assert_eq!((status.code(), end.exit_code, end.signal.as_deref()), (Some(255), Some(255), None));
    assert!(!end.requested && end.at_ms >= end.started_at_ms && end.oom_kills < 100, "{end:?}");
    assert!(end.sentence().starts_with("Orthanc ended with exit code 255, 0."), "{}", end.sentence());
}

#[test]
fn a_signal_is_recorded_by_its_name() {
    let (status, end) = Supervisor::start("kill -SEGV $$", None).wait();
    assert_eq!((status.code(), end.signal.as_deref(), end.requested), (Some(139), Some("SIGSEGV"), false));
}

#[test]
fn a_request_to_end_reaches_the_server_once_and_is_recorded_as_one() {
    // A second signal would change the exit code.
    let trap = "trap 'trap \"exit 8\" TERM; sleep 0.3; exit 7' TERM";
    let supervisor = Supervisor::start_after(trap, "while :; do sleep 0.05; done", None);
    supervisor.shell();
    kill_process(Pid::from_child(&supervisor.process), Signal::TERM).unwrap();
    let (status, end) = supervisor.wait();
    assert_eq!((status.code(), end.exit_code, end.requested), (Some(7), Some(7), true));
}

#[test]
fn a_server_does_not_outlive_its_supervisor() {
    let mut supervisor = Supervisor::start("while :; do sleep 0.05; done", None);
    let shell = supervisor.shell();
    supervisor.process.kill().unwrap();
    supervisor.process.wait().unwrap();
    eventually(|| has_ended(shell).then_some(()));
}

/// True if a process has ended. A zombie has no arguments.
fn has_ended(process: Pid) -> bool {
    fs::read(format!("/proc/{}/cmdline", process.as_raw_nonzero())).unwrap_or_default().is_empty()
}

#[test]
fn a_server_runs_as_its_own_user_and_still_does_not_outlive_its_supervisor() {
    if !geteuid().is_root() {
        return dicomperf_testkit::not_tested(dicomperf_testkit::Cause::Missing(
            "not root, who alone can change the user",
        ));
    }
    let mut supervisor = Supervisor::start("while :; do sleep 0.05; done", Some("daemon"));
    let shell = supervisor.shell();
    let status = fs::read_to_string(format!("/proc/{}/status", shell.as_raw_nonzero())).unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    assert_eq!(uid.split_whitespace().next(), Some("1"), "{status}");
    supervisor.process.kill().unwrap();
    supervisor.process.wait().unwrap();
    eventually(|| has_ended(shell).then_some(()));
}

#[test]
fn a_program_that_does_not_exist_is_an_end_with_an_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let supervised = Supervised {
        name: "sink".to_owned(),
        record: directory.path().join("ends.jsonl"),
        user: None,
        command: vec!["/nonexistent/sink".to_owned()],
    };
    let output = supervisor(&supervised).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(127), "{said}");
    assert!(said.contains("/nonexistent/sink") && said.contains("the sink ended with exit code 127"), "{said}");
}
