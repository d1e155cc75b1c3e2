//! The server processes of this host, from /proc: a service manager may not know all of them.
//!
//! The agent reads directly only what every process may read. In a container root lacks CAP_SYS_PTRACE, so it cannot
//! read another user's /proc/PID/{exe,fd,environ}.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::supervisor;
use crate::failure::{DuringIo as _, Failure};

/// The time in which a process must end after a signal.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// A process of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerProcess {
    pid: i32,
    arguments: Vec<String>,
}

/// Every live process with this name in the kernel (proc_pid_comm(5)).
pub(super) fn find_by_name(name: &str) -> Result<Vec<ServerProcess>, Failure> {
    find(|other, _| other == name).while_doing(|| "read /proc".to_owned())
}

/// Every live process with this argument: a path with which only ours are started.
pub(super) fn find_by_argument(argument: &str) -> Result<Vec<ServerProcess>, Failure> {
    find(|_, arguments| arguments.iter().any(|other| other == argument)).while_doing(|| "read /proc".to_owned())
}

/// Every live supervisor with this record.
pub(super) fn find_supervisors(record: &Path) -> Result<Vec<ServerProcess>, Failure> {
    let mut processes = find_by_argument(&record.display().to_string())?;
    processes.retain(ServerProcess::is_supervisor);
    Ok(processes)
}

fn find(wanted: impl Fn(&str, &[String]) -> bool) -> io::Result<Vec<ServerProcess>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        // The process ended meanwhile.
        let Ok(entry) = entry else { continue };
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(name) = fs::read_to_string(entry.path().join("comm")) else { continue };
        let arguments = split_at_nul(&fs::read(entry.path().join("cmdline")).unwrap_or_default());
        // A zombie has no arguments.
        if !arguments.is_empty() && wanted(name.trim_end(), &arguments) {
            processes.push(ServerProcess { pid, arguments });
        }
    }
    Ok(processes)
}

/// True if no program listens on a TCP port of this host.
pub(super) fn is_free(port: u16) -> bool {
    // The standard library sets SO_REUSEADDR, so connections in TIME-WAIT do not count.
    TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], port))).is_ok()
}

impl ServerProcess {
    /// True if the process was started with this argument.
    #[must_use]
    pub fn was_started_with(&self, argument: &str) -> bool {
        self.arguments.iter().any(|other| other.trim_end_matches('/') == argument)
    }

    /// True if the process is the supervisor of a server, whose arguments contain those of the server.
    #[must_use]
    pub fn is_supervisor(&self) -> bool {
        self.arguments.get(1).is_some_and(|verb| verb == supervisor::VERB)
    }

    /// Returns the environment with which the process was started: `NAME=VALUE`.
    ///
    /// # Errors
    /// A process that has ended.
    pub fn environment(&self) -> io::Result<Vec<String>> {
        let path = format!("/proc/{}/environ", self.pid);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                // The process's own user can read the file even if root cannot.
                let mut command = Command::new("cat");
                command.arg(path).uid(self.id("Uid:")?).gid(self.id("Gid:")?);
                Ok(split_at_nul(&command.output()?.stdout))
            }
            bytes => Ok(split_at_nul(&bytes?)),
        }
    }

    /// The real id in a line of /proc/PID/status.
    fn id(&self, line: &str) -> io::Result<u32> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let id = status.lines().find_map(|text| text.strip_prefix(line)?.split_whitespace().next()?.parse().ok());
        id.ok_or_else(|| io::Error::other(format!("/proc/{}/status has no {line}", self.pid)))
    }

    fn is_alive(&self) -> bool {
        fs::read(format!("/proc/{}/cmdline", self.pid)).is_ok_and(|bytes| split_at_nul(&bytes) == self.arguments)
    }

    /// Ends the process with SIGTERM, or else with SIGKILL.
    ///
    /// # Errors
    /// `HostFailed`
    pub fn end(&self) -> Result<(), Failure> {
        tracing::info!(process = ?self, "end");
        self.signal_until_ended().while_doing(|| format!("end process {}", self.pid))
    }

    fn signal_until_ended(&self) -> io::Result<()> {
        let pid = Pid::from_raw(self.pid).ok_or_else(|| io::Error::other("no process id"))?;
        for signal in [Signal::TERM, Signal::KILL] {
            if self.is_alive() {
                kill_process(pid, signal)?;
            }
            let until = Instant::now() + END_TIMEOUT;
            while Instant::now() < until {
                if !self.is_alive() {
                    return Ok(());
                }
                sleep(Duration::from_millis(50));
            }
        }
        Err(io::Error::other(format!("process {} does not end", self.pid)))
    }
}

fn split_at_nul(bytes: &[u8]) -> Vec<String> {
    let words = bytes.split(|&byte| byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_listened_on_is_not_free() {
        let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        assert!(!is_free(port));
        drop(listener);
        assert!(is_free(port));
    }

    #[test]
    fn a_process_is_known_by_its_name_and_what_it_was_started_with() {
        let directory = tempfile::tempdir().expect("a directory");
        let program = directory.path().join("dicomperf-probe");
        fs::copy("/bin/sleep", &program).expect("copied");
        let mut child = Command::new(&program).arg("61.5").env("TCP_NODELAY", "0").spawn().expect("started");
        let found =
            || find_by_name("dicomperf-probe").expect("read").into_iter().find(|one| one.was_started_with("61.5"));
        // Between fork and exec the process has another name.
        let process = (0..100).find_map(|_| {
            sleep(Duration::from_millis(10));
            found()
        });
        let process = process.expect("found");
        assert!(process.environment().expect("read").contains(&"TCP_NODELAY=0".to_owned()));
        process.end().expect("ended");
        assert!(found().is_none());
        let _ = child.wait();
    }
}
