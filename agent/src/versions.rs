//! The versions of a host's programs.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use dicomperf_model::measurement::HostVersions;

use crate::process;

/// Orthanc's program in Debian and Ubuntu.
pub const ORTHANC_PROGRAM: &str = "/usr/sbin/Orthanc";

/// The versions of this host, except those of Orthanc and DCMTK.
#[must_use]
pub fn host() -> HostVersions {
    let os = fs::read_to_string("/etc/os-release").unwrap_or_default();
    HostVersions {
        os: pretty_name(&os).unwrap_or("unknown").to_owned(),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
        orthanc: None,
        dcmtk: None,
    }
}

/// The version of the distribution's Orthanc, like `1.10.1`.
#[must_use]
pub fn orthanc(scratch: &Path) -> Option<String> {
    version_in(&first_line(Command::new(ORTHANC_PROGRAM).arg("--version"), scratch)?)
}

/// The version that a program of Orthanc reports, run as this user; the reason if it reports none.
///
/// # Errors
/// The program cannot be run, or prints nothing.
pub fn orthanc_of(program: &Path, user: Option<&str>, scratch: &Path) -> Result<String, String> {
    let mut command = Command::new("setpriv");
    // The build is not the distribution's, so it never runs as root.
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", user, "--init-groups", "--no-new-privs"]);
    }
    command.arg("--").arg(program).arg("--version");
    let finished = process::run(&mut command, scratch, Instant::now() + Duration::from_secs(30))
        .map_err(|error| error.to_string())?;
    let version = finished.output.lines().next().filter(|_| finished.success()).and_then(version_in);
    version.ok_or_else(|| format!("`{} --version` printed {:?}", program.display(), finished.output.trim()))
}

/// The version in the first line of `Orthanc --version`: `Orthanc 1.12.9`, `/usr/sbin/Orthanc mainline (20260101T000000)`.
fn version_in(line: &str) -> Option<String> {
    line.split_whitespace().nth(1).map(str::to_owned)
}

/// DCMTK's version, like `3.6.7`.
#[must_use]
pub fn dcmtk(scratch: &Path) -> Option<String> {
    // $dcmtk: storescu v3.6.7 2022-04-22 $
    let line = first_line(Command::new("storescu").arg("--version"), scratch)?;
    line.split_whitespace().find_map(|word| word.strip_prefix('v')).map(str::to_owned)
}

fn first_line(command: &mut Command, scratch: &Path) -> Option<String> {
    let finished = process::run(command, scratch, Instant::now() + Duration::from_secs(30)).ok()?;
    finished.output.lines().next().map(str::to_owned)
}

fn pretty_name(os_release: &str) -> Option<&str> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches('"'))
}

/// True if a version like `1.10.1` is at least `needed`. A version that is not a number, like `mainline`, counts as the
/// newest.
#[must_use]
pub fn at_least(found: &str, needed: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<u32>> {
        text.split(['+', '-', '~']).next()?.split('.').map(|part| part.parse().ok()).collect()
    };
    match (numbers(found), numbers(needed)) {
        (Some(found), Some(needed)) => found >= needed,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for (found, needed, enough) in [
            ("1.10.1", "1.10.0", true),
            ("1.9.7", "1.10.0", false),
            ("1.12.11+dfsg", "1.9.4", true),
            ("mainline", "1.10.0", true),
        ] {
            assert_eq!(at_least(found, needed), enough, "{found} {needed}");
        }
    }

    #[test]
    fn a_version_follows_the_programs_name() {
        assert_eq!(version_in("/usr/sbin/Orthanc 1.10.1").as_deref(), Some("1.10.1"));
        assert_eq!(version_in("Orthanc mainline (20260101T000000)").as_deref(), Some("mainline"));
        assert_eq!(version_in("Orthanc"), None);
    }

    #[test]
    fn the_os_is_named_as_it_names_itself() {
        assert_eq!(pretty_name("ID=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"), Some("Debian GNU/Linux 12"));
    }
}
