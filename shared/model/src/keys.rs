//! The keys of files in the bucket. The template's IAM statements name the same prefixes; a test compares them.

use std::fmt::Display;

use crate::step::{HostRole, StepId};

/// Prefix of every run's files.
pub const RUNS: &str = "runs/";
/// Prefix of every run's files that are worthless once it is over. The bucket's lifecycle deletes them after a day.
pub const EPHEMERAL: &str = "ephemeral/";
/// Prefix of the agents' binaries.
pub const AGENTS: &str = "agent/";
/// Prefix of builds of Orthanc in the stack's bucket.
pub const BUILDS: &str = "builds/";
/// Prefix of a user's own objects in the stack's bucket.
pub const DATASETS: &str = "datasets/";
/// Key of the page with all runs.
pub const HISTORY_PAGE: &str = "index.html";

/// The keys of one run, by its id.
#[derive(Debug, Clone, Copy)]
pub struct RunKeys<'a>(pub &'a str);

impl RunKeys<'_> {
    /// Returns the prefix of the run's files.
    #[must_use]
    pub fn prefix(self) -> String {
        format!("{RUNS}{}/", self.0)
    }

    /// Returns the prefix of the steps' documents, the only files of a run that its hosts may read. They contain
    /// presigned URLs and the run's password.
    #[must_use]
    pub fn step_documents(self) -> String {
        self.ephemeral("steps/")
    }

    /// Returns the key of the request, as the user gave it.
    #[must_use]
    pub fn request(self) -> String {
        self.file("request.json")
    }

    /// Returns the key of the [`crate::plan::Plan`].
    #[must_use]
    pub fn plan(self) -> String {
        self.file("plan.json")
    }

    /// Returns the key of the [`crate::plan::Secrets`].
    #[must_use]
    pub fn secrets(self) -> String {
        self.ephemeral("secrets.json")
    }

    /// Returns the key of the course of the launch: places without room, and the types that were launched.
    #[must_use]
    pub fn launch(self) -> String {
        self.file("launch.json")
    }

    /// Returns the key of an object that a function writes in a dry run to show that it may.
    #[must_use]
    pub fn probe(self, function: &str) -> String {
        self.file(format_args!("checks/{function}.json"))
    }

    /// Returns the key of a [`crate::step::StepDocument`].
    #[must_use]
    pub fn step_document(self, step: &StepId) -> String {
        format!("{}{step}.json", self.step_documents())
    }

    /// Returns the key of a [`crate::step::StepReport`]. Measurements have a key of their own, the same for every part
    /// of a block.
    #[must_use]
    pub fn step_report(self, step: &StepId) -> String {
        match step {
            StepId::Measure { ordinal, .. } => self.block(*ordinal),
            _ => self.file(format_args!("steps/{step}.report.json")),
        }
    }

    /// Returns the key of the agent's last sign of life in a step: [`crate::step::Heartbeat`].
    #[must_use]
    pub fn step_heartbeat(self, step: &StepId) -> String {
        self.file(format_args!("steps/{step}.heartbeat.json"))
    }

    /// Returns the key of the SSM command that was sent for a step. The record prevents a second command.
    #[must_use]
    pub fn step_command(self, step: &StepId) -> String {
        self.file(format_args!("steps/{step}.command.json"))
    }

    /// Returns the key of the measurements of the block run with this ordinal.
    #[must_use]
    pub fn block(self, ordinal: u32) -> String {
        self.file(format_args!("blocks/{ordinal}.json"))
    }

    /// Returns the key of a step's log.
    #[must_use]
    pub fn log(self, step: &StepId) -> String {
        self.host_log(step.host(), &step.to_string())
    }

    /// Returns the key of another log of a host, like Orthanc's own.
    #[must_use]
    pub fn host_log(self, host: HostRole, name: &str) -> String {
        self.file(format_args!("logs/{host}/{name}.log"))
    }

    /// Returns the key of a host's samples: [`crate::samples`].
    #[must_use]
    pub fn samples(self, host: HostRole) -> String {
        self.file(format_args!("samples/{host}.jsonl.zst"))
    }

    /// Returns the key of the report with this extension: `html`, `json` or `md`.
    #[must_use]
    pub fn report(self, extension: &str) -> String {
        self.file(format_args!("report.{extension}"))
    }

    fn ephemeral(self, name: &str) -> String {
        format!("{EPHEMERAL}{}/{name}", self.0)
    }

    fn file(self, name: impl Display) -> String {
        format!("{}{name}", self.prefix())
    }
}

/// Returns the key of the agent's binary, which contains its hash.
#[must_use]
pub fn agent(sha256: &str) -> String {
    format!("{AGENTS}{sha256}/dicomperf-agent")
}
