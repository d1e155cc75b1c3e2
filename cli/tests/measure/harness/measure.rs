//! `dicomperf measure` as a process with a state of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicomperf_model::results::{IterationSummary, Summary};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The longest wait for something that takes a second on an idle machine.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A user who measures, with a state and a directory of reports.
pub struct Measure {
    directory: TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

/// A measurement that has ended.
pub struct Measured {
    pub output: Output,
    /// report.json, if it was written.
    pub report: Option<Summary>,
}

impl Measure {
    /// Measures a server on loopback with 10 CT, over 1 and 4 associations, 2 iterations each and no warm-up.
    pub fn new(ae_title: &str, port: u16) -> Self {
        let small = ["--instances", "10", "--iterations", "2", "--warmup", "0"];
        Self::bare(&format!("{ae_title}@127.0.0.1:{port}")).with(&small)
    }

    /// The same with 4 iterations over one association. dcmqrscp 3.6.7 loses instances over several: its processes write
    /// one index.
    pub fn over_one_association(ae_title: &str, port: u16) -> Self {
        Self::new(ae_title, port).with(&["--associations", "1", "--iterations", "4"])
    }

    /// One iteration over one association. The archive in this process answers C-FIND with all that it has.
    pub fn once(ae_title: &str, port: u16) -> Self {
        Self::new(ae_title, port).with(&["--associations", "1", "--iterations", "1"])
    }

    /// Measures a server with the command line's own defaults.
    pub fn bare(server: &str) -> Self {
        let measure = Self { directory: tempfile::tempdir().unwrap(), arguments: Vec::new(), variables: Vec::new() };
        let out = measure.out().display().to_string();
        measure.with(&[server, "--out", &out])
    }

    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Adds a request as a file.
    pub fn with_request(self, request: &Value) -> Self {
        let path = self.directory.path().join("request.json");
        fs::write(&path, request.to_string()).unwrap();
        let path = path.display().to_string();
        if self.arguments.contains(&path) { self } else { self.with(&[&path]) }
    }

    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The directory of the reports.
    pub fn out(&self) -> PathBuf {
        self.directory.path().join("reports")
    }

    /// The directory of temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.directory.path().join("temporary")
    }

    /// The command, with an environment that has nothing else: no home, no search path, no AWS.
    pub fn command(&self) -> Command {
        fs::create_dir_all(self.temporary()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dicomperf"));
        command.arg("measure").args(&self.arguments).env_clear();
        command.env("XDG_STATE_HOME", self.directory.path().join("state")).env("TMPDIR", self.temporary());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Measures to the end.
    pub fn run(&self) -> Measured {
        self.ended(self.command().output().unwrap())
    }

    /// Starts to measure.
    pub fn start(&self) -> Started<'_> {
        let mut command = self.command();
        self.started(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// A process of this measurement that the test has started.
    pub fn started(&self, process: Child) -> Started<'_> {
        Started { measure: self, process }
    }

    /// Reads what a process has left behind.
    pub fn ended(&self, output: Output) -> Measured {
        let report = fs::read(self.out().join("report.json")).ok();
        Measured { output, report: report.map(|json| serde_json::from_slice(&json).unwrap()) }
    }

    /// The log, which grows during the measurement.
    pub fn log(&self) -> String {
        fs::read_to_string(self.out().join("measure.log")).unwrap_or_default()
    }

    /// Asserts that no temporary file is left.
    pub fn left_nothing(&self) {
        let left: Vec<_> = fs::read_dir(self.temporary()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A measurement under way.
pub struct Started<'a> {
    measure: &'a Measure,
    process: Child,
}

impl Started<'_> {
    /// Waits for something.
    pub fn until(&mut self, what: &str, is_there: impl Fn() -> bool) {
        let started = Instant::now();
        while !is_there() {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "ended with {ended:?} before {what}: {}", self.measure.log());
            assert!(started.elapsed() < TIMEOUT, "no {what}: {}", self.measure.log());
            sleep(Duration::from_millis(20));
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    pub fn id(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// The processes that it started.
    pub fn descendants(&self) -> Vec<Pid> {
        descendants(self.id())
    }

    pub fn end(self) -> Measured {
        let measure = self.measure;
        measure.ended(self.process.wait_with_output().unwrap())
    }
}

/// The children of a process, and their children.
pub fn descendants(of: Pid) -> Vec<Pid> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, fields)) = stat.rsplit_once(") ") else { continue };
        let parent = fields.split(' ').nth(1).and_then(|field| Pid::from_raw(field.parse().ok()?));
        let child = entry.file_name().to_str().and_then(|name| Pid::from_raw(name.parse().ok()?));
        parents.extend(child.zip(parent));
    }
    let mut found = vec![of];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of_child)| *of_child == parent).map(|(child, _)| *child));
        next += 1;
    }
    found.split_off(1)
}

impl Measured {
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Asserts the exit code.
    pub fn exits_with(&self, code: i32) -> &Self {
        assert_eq!(self.output.status.code(), Some(code), "{}\n{}", self.stdout(), self.stderr());
        self
    }

    pub fn report(&self) -> &Summary {
        self.report.as_ref().unwrap_or_else(|| panic!("no report: {}", self.stderr()))
    }

    /// Every iteration.
    pub fn iterations(&self) -> Vec<&IterationSummary> {
        self.report().scenarios.iter().flat_map(|scenario| &scenario.iterations).collect()
    }

    /// Asserts that every iteration is valid, and that this many instances of each were stored. `None`: that the server
    /// was not asked.
    pub fn stored(&self, instances: Option<u32>) -> &Self {
        self.exits_with(0);
        for iteration in self.iterations() {
            assert!(iteration.valid, "{:?}", iteration.reason);
            assert_eq!(iteration.instances_stored, instances);
        }
        self
    }

    /// The reason of the first iteration that is not valid.
    pub fn reason(&self) -> String {
        let invalid = self.iterations().into_iter().find(|iteration| !iteration.valid);
        invalid.and_then(|iteration| iteration.reason.clone()).expect("an iteration that is not valid")
    }
}
