//! `dicomperf-agent supervise`: runs a server as its child, and records the end of its process.
//!
//! A unit starts the supervisor, and the supervisor starts the server. A service manager would know the end of the
//! process too, but Debian's stand-in for systemd, which containers use, does not record it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::Context as _;
use dicomperf_model::samples::ServerEnd;
use dicomperf_model::words;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::clock::Moment;
use crate::resources::OomKills;

/// The verb with which the agent supervises. A process with it is a supervisor, and not the server.
pub(super) const VERB: &str = "supervise";

/// A server to supervise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervised {
    /// The server's name: `Orthanc` or `sink`.
    pub name: String,
    /// The file that the end of the server is appended to.
    pub record: PathBuf,
    /// The user that the server runs as; the supervisor's own user if `None`.
    pub user: Option<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
}

impl Supervised {
    /// The command line of a unit that starts this supervisor.
    pub(super) fn command_line(&self, agent: &Path) -> String {
        let mut words = vec![agent.display().to_string(), VERB.to_owned()];
        words.extend(["--name".to_owned(), self.name.clone()]);
        words.extend(["--record".to_owned(), self.record.display().to_string()]);
        words.extend(self.user.iter().flat_map(|user| ["--user".to_owned(), user.clone()]));
        words.push("--".to_owned());
        words.extend(self.command.iter().cloned());
        words.join(" ")
    }

    /// The server's command. setpriv(1) becomes the server, so both are one process. It changes the user first, because
    /// the kernel clears the signal on a change of user.
    fn child(&self) -> Command {
        let mut command = Command::new("setpriv");
        // The server must not outlive its supervisor: nobody would end it, and it would have the ports.
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = &self.user {
            command.args(["--reuid", user, "--regid", user, "--init-groups", "--no-new-privs"]);
        }
        command.arg("--").args(&self.command);
        command
    }
}

/// Runs a server until it ends, and passes SIGTERM and SIGINT on to it. Returns the server's exit code, or 128 and the
/// number of its signal.
///
/// # Errors
/// A server that cannot be started, a record that cannot be written.
pub fn supervise(supervised: &Supervised) -> anyhow::Result<ExitCode> {
    // The signals come before the server, so that an early one is not lost.
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGCHLD]).context("cannot wait for signals")?;
    let (started, before) = (Moment::now(), OomKills::read());
    let mut child =
        supervised.child().spawn().with_context(|| format!("cannot start {}", supervised.command.join(" ")))?;
    let pid = Pid::from_child(&child);
    let mut requested = false;
    let status = loop {
        // It has not been waited for, so the id cannot be that of another process.
        if let Some(status) = child.try_wait().context("cannot wait for the server")? {
            break status;
        }
        for signal in signals.wait().filter(|&signal| signal != SIGCHLD) {
            requested = true;
            // The server may have ended meanwhile.
            let _ = kill_process(pid, if signal == SIGINT { Signal::INT } else { Signal::TERM });
        }
    };
    let kills = OomKills::read().since(&before);
    let end = ServerEnd {
        at_ms: Moment::now().wall_ms(),
        started_at_ms: started.wall_ms(),
        server: supervised.name.clone(),
        exit_code: status.code(),
        signal: status.signal().map(words::signal),
        requested,
        oom_kills: kills.host,
        cgroup_oom_kills: kills.cgroup,
    };
    eprintln!("{}", end.sentence());
    append(&supervised.record, &end).with_context(|| format!("cannot write {}", supervised.record.display()))?;
    Ok(exit_code(status))
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let number = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
    ExitCode::from(u8::try_from(number).unwrap_or(1))
}

fn append(record: &Path, end: &ServerEnd) -> io::Result<()> {
    if let Some(directory) = record.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut line = serde_json::to_vec(end)?;
    line.push(b'\n');
    File::options().append(true).create(true).open(record)?.write_all(&line)
}

/// The last end in a record that lies at or after a time, in ms since 1970-01-01 UTC.
pub(super) fn end_since(record: &Path, since_ms: u64) -> Option<ServerEnd> {
    let text = fs::read_to_string(record).ok()?;
    let ends = text.lines().rev().filter_map(|line| serde_json::from_str::<ServerEnd>(line).ok());
    ends.into_iter().find(|end| end.at_ms >= since_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_names_record_user_and_command() {
        let supervised = Supervised {
            name: "Orthanc".to_owned(),
            record: "/run/dicomperf/orthanc.jsonl".into(),
            user: Some("orthanc".to_owned()),
            command: vec!["/usr/sbin/Orthanc".to_owned(), "/etc/dicomperf/orthanc.json".to_owned()],
        };
        assert_eq!(
            supervised.command_line(Path::new("/opt/agent")),
            "/opt/agent supervise --name Orthanc --record /run/dicomperf/orthanc.jsonl --user orthanc -- \
             /usr/sbin/Orthanc /etc/dicomperf/orthanc.json"
        );
    }

    #[test]
    fn an_end_before_the_start_is_not_of_this_server() {
        let directory = tempfile::tempdir().expect("a directory");
        let record = directory.path().join("deep/ends.jsonl");
        for at_ms in [1000, 2000] {
            append(&record, &ServerEnd { at_ms, ..ServerEnd::default() }).expect("written");
        }
        assert_eq!(end_since(&record, 1500).map(|end| end.at_ms), Some(2000));
        assert_eq!(end_since(&record, 2001), None);
        assert_eq!(end_since(&directory.path().join("none"), 0), None);
    }
}
