//! Ctrl-C: SIGINT and SIGTERM.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::Duration;

use dicomperf_agent::interrupt;
use dicomperf_agent::process::kill_children;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The exit code of an end at once.
const EXIT_AT_ONCE: i32 = 1;
/// Tries to remove the temporary directory.
const MAX_REMOVALS: u32 = 100;
/// The time between two of them: a measurement writes a file in less.
const REMOVAL_INTERVAL: Duration = Duration::from_millis(5);

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
        remove(&temporary);
        process::exit(EXIT_AT_ONCE);
    })?;
    Ok(())
}

/// Removes a directory into which the measurement may still write. Once it is gone, nothing makes it again.
fn remove(directory: &Path) {
    for _ in 0..MAX_REMOVALS {
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => thread::sleep(REMOVAL_INTERVAL),
            _ => return,
        }
    }
}
