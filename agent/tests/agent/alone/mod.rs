//! Tests that need the whole machine: they provoke a limit, or check an upper bound of a time. The test runner runs
//! each of them alone.

pub mod diagnosis;
mod failures;
mod network;
mod resources;
mod search;
mod sending;
