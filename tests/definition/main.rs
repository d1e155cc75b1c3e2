//! What is deployed, read as a text: the state machine is walked, the template's statements are read.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod events;
mod lockfile;
mod state_machine;
mod template;

use std::fs;
use std::path::Path;

/// The checkout.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A file of the checkout.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}
