//! systemd's units: masked, started and stopped.
//!
//! In a container `systemctl` may be Debian's stand-in, which starts units but cannot stop every one. So the agent
//! checks the result in /proc.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

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
    let reason = format!("systemctl start: {}", started.output.trim());
    Err(Failure::ServerNotStarted { server: unit.to_owned(), reason })
}

/// Runs `systemctl`, and accepts any exit code.
pub(super) fn systemctl(arguments: &[&str], home: &RunHome, deadline: Instant) -> Result<Finished, Failure> {
    process::run(Command::new("systemctl").args(arguments), &home.path("command.out"), deadline)
        .while_doing(|| "run systemctl".to_owned())
}
