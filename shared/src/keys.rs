//! The places of files in the bucket. The template's IAM statements name the same prefixes, which a test compares.

use std::fmt::Display;

use crate::step::{HostRole, StepId};

/// Prefix of every run's files.
pub const RUNS: &str = "runs/";
/// Prefix of the agents' binaries.
pub const AGENTS: &str = "agent/";
/// Prefix of a user's own objects in the stack's bucket.
pub const DATASETS: &str = "datasets/";

/// The keys of one run.
#[derive(Debug, Clone, Copy)]
pub struct RunKeys<'a>(pub &'a str);

impl RunKeys<'_> {
    /// Prefix of the run's files.
    #[must_use]
    pub fn prefix(self) -> String {
        format!("{RUNS}{}/", self.0)
    }

    /// Prefix of the steps' documents, the only files of a run that its hosts may read.
    #[must_use]
    pub fn steps(self) -> String {
        self.file("steps/")
    }

    /// The request, as it was given.
    #[must_use]
    pub fn request(self) -> String {
        self.file("request.json")
    }

    /// The [`crate::plan::Plan`].
    #[must_use]
    pub fn plan(self) -> String {
        self.file("plan.json")
    }

    /// The [`crate::plan::Secrets`].
    #[must_use]
    pub fn secrets(self) -> String {
        self.file("secrets.json")
    }

    /// The [`crate::step::StepDocument`].
    #[must_use]
    pub fn step_document(self, step: &StepId) -> String {
        format!("{}{step}.json", self.steps())
    }

    /// The [`crate::step::StepReport`]. Measurements have a place of their own, the same for every part of a block.
    #[must_use]
    pub fn step_report(self, step: &StepId) -> String {
        match step {
            StepId::Measure { ordinal, .. } => self.block(*ordinal),
            _ => format!("{}{step}.report.json", self.steps()),
        }
    }

    /// The SSM command that was sent for a step, so that it is not sent twice.
    #[must_use]
    pub fn step_command(self, step: &StepId) -> String {
        format!("{}{step}.command.json", self.steps())
    }

    /// The measurements of the block run with this ordinal.
    #[must_use]
    pub fn block(self, ordinal: u32) -> String {
        self.file(format_args!("blocks/{ordinal}.json"))
    }

    /// The log of a step.
    #[must_use]
    pub fn log(self, step: &StepId) -> String {
        self.host_log(step.host(), &step.to_string())
    }

    /// A further log of a host, like Orthanc's own.
    #[must_use]
    pub fn host_log(self, host: HostRole, name: &str) -> String {
        self.file(format_args!("logs/{host}/{name}.log"))
    }

    /// A host's samples: [`crate::samples`].
    #[must_use]
    pub fn samples(self, host: HostRole) -> String {
        self.file(format_args!("samples/{host}.jsonl.zst"))
    }

    /// The report, by extension: `html`, `json` or `md`.
    #[must_use]
    pub fn report(self, extension: &str) -> String {
        self.file(format_args!("report.{extension}"))
    }

    fn file(self, name: impl Display) -> String {
        format!("{}{name}", self.prefix())
    }
}

/// The agent's binary, under its own hash.
#[must_use]
pub fn agent(sha256: &str) -> String {
    format!("{AGENTS}{sha256}/dicomperf-agent")
}
