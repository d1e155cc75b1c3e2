//! Shows the progress of a run: its state and its iteration.

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use dicomperf_model::measurement::Iteration;
use dicomperf_model::plan::Plan;
use dicomperf_model::step::{StepId, StepOutput, StepReport, StepState};
use dicomperf_model::words::figure;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Time between two drawings of the bar.
const TICK: Duration = Duration::from_millis(200);
/// Seconds of a run after its last iteration: collecting, teardown, summary.
const AFTER_MEASUREMENT_SECONDS: f64 = 60.0;

/// A progress bar on a terminal. Elsewhere, prints a line at each change.
pub struct Progress {
    bar: ProgressBar,
    on_terminal: bool,
    shown: String,
    /// The time that is left, which changes too often for a line of its own.
    left: String,
}

impl Progress {
    /// Returns an empty bar.
    pub fn new() -> Self {
        let bar = ProgressBar::new(0);
        // The template is constant and has no error.
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{elapsed_precise}] {bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self { bar, on_terminal: stderr().is_terminal(), shown: String::new(), left: String::new() }
    }

    /// Shows the run's state, the step's progress, the last iteration's rate, and on a terminal the time that is left.
    pub fn show(&mut self, state: &str, plan: Option<&Plan>, report: Option<&StepReport>, elapsed_seconds: i64) {
        let doing = report.map_or_else(String::new, |report| format!(": {}", description(plan, report)));
        let last = report.and_then(last_iteration).map(|last| format!("; last: {last}")).unwrap_or_default();
        self.left = plan.and_then(|plan| left(plan, report, elapsed_seconds)).unwrap_or_default();
        self.show_message(format!("{state}{doing}{last}"), plan, report);
    }

    /// Shows a warning above the bar.
    pub fn warn(&self, words: &str) {
        if self.on_terminal {
            self.bar.println(words);
        } else {
            eprintln!("{words}");
        }
    }

    /// Removes the bar for as long as a question is asked.
    pub fn pause(&self) {
        self.bar.disable_steady_tick();
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
    }

    /// Shows the bar again.
    pub fn resume(&self) {
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(TICK);
    }

    /// Shows a step that this process carries out, with the rate of the last iteration.
    #[cfg(target_os = "linux")]
    pub fn show_local(&mut self, plan: &Plan, report: &StepReport) {
        if report.state != StepState::Running {
            return;
        }
        let last = last_iteration(report).map(|last| format!("; last: {last}")).unwrap_or_default();
        self.show_message(format!("{}{last}", description(Some(plan), report)), Some(plan), Some(report));
    }

    fn show_message(&mut self, message: String, plan: Option<&Plan>, report: Option<&StepReport>) {
        if let Some(plan) = plan {
            self.bar.set_length(total_iterations(plan));
            if let Some(report) = report {
                self.bar.set_position(iterations_done(plan, report));
            }
        }
        if message != self.shown {
            if !self.on_terminal {
                eprintln!("{message}");
            }
            self.shown = message;
        }
        self.bar.set_message(format!("{}{}", self.shown, self.left));
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Returns the iterations of a block run, including warm-ups.
fn block_iterations(plan: &Plan, ordinal: u32) -> u64 {
    plan.block_of(ordinal).map_or(0, |(_, block)| {
        block.scenarios.len() as u64 * u64::from(block.iterations(&plan.request) + plan.request.warmup)
    })
}

fn total_iterations(plan: &Plan) -> u64 {
    plan.sequence.iter().map(|run| block_iterations(plan, run.ordinal)).sum()
}

fn iterations_done(plan: &Plan, report: &StepReport) -> u64 {
    let before = |ordinal| {
        plan.sequence
            .iter()
            .take_while(|run| run.ordinal < ordinal)
            .map(|run| block_iterations(plan, run.ordinal))
            .sum::<u64>()
    };
    match report.step {
        StepId::ConfigureClient => 0,
        StepId::ConfigureServer { ordinal } => before(ordinal),
        StepId::Measure { ordinal, .. } => before(ordinal) + u64::from(report.progress.done),
        StepId::Collect | StepId::Clear { .. } => total_iterations(plan),
    }
}

fn description(plan: Option<&Plan>, report: &StepReport) -> String {
    let doing = &report.progress.doing;
    match (&report.step, plan) {
        (StepId::Measure { ordinal, .. } | StepId::ConfigureServer { ordinal }, Some(plan))
            if plan.sequence.len() > 1 =>
        {
            format!("block run {} of {}, {doing}", ordinal + 1, plan.sequence.len())
        }
        _ => doing.clone(),
    }
}

/// Returns the time that is left, in words: from the rate of this block once it measures, before that from the plan's
/// estimate. `None` if the run takes longer than estimated.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn left(plan: &Plan, report: Option<&StepReport>, elapsed_seconds: i64) -> Option<String> {
    let measured = report.filter(|report| matches!(report.step, StepId::Measure { .. }) && report.progress.done > 0);
    let seconds = match measured {
        Some(report) => {
            let each = report.elapsed_seconds / f64::from(report.progress.done);
            let remaining = total_iterations(plan).saturating_sub(iterations_done(plan, report));
            each * remaining as f64 + AFTER_MEASUREMENT_SECONDS
        }
        None => plan.estimate.minutes * 60.0 - elapsed_seconds as f64,
    };
    match (seconds / 60.0).ceil() {
        minutes if minutes < 1.0 => None,
        minutes => Some(format!("; about {minutes:.0} min left")),
    }
}

/// The rate of the last iteration, its search's included, or the reason why it is not valid.
fn last_iteration(report: &StepReport) -> Option<String> {
    let Some(StepOutput::Measured(measurement)) = &report.output else { return None };
    let searched = measurement.searches.last().and_then(|search| search.iterations.last());
    let last = searched.map(|one| &one.iteration).or_else(|| measurement.iterations.last())?;
    Some(match &last.reason {
        Some(reason) => format!("not valid: {reason}"),
        None => rate(last),
    })
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 bytes")]
fn rate(iteration: &Iteration) -> String {
    let per_second = |count: f64| figure(count / (iteration.transfer_ms / 1000.0));
    let (instances, megabytes) = (f64::from(iteration.instances_sent), iteration.bytes_sent as f64 / 1e6);
    format!("{} instances/s, {} MB/s", per_second(instances), per_second(megabytes))
}
