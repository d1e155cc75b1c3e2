//! The work of each Lambda.

pub mod baselines;
pub mod history;
pub mod kept;
pub mod launch;
pub mod plan;
pub mod publish;
pub mod reap;
pub mod run_step;
pub mod runs;
pub mod schedules;
pub mod step_document;
pub mod summarize;
pub mod teardown;
