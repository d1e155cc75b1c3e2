//! The agent, which supervises the servers of these tests.

use std::path::{Path, PathBuf};

/// The agent that cargo built beside the command line.
pub fn agent() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_dicomperf")).with_file_name("dicomperf-agent")
}
