//! The report of a step, uploaded while the agent works on it.

use std::time::{Duration, Instant};

use dicomperf_model::step::{Progress, StepDocument, StepOutput, StepReport, StepState};
use dicomperf_model::time_limits::UPLOAD_SECONDS;

use crate::failure::Failure;
use crate::heartbeat::Heartbeats;
use crate::upload::{Retries, UploadFailed, Uploader};

/// The shortest time between two uploads of small steps of progress.
const UPLOAD_INTERVAL: Duration = Duration::from_millis(500);

/// Builds a step's report, and uploads it.
#[derive(Debug)]
pub struct Reporter {
    report: StepReport,
    url: String,
    uploader: Uploader,
    started: Instant,
    deadline: Instant,
    limit: Instant,
    /// Uploads until the reporter is dropped.
    _heartbeats: Heartbeats,
    uploaded: Option<Instant>,
}

/// The outcome of a step's work that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkEnd {
    /// All work is done.
    Done,
    /// The deadline came before the end of the work.
    Incomplete,
}

impl Reporter {
    /// Begins the report of a step that starts now.
    #[must_use]
    pub fn begin(document: &StepDocument) -> Self {
        let started = Instant::now();
        let deadline = started + Duration::from_secs(document.deadline_seconds);
        let limit = deadline + Duration::from_secs(document.grace_seconds);
        let uploader = Uploader::until(limit + Duration::from_secs(UPLOAD_SECONDS));
        let mut reporter = Self {
            report: StepReport::new(document),
            url: document.report_url.clone(),
            _heartbeats: Heartbeats::start(document.heartbeat_url.clone(), uploader.clone()),
            uploader,
            started,
            deadline,
            limit,
            uploaded: None,
        };
        reporter.upload();
        reporter
    }

    /// The time after which the step begins no more work.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The time at which even work that began before the deadline is stopped.
    #[must_use]
    pub const fn limit(&self) -> Instant {
        self.limit
    }

    /// The uploader of the step, which gives up in time for the end of the command.
    #[must_use]
    pub const fn uploader(&self) -> &Uploader {
        &self.uploader
    }

    /// Reports the progress of a large step. Each call uploads.
    pub fn stage(&mut self, done: u32, total: u32, doing: impl Into<String>) {
        self.set_progress(done, total, doing.into());
        self.upload();
    }

    /// Reports the progress of a small step. It is logged and uploaded only if the last upload was some time ago.
    pub fn progress(&mut self, done: u32, total: u32, doing: impl FnOnce() -> String) {
        if self.uploaded.is_none_or(|uploaded| uploaded.elapsed() >= UPLOAD_INTERVAL) {
            self.set_progress(done, total, doing());
            self.upload();
        }
    }

    /// Sets the step's output so far. The next upload includes it.
    pub fn set_output(&mut self, output: StepOutput) {
        self.report.output = Some(output);
    }

    /// Fails if the deadline has passed.
    ///
    /// # Errors
    /// [`Failure::DeadlinePassed`]
    pub fn check_deadline(&self) -> Result<(), Failure> {
        if Instant::now() < self.deadline {
            return Ok(());
        }
        Err(Failure::DeadlinePassed { doing: self.report.progress.doing.clone() })
    }

    /// Reports the outcome of the step, with more retries than the other uploads.
    ///
    /// # Errors
    /// Those of the upload.
    pub fn finish(&mut self, result: &Result<WorkEnd, Failure>) -> Result<(), UploadFailed> {
        match result {
            Ok(WorkEnd::Done) => {
                self.report.state = StepState::Succeeded;
                self.report.progress.done = self.report.progress.total;
                "done".clone_into(&mut self.report.progress.doing);
            }
            Ok(WorkEnd::Incomplete) => self.report.state = StepState::Incomplete,
            Err(failure) => {
                self.report.state = StepState::Failed;
                self.report.error = Some(failure.step_error());
            }
        }
        self.put(Retries::Many)
    }

    fn set_progress(&mut self, done: u32, total: u32, doing: String) {
        tracing::info!(done, total, "{doing}");
        self.report.progress = Progress { done, total, doing };
    }

    /// A failed upload must not end a measurement: the next report has the same content and more.
    fn upload(&mut self) {
        if let Err(error) = self.put(Retries::Few) {
            tracing::warn!("report: {error}");
        }
        self.uploaded = Some(Instant::now());
    }

    fn put(&mut self, retries: Retries) -> Result<(), UploadFailed> {
        self.report.elapsed_seconds = self.started.elapsed().as_secs_f64();
        let body = serde_json::to_vec(&self.report)
            .map_err(|error| UploadFailed { reason: format!("the report has no JSON form: {error}"), tries: 0 })?;
        self.uploader.put(&self.url, &body, "application/json", retries)
    }
}
