//! The analysis of a run: computes the results from the measurements.

pub mod change_points;
pub mod diagnosis;
pub mod resources;
pub mod summarize;
pub mod two_runs;
pub mod verdict;
