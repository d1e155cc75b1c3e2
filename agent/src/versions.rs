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

/// Orthanc's version, like `1.10.1`.
#[must_use]
pub fn orthanc(scratch: &Path) -> Option<String> {
    first_line(Command::new(ORTHANC_PROGRAM).arg("--version"), scratch)
        .and_then(|line| line.split_whitespace().next_back().map(str::to_owned))
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
    fn the_os_is_named_as_it_names_itself() {
        assert_eq!(pretty_name("ID=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"), Some("Debian GNU/Linux 12"));
    }
}
