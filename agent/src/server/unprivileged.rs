//! The system user of servers that need no right of root: the sink and iperf3's.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::process;

/// The name of the user and of its group.
pub(super) const USER: &str = "dicomperf";

/// Lines of the unit of a supervisor whose server is this user's. The supervisor itself is root's: it changes the user,
/// and writes its record to /run. Debian's stand-in for systemd ignores these lines.
pub(super) const SUPERVISED_LINES: &str = "NoNewPrivileges=yes\nProtectSystem=full\nProtectHome=yes\nPrivateTmp=yes\n";

/// Lines of a unit that runs as this user from its start.
pub(super) const USER_LINES: &str = "User=dicomperf\n\
    NoNewPrivileges=yes\n\
    CapabilityBoundingSet=\n\
    ProtectSystem=strict\n\
    ProtectHome=yes\n\
    PrivateTmp=yes\n";

/// Makes the user unless it exists.
///
/// # Errors
/// `HostFailed`
pub(super) fn ensure_user(home: &RunHome, deadline: Instant) -> Result<(), Failure> {
    let users = fs::read_to_string("/etc/passwd").while_path("read", Path::new("/etc/passwd"))?;
    if users.lines().any(|line| line.split(':').next() == Some(USER)) {
        return Ok(());
    }
    let doing = || format!("make the user {USER}");
    let options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"];
    let mut command = Command::new("useradd");
    command.args(options).args(["--shell", "/usr/sbin/nologin", USER]);
    let made = process::run(&mut command, &home.path("command.out"), deadline).while_doing(doing)?;
    if made.success() { Ok(()) } else { Err(io::Error::other(made.output)).while_doing(doing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_names_the_user() {
        assert!(USER_LINES.starts_with(&format!("User={USER}\n")));
    }
}
