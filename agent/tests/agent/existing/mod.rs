//! Servers of somebody else: every receipt from every kind of server, cleanups, and failures in words.

mod cleanup;
mod failures;
mod qido;
mod receipts;
mod refusals;

use dicomperf_model::measurement::{BlockMeasurement, Iteration};
use dicomperf_model::step::MeasureBlock;

use crate::harness::Run;
use crate::harness::run::measurement_of;

/// Measures one iteration.
fn measured(run: &Run, block: MeasureBlock) -> BlockMeasurement {
    let measurement = measurement_of(&run.measure(0, block).succeeds()).clone();
    assert_eq!(measurement.iterations.len(), 1);
    measurement
}

fn iteration(run: &Run, block: MeasureBlock) -> Iteration {
    measured(run, block).iterations.remove(0)
}

/// The message of a step that fails before anything is sent.
fn fails_before_sending(block: MeasureBlock, name: &str) -> String {
    let run = Run::with_new_instances(2);
    let report = run.measure(0, block).fails_with(name);
    assert!(report.output.is_none(), "{report:?}");
    let message = report.error.unwrap().message;
    println!("{message}");
    message
}
