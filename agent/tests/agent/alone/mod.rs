//! Tests that need the machine to themselves: they provoke a limit, or have an upper bound to a time. The test runner runs
//! each of them beside no other.

pub mod diagnosis;
mod network;
mod resources;
mod search;
mod sending;
