//! systemd's units: masked, started and stopped.
//!
//! In a container `systemctl` may be Debian's stand-in, which starts units but cannot stop every one. So the agent
//! checks the result in /proc.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::supervisor::Supervised;
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::process::{self, Finished};

/// The directory of an administrator's own units.
const UNITS_DIRECTORY: &str = "/etc/systemd/system";

/// The file of a unit.
pub(super) fn unit_path(unit: &str) -> PathBuf {
    Path::new(UNITS_DIRECTORY).join(unit)
}

/// The text of a unit that runs one command and never restarts it: a failed server must stay down. `service_lines` are
/// further lines of its `[Service]` section.
pub(super) fn unit_text(description: &str, command: &str, service_lines: &str) -> String {
    format!(
        "[Unit]\n\
         Description={description}\n\
         After=network.target\n\
         \n\
         [Service]\n\
         Type=simple\n\
         {service_lines}\
         ExecStart={command}\n\
         Restart=no\n"
    )
}

/// The text of a unit that runs a server under its supervisor.
pub(super) fn supervised_unit_text(
    description: &str,
    supervised: &Supervised,
    agent: &Path,
    service_lines: &str,
) -> String {
    // mixed: systemd signals the supervisor alone, which passes the signal on. A second SIGTERM would end Orthanc
    // before it has closed its database. continue: the supervisor outlives a kill for lack of memory, and records it.
    let lines = format!("KillMode=mixed\nOOMPolicy=continue\n{service_lines}");
    unit_text(description, &supervised.command_line(agent), &lines)
}

/// Masks a package's unit, so that neither its installation nor a boot starts it. It does the same as `systemctl mask`,
/// and also works before the unit exists.
pub(super) fn mask(unit: &str) -> Result<(), Failure> {
    let mask = unit_path(unit);
    fs::create_dir_all(UNITS_DIRECTORY).while_path("make", Path::new(UNITS_DIRECTORY))?;
    if fs::symlink_metadata(&mask).is_ok() {
        // An earlier step has masked it, or it is an administrator's own unit. Its process is ended before ours is
        // started.
        return Ok(());
    }
    symlink("/dev/null", &mask).while_path("write", &mask)
}

pub(super) fn start(unit: &str, home: &RunHome, deadline: Instant) -> Result<(), Failure> {
    let started = systemctl(&["start", unit], home, deadline)?;
    if started.success() {
        return Ok(());
    }
    Err(Failure::ServerNotStarted { server: unit.to_owned(), reason: format!("systemctl start {}", outcome(&started)) })
}

/// The outcome of a program that failed: its exit code, and its output if it has any.
fn outcome(finished: &Finished) -> String {
    let how = match finished.status {
        None => "did not end in time".to_owned(),
        Some(status) => match status.code() {
            Some(code) => format!("ended with exit code {code}"),
            None => format!("was ended by a signal ({status})"),
        },
    };
    match finished.output.trim() {
        "" => format!("{how} and printed nothing"),
        output => format!("{how}: {output}"),
    }
}

/// Runs `systemctl`, and accepts any exit code.
pub(super) fn systemctl(arguments: &[&str], home: &RunHome, deadline: Instant) -> Result<Finished, Failure> {
    process::run(Command::new("systemctl").args(arguments), &home.path("command.out"), deadline)
        .while_doing(|| "run systemctl".to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn a_program_that_prints_nothing_is_told_by_its_exit_code() {
        let finished =
            |status, output: &str| Finished { status: Some(ExitStatus::from_raw(status)), output: output.to_owned() };
        assert_eq!(outcome(&finished(256, " \n")), "ended with exit code 1 and printed nothing");
        assert_eq!(outcome(&finished(256, "no unit\n")), "ended with exit code 1: no unit");
        assert!(outcome(&finished(9, "")).starts_with("was ended by a signal (signal: 9"));
        assert_eq!(
            outcome(&Finished { status: None, output: String::new() }),
            "did not end in time and printed nothing"
        );
    }
}
