//! Other programs, run to their end or until their time limit.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code or signal; `None` if the program was stopped at its time limit.
    pub status: Option<ExitStatus>,
    /// The output on both streams.
    pub output: String,
}

impl Finished {
    /// True if the exit code was 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// A child process. The agent can wait for several of them at once.
#[derive(Debug)]
pub struct Running {
    child: Child,
    handle: OwnedFd,
}

impl Running {
    /// Starts a program.
    ///
    /// # Errors
    /// A program that cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.spawn()?;
        let handle = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default())
            .ok_or_else(|| io::Error::other("a process without an id"))
            .and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?));
        match handle {
            Ok(handle) => Ok(Self { child, handle }),
            Err(error) => {
                // No other code would end the child.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Asks the process to end (SIGTERM).
    pub fn terminate(&self) {
        // The process may have ended meanwhile.
        let _ = pidfd_send_signal(&self.handle, Signal::TERM);
    }

    /// Kills the process at once.
    pub fn kill(&self) {
        // The process may have ended meanwhile.
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
    }

    /// Returns the exit code or signal. Call it after [`wait_for_one`] reported the end of the process.
    ///
    /// # Errors
    /// Those of wait(2).
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

/// Waits until at least one of the processes has ended. Returns true for each process that has.
///
/// # Errors
/// Those of poll(2).
pub fn wait_for_one(processes: &[&Running], timeout: Duration) -> io::Result<Vec<bool>> {
    let mut handles: Vec<_> = processes.iter().map(|one| PollFd::new(&one.handle, PollFlags::IN)).collect();
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    };
    match poll(&mut handles, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(handles.iter().map(|handle| !handle.revents().is_empty()).collect())
}

/// Runs a program to its end, or kills it at `limit`. The output passes through the file `scratch`, because a daemon
/// that the program leaves behind would keep a pipe open for ever.
///
/// # Errors
/// A program that cannot be started, a scratch file that cannot be used.
pub fn run(command: &mut Command, scratch: &Path, limit: Instant) -> io::Result<Finished> {
    let file = File::create(scratch)?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    tracing::info!("run {line}");
    let mut running = Running::start(command)?;
    let left = limit.saturating_duration_since(Instant::now());
    let ended = wait_until_ended(&running, left)?;
    if !ended {
        running.kill();
    }
    let status = running.status()?;
    let output = String::from_utf8_lossy(&fs::read(scratch)?).into_owned();
    let finished = Finished { status: ended.then_some(status), output };
    if !finished.success() {
        tracing::warn!(status = ?finished.status, output = finished.output, "the program failed");
    }
    Ok(finished)
}

fn wait_until_ended(process: &Running, timeout: Duration) -> io::Result<bool> {
    let until = Instant::now() + timeout;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if wait_for_one(&[process], left)?[0] {
            return Ok(true);
        }
        if left.is_zero() {
            return Ok(false);
        }
    }
}

/// Kills every child of this process at once, for an end that waits for nothing.
///
/// # Errors
/// A /proc that cannot be read.
pub fn kill_children() -> io::Result<()> {
    let parent = i32::try_from(std::process::id()).unwrap_or_default();
    for process in procfs::process::all_processes().map_err(io::Error::other)?.flatten() {
        let is_child = process.stat().is_ok_and(|stat| stat.ppid == parent);
        if let Some(child) = Pid::from_raw(process.pid).filter(|_| is_child) {
            // The child may have ended meanwhile.
            let _ = kill_process(child, Signal::KILL);
        }
    }
    Ok(())
}

/// True if the search path of services has a program of this name.
#[must_use]
pub fn is_installed(program: &str) -> bool {
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/snap/bin"]
        .iter()
        .any(|directory| Path::new(directory).join(program).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Finished {
        let directory = tempfile::tempdir().expect("a directory");
        run(Command::new("sh").args(["-c", script]), &directory.path().join("output"), Instant::now() + limit)
            .expect("started")
    }

    #[test]
    fn output_and_exit_code_are_kept() {
        let finished = shell("echo one; echo two >&2; exit 3", Duration::from_secs(10));
        assert_eq!(finished.output, "one\ntwo\n");
        assert_eq!(finished.status.and_then(|status| status.code()), Some(3));
    }

    #[test]
    fn a_program_that_does_not_end_is_stopped() {
        let started = Instant::now();
        let finished = shell("sleep 60", Duration::from_millis(200));
        assert!(finished.status.is_none() && started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_daemon_that_is_left_behind_is_not_waited_for() {
        let started = Instant::now();
        assert!(shell("sleep 5 & echo started", Duration::from_secs(10)).success());
        assert!(started.elapsed() < Duration::from_secs(4));
    }
}
