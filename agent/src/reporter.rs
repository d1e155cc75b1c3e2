//! The report of a step, delivered while the agent works on it: to the run's bucket, or to a listener in this process.

use std::fmt;
use std::time::{Duration, Instant};

use dicomperf_model::step::{Progress, StepDocument, StepOutput, StepReport, StepState};
use dicomperf_model::time_limits::UPLOAD_SECONDS;

use crate::failure::Failure;
use crate::heartbeat::Heartbeats;
use crate::interrupt;
use crate::upload::{Retries, UploadFailed, Uploader};

/// The shortest time between two deliveries of small steps of progress.
const DELIVERY_INTERVAL: Duration = Duration::from_millis(500);

/// Builds a step's report, and delivers it.
#[derive(Debug)]
pub struct Reporter {
    report: StepReport,
    destination: Destination,
    started: Instant,
    deadline: Instant,
    limit: Instant,
    delivered: Option<Instant>,
}

/// The place that a report is delivered to.
enum Destination {
    /// The run's bucket.
    Bucket {
        /// Presigned PUT URL.
        url: String,
        uploader: Uploader,
        /// Uploads until the reporter is dropped.
        _heartbeats: Heartbeats,
    },
    /// A listener in this process.
    Listener(Box<dyn FnMut(&StepReport)>),
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bucket { .. } => "Bucket",
            Self::Listener(_) => "Listener",
        })
    }
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
    /// Begins the report of a step that starts now. Uploads it to the document's URLs.
    #[must_use]
    pub fn begin(document: &StepDocument) -> Self {
        let started = Instant::now();
        let (_, limit) = limits(document, started);
        let uploader = Uploader::until(limit + Duration::from_secs(UPLOAD_SECONDS));
        let destination = Destination::Bucket {
            url: document.report_url.clone(),
            _heartbeats: Heartbeats::start(document.heartbeat_url.clone(), uploader.clone()),
            uploader,
        };
        let mut reporter = Self::new(document, started, destination);
        reporter.deliver();
        reporter
    }

    /// Begins the report of a step that starts now and stays on this machine. Nothing is uploaded, and the document's URLs
    /// are not used.
    #[must_use]
    pub fn local(document: &StepDocument, listener: impl FnMut(&StepReport) + 'static) -> Self {
        Self::new(document, Instant::now(), Destination::Listener(Box::new(listener)))
    }

    fn new(document: &StepDocument, started: Instant, destination: Destination) -> Self {
        let (deadline, limit) = limits(document, started);
        let report = StepReport::new(document);
        Self { report, destination, started, deadline, limit, delivered: None }
    }

    /// The time after which the step begins no more work. It has passed if the run was interrupted.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        if interrupt::is_requested() { self.started } else { self.deadline }
    }

    /// The time at which even work that began before the deadline is stopped.
    #[must_use]
    pub const fn limit(&self) -> Instant {
        self.limit
    }

    /// The uploader of the step, which gives up in time for the end of the command; `None` if nothing is uploaded.
    #[must_use]
    pub const fn uploader(&self) -> Option<&Uploader> {
        match &self.destination {
            Destination::Bucket { uploader, .. } => Some(uploader),
            Destination::Listener(_) => None,
        }
    }

    /// True if another part of the step may continue it after its deadline. On this machine nothing continues it.
    #[must_use]
    pub const fn may_be_continued(&self) -> bool {
        matches!(self.destination, Destination::Bucket { .. })
    }

    /// The report so far.
    #[must_use]
    pub const fn report(&self) -> &StepReport {
        &self.report
    }

    /// Reports the progress of a large step. Each call delivers the report.
    pub fn stage(&mut self, done: u32, total: u32, doing: impl Into<String>) {
        self.set_progress(done, total, doing.into());
        self.deliver();
    }

    /// Reports the progress of a small step. It is logged and delivered only if the last delivery was some time ago.
    pub fn progress(&mut self, done: u32, total: u32, doing: impl FnOnce() -> String) {
        if self.delivered.is_none_or(|delivered| delivered.elapsed() >= DELIVERY_INTERVAL) {
            self.set_progress(done, total, doing());
            self.deliver();
        }
    }

    /// Sets the step's output so far. The next delivery includes it.
    pub fn set_output(&mut self, output: StepOutput) {
        self.report.output = Some(output);
    }

    /// Fails if the deadline has passed.
    ///
    /// # Errors
    /// [`Failure::DeadlinePassed`]
    pub fn check_deadline(&self) -> Result<(), Failure> {
        if Instant::now() < self.deadline() {
            return Ok(());
        }
        Err(Failure::DeadlinePassed { doing: self.report.progress.doing.clone() })
    }

    /// Reports the outcome of the step, with more retries than the other deliveries.
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
    fn deliver(&mut self) {
        if let Err(error) = self.put(Retries::Few) {
            tracing::warn!("report: {error}");
        }
        self.delivered = Some(Instant::now());
    }

    fn put(&mut self, retries: Retries) -> Result<(), UploadFailed> {
        self.report.elapsed_seconds = self.started.elapsed().as_secs_f64();
        match &mut self.destination {
            Destination::Listener(listener) => {
                listener(&self.report);
                Ok(())
            }
            Destination::Bucket { url, uploader, .. } => {
                let body = serde_json::to_vec(&self.report).map_err(|error| UploadFailed {
                    reason: format!("the report has no JSON form: {error}"),
                    tries: 0,
                })?;
                uploader.put(url, &body, "application/json", retries)
            }
        }
    }
}

/// The time after which a step that started now begins no more work, and the time at which its last work is stopped.
fn limits(document: &StepDocument, started: Instant) -> (Instant, Instant) {
    let deadline = started + Duration::from_secs(document.deadline_seconds);
    (deadline, deadline + Duration::from_secs(document.grace_seconds))
}
