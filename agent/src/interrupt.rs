//! A request to end early: SIGINT or SIGTERM, on the command line.
//!
//! A signal concerns the whole process, so the request is one for the process too. On a host of a run nobody watches for
//! it, and the signals keep their default.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
static WATCHED: AtomicBool = AtomicBool::new(false);

/// The reason of an iteration that was stopped.
pub const REASON: &str = "the run was interrupted";

/// True if no further work should begin.
#[must_use]
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// True if this process watches for signals. Its senders then get a process group of their own, because a terminal sends
/// SIGINT to all processes of the group in the foreground.
#[must_use]
pub fn is_watched() -> bool {
    WATCHED.load(Ordering::Relaxed)
}

/// Announces that the caller watches for signals, and calls [`request`].
pub fn watch() {
    WATCHED.store(true, Ordering::Relaxed);
}

/// Requests that the work ends early.
pub fn request() {
    REQUESTED.store(true, Ordering::Relaxed);
}

/// Takes SIGTERM and SIGINT as the request from now on. System calls that a signal interrupts are restarted.
///
/// # Errors
/// Those of sigaction(2).
pub(crate) fn request_at_signals() -> io::Result<()> {
    for signal in [SIGTERM, SIGINT] {
        flag::register(signal, Arc::clone(&REQUESTED))?;
    }
    Ok(())
}
