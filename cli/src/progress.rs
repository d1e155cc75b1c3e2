//! Shows the progress of a run: its state and its iteration.

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use dicomperf_model::measurement::Iteration;
use dicomperf_model::plan::Plan;
use dicomperf_model::step::{StepId, StepOutput, StepReport, StepState};
use dicomperf_model::words::figure;
use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar on a terminal. Elsewhere, prints a line at each change.
pub struct Progress {
    bar: ProgressBar,
    on_terminal: bool,
    shown: String,
}

impl Progress {
    /// Returns an empty bar.
    pub fn new() -> Self {
        let bar = ProgressBar::new(0);
        // The template is constant and has no error.
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{elapsed_precise}] {bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, on_terminal: stderr().is_terminal(), shown: String::new() }
    }

    /// Shows the run's state and the step's progress.
    pub fn show(&mut self, state: &str, plan: Option<&Plan>, report: Option<&StepReport>) {
        let doing = report.map_or_else(String::new, |report| format!(": {}", description(plan, report)));
        self.show_message(format!("{state}{doing}"), plan, report);
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
            self.bar.set_message(message.clone());
            self.shown = message;
        }
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

/// The rate of the last iteration, its search's included, or the reason why it is not valid.
#[cfg(target_os = "linux")]
fn last_iteration(report: &StepReport) -> Option<String> {
    let Some(StepOutput::Measured(measurement)) = &report.output else { return None };
    let searched = measurement.searches.last().and_then(|search| search.iterations.last());
    let last = searched.map(|one| &one.iteration).or_else(|| measurement.iterations.last())?;
    Some(match &last.reason {
        Some(reason) => format!("not valid: {reason}"),
        None => rate(last),
    })
}

#[cfg(target_os = "linux")]
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 bytes")]
fn rate(iteration: &Iteration) -> String {
    let per_second = |count: f64| figure(count / (iteration.transfer_ms / 1000.0));
    let (instances, megabytes) = (f64::from(iteration.instances_sent), iteration.bytes_sent as f64 / 1e6);
    format!("{} instances/s, {} MB/s", per_second(instances), per_second(megabytes))
}
