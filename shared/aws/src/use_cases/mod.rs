//! The work of each Lambda.

#[cfg(feature = "hosts")]
pub mod launch;
pub mod plan;
#[cfg(feature = "hosts")]
pub mod reap;
#[cfg(feature = "hosts")]
pub mod run_step;
pub mod runs;
#[cfg(feature = "hosts")]
pub mod step_document;
pub mod summarize;
#[cfg(feature = "hosts")]
pub mod teardown;
