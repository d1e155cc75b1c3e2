//! The course of a measurement: the dataset is prepared, then every block run is measured.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;

use anyhow::Context as _;
use dicomperf_agent::failure::Failure;
use dicomperf_agent::home::RunHome;
use dicomperf_agent::reporter::{Reporter, WorkEnd};
use dicomperf_agent::resources::SAMPLES_FILE;
use dicomperf_agent::{client, interrupt as request, measure};
use dicomperf_analysis::summarize::{HostSamples, Outcome, Stores};
use dicomperf_analysis::verdict::HistoricScenario;
use dicomperf_model::measurement::{BlockMeasurement, Negotiated};
use dicomperf_model::plan::Plan;
use dicomperf_model::results::RunError;
use dicomperf_model::step::{HostRole, ServerAddress, StepId, StepOutput, StepReport, StepState, Work};
use jiff::Timestamp;

use super::{interrupt, steps};
use crate::progress::Progress;

/// Everything that a measurement left behind.
pub struct Course {
    /// The reports of the steps, in order.
    pub steps: Vec<StepReport>,
    error: Option<RunError>,
    samples: HostSamples,
    stores: Stores,
}

/// A measurement under way.
struct Runner<'a> {
    plan: &'a Plan,
    home: RunHome,
    progress: Rc<RefCell<Progress>>,
    steps: Vec<StepReport>,
}

impl Course {
    /// Carries out the plan, in a temporary directory that is removed at the end. A step that fails ends the course, and so
    /// does a signal; what was measured before remains.
    ///
    /// # Errors
    /// A temporary directory that cannot be used.
    pub fn run(plan: &Plan, server: &ServerAddress) -> anyhow::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("dicomperf-").tempdir().context("no temporary directory")?;
        interrupt::watch(temporary.path().to_owned()).context("signals cannot be handled")?;
        let home = RunHome::open(temporary.path(), &plan.run_id)?;
        let progress = Rc::new(RefCell::new(Progress::new()));
        let mut runner = Runner { plan, home, progress, steps: Vec::new() };
        let result = runner.carry_out(server);
        runner.progress.borrow().finish();
        let (samples, stores) = runner.samples();
        Ok(Self { steps: runner.steps, error: result.err(), samples, stores })
    }

    /// The server's answer to the association of the first block run.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.measurements().find_map(|measurement| measurement.negotiated.as_ref())
    }

    fn measurements(&self) -> impl Iterator<Item = &BlockMeasurement> {
        self.steps.iter().filter_map(|step| match &step.output {
            Some(StepOutput::Measured(measurement)) => Some(measurement.as_ref()),
            _ => None,
        })
    }

    /// The facts that the summary needs beside the steps.
    pub fn outcome(self, history: Vec<HistoricScenario>, finished_at: Timestamp) -> Outcome {
        let Self { error, samples, stores, .. } = self;
        Outcome { error, history, samples, stores, ..Outcome::new(finished_at) }
    }
}

impl Runner<'_> {
    /// # Errors
    /// The reason why the course ended early.
    fn carry_out(&mut self, server: &ServerAddress) -> Result<(), RunError> {
        let no_work = || error("PlanUnusable", "the plan lacks what a step needs");
        let work = steps::prepare(self.plan).ok_or_else(no_work)?;
        self.step(StepId::ConfigureClient, work)?;
        for run in &self.plan.sequence {
            let work = steps::measure(self.plan, run, server).ok_or_else(no_work)?;
            self.step(StepId::Measure { ordinal: run.ordinal, part: 0 }, work)?;
        }
        Ok(())
    }

    fn step(&mut self, step: StepId, work: Work) -> Result<(), RunError> {
        let document = steps::document(self.plan, step, work);
        let (progress, plan) = (Rc::clone(&self.progress), self.plan.clone());
        let show = move |report: &StepReport| progress.borrow_mut().show_local(&plan, report);
        let mut reporter = Reporter::local(&document, show);
        let result = match &document.work {
            Work::ConfigureClient(configuration) => client::prepare(configuration, &self.home, &mut reporter),
            Work::Measure(block) => measure::measure(block, &self.home, &mut reporter),
            Work::ConfigureServer(_) | Work::Collect(_) | Work::Clear(_) => Ok(WorkEnd::Done),
        };
        if let Err(failure) = &result {
            tracing::error!(name = failure.name(), "{failure}");
        }
        // A listener does not fail.
        let _ = reporter.finish(&result);
        let mut report = reporter.report().clone();
        let end = self.end(&result);
        if end.as_ref().is_err_and(|error| error.error == INTERRUPTED) {
            // The signal ended the step, and no failure of it.
            (report.state, report.error) = (StepState::Incomplete, None);
        }
        self.steps.push(report);
        end
    }

    /// The end of the course after a step, if it is one.
    fn end(&self, result: &Result<WorkEnd, Failure>) -> Result<(), RunError> {
        if request::is_requested() {
            return Err(error(INTERRUPTED, "a signal ended the measurement before its end"));
        }
        match result {
            Ok(WorkEnd::Done) => Ok(()),
            Ok(WorkEnd::Incomplete) => {
                let minutes = self.plan.request.limits.max_minutes;
                Err(error("OutOfTime", &format!("limits.maxMinutes, which is {minutes}, had passed")))
            }
            Err(failure) => Err(error(failure.name(), &failure.to_string())),
        }
    }

    /// The samples of this machine. They explain a result, and a measurement is summarized without them too.
    fn samples(&self) -> (HostSamples, Stores) {
        let (mut samples, mut stores) = (HostSamples::default(), Stores::default());
        let path = self.home.path(SAMPLES_FILE);
        let read = fs::read(&path).map_err(|error| error.to_string());
        let added =
            read.and_then(|file| samples.add(HostRole::Client, &file, &mut stores).map_err(|error| error.to_string()));
        if let Err(error) = added {
            tracing::warn!("{}: {error}", path.display());
        }
        (samples, stores)
    }
}

/// The name of the error of a measurement that a signal ended.
const INTERRUPTED: &str = "Interrupted";

fn error(name: &str, cause: &str) -> RunError {
    RunError { error: name.to_owned(), cause: cause.to_owned() }
}
