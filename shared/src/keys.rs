//! Where a run's files are in the bucket.

use crate::step::{HostRole, StepId};

/// The keys of one run: everything under `runs/RUN/`.
#[derive(Debug, Clone, Copy)]
pub struct RunKeys<'a>(pub &'a str);

impl RunKeys<'_> {
    /// What all keys of the run begin with.
    #[must_use]
    pub fn prefix(self) -> String {
        format!("runs/{}/", self.0)
    }

    /// The request, as it was given.
    #[must_use]
    pub fn request(self) -> String {
        format!("runs/{}/request.json", self.0)
    }

    /// The [`crate::plan::Plan`].
    #[must_use]
    pub fn plan(self) -> String {
        format!("runs/{}/plan.json", self.0)
    }

    /// The [`crate::plan::Secrets`].
    #[must_use]
    pub fn secrets(self) -> String {
        format!("runs/{}/secrets.json", self.0)
    }

    /// The [`crate::step::StepDocument`].
    #[must_use]
    pub fn step_document(self, step: &StepId) -> String {
        format!("runs/{}/steps/{step}.json", self.0)
    }

    /// The [`crate::step::StepReport`]. Measurements have a place of their own, the same for every part of a block.
    #[must_use]
    pub fn step_report(self, step: &StepId) -> String {
        match step {
            StepId::Measure { ordinal, .. } => self.block(*ordinal),
            _ => format!("runs/{}/steps/{step}.report.json", self.0),
        }
    }

    /// The SSM command that was sent for a step, so that it is not sent twice.
    #[must_use]
    pub fn step_command(self, step: &StepId) -> String {
        format!("runs/{}/steps/{step}.command.json", self.0)
    }

    /// What was measured in the block run of this ordinal.
    #[must_use]
    pub fn block(self, ordinal: u32) -> String {
        format!("runs/{}/blocks/{ordinal}.json", self.0)
    }

    /// The log of a step.
    #[must_use]
    pub fn log(self, step: &StepId) -> String {
        format!("runs/{}/logs/{}/{step}.log", self.0, step.host())
    }

    /// A further log that a host keeps, like Orthanc's own.
    #[must_use]
    pub fn host_log(self, host: HostRole, name: &str) -> String {
        format!("runs/{}/logs/{host}/{name}.log", self.0)
    }

    /// What a host sampled: [`crate::samples`].
    #[must_use]
    pub fn samples(self, host: HostRole) -> String {
        format!("runs/{}/samples/{host}.jsonl.zst", self.0)
    }

    /// The report, by extension: `html`, `json` or `md`.
    #[must_use]
    pub fn report(self, extension: &str) -> String {
        format!("runs/{}/report.{extension}", self.0)
    }
}

/// Where the agent's binary lies, under its own hash.
#[must_use]
pub fn agent(sha256: &str) -> String {
    format!("agent/{sha256}/dicomperf-agent")
}
