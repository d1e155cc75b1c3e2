//! What a person sees while a run goes on: the state it is in, and the iteration.

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use dicomperf::plan::Plan;
use dicomperf::step::{StepId, StepReport};
use indicatif::{ProgressBar, ProgressStyle};

/// A bar on a terminal, a line at each change elsewhere.
pub struct Progress {
    bar: ProgressBar,
    on_terminal: bool,
    shown: String,
}

impl Progress {
    /// An empty bar.
    pub fn new() -> Self {
        let bar = ProgressBar::new(0);
        // The template is constant and has no error.
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{elapsed_precise}] {bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, on_terminal: stderr().is_terminal(), shown: String::new() }
    }

    /// Shows where the run is.
    pub fn show(&mut self, state: &str, plan: Option<&Plan>, report: Option<&StepReport>) {
        if let Some(plan) = plan {
            self.bar.set_length(total(plan));
            if let Some(report) = report {
                self.bar.set_position(done(plan, report));
            }
        }
        let doing = report.map_or_else(String::new, |report| format!(": {}", described(plan, report)));
        let message = format!("{state}{doing}");
        if message != self.shown {
            if !self.on_terminal {
                eprintln!("{message}");
            }
            self.bar.set_message(message.clone());
            self.shown = message;
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Iterations of a block run, warm-ups included.
fn of_block(plan: &Plan, ordinal: u32) -> u64 {
    let scenarios = plan.block_of(ordinal).map_or(0, |(_, block)| block.scenarios.len() as u64);
    scenarios * u64::from(plan.request.iterations + plan.request.warmup)
}

fn total(plan: &Plan) -> u64 {
    plan.sequence.iter().map(|run| of_block(plan, run.ordinal)).sum()
}

fn done(plan: &Plan, report: &StepReport) -> u64 {
    let before = |ordinal| {
        plan.sequence.iter().take_while(|run| run.ordinal < ordinal).map(|run| of_block(plan, run.ordinal)).sum::<u64>()
    };
    match report.step {
        StepId::ConfigureClient => 0,
        StepId::ConfigureServer { ordinal } => before(ordinal),
        StepId::Measure { ordinal, .. } => before(ordinal) + u64::from(report.progress.done),
        StepId::Collect => total(plan),
    }
}

fn described(plan: Option<&Plan>, report: &StepReport) -> String {
    let doing = &report.progress.doing;
    match (&report.step, plan) {
        (StepId::Measure { ordinal, .. } | StepId::ConfigureServer { ordinal }, Some(plan)) => {
            format!("block run {} of {}, {doing}", ordinal + 1, plan.sequence.len())
        }
        _ => doing.clone(),
    }
}
