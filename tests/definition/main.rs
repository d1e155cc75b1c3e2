//! Tests of the deployed text: they walk the state machine and read the template's statements.
#![allow(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod account;
mod events;
mod expanded;
mod expressions;
mod first_boot;
mod imports;
mod kept_hosts;
mod lockfile;
mod policies;
mod state_machine;
mod telling;
mod template;

use std::fs;
use std::path::Path;

/// Returns the checkout.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Reads a file of the checkout.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}
