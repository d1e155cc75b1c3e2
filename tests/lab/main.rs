//! End-to-end runs in the lab, with the real state machine, functions and agent, and real Orthanc and storescu.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alone;
mod api;
mod bad_requests;
mod command_line;
mod dicomperf;
mod existing;
mod failures;
mod harness;
mod kept;
mod own_files;
mod package;
mod reports;
mod runs;
mod schedules;
mod stack_schedule;
mod stopped;
mod telling;
mod twice;
mod two_stacks;
mod ways_in;
