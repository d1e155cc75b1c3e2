//! Ctrl-C: SIGINT and SIGTERM.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process;
use std::thread;

use dicomperf_agent::interrupt;
use dicomperf_agent::process::kill_children;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The exit code of an end at once.
const EXIT_AT_ONCE: i32 = 1;

/// Ends the measurement early at the first signal, and the process at once at the second. The second signal leaves no
/// process and no temporary directory behind.
pub fn watch(temporary: PathBuf) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    interrupt::watch();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut signals = signals.forever();
        signals.next();
        interrupt::request();
        eprintln!("\ninterrupted: ends after the C-STORE under way; a second time ends at once");
        signals.next();
        // Nobody is left to whom an error could be reported.
        let _ = kill_children();
        let _ = fs::remove_dir_all(temporary);
        process::exit(EXIT_AT_ONCE);
    })?;
    Ok(())
}
