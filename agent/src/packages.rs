//! Packages through apt, on a host that may have booted a moment ago.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::process::{self, Finished};

/// The time that the first boot may take before apt is tried all the same.
const BOOT_TIMEOUT: Duration = Duration::from_secs(300);
/// The time for which another apt may hold the lock of the package lists.
const LOCK_TIMEOUT: Duration = Duration::from_secs(300);
/// The file that a program's output passes through.
const SCRATCH_FILE: &str = "command.out";

/// Waits until the host has booted, and holds what would disturb a measurement: snap's refreshes, apt's timers.
/// Each only where it exists.
///
/// # Errors
/// `HostFailed` if a program that exists cannot be started.
pub fn prepare_host(home: &RunHome, deadline: Instant) -> Result<(), Failure> {
    if process::is_installed("cloud-init") && Path::new("/run/cloud-init").exists() {
        // It holds apt's locks on first boot. Its exit code tells of warnings, which are not ours.
        run(Command::new("cloud-init").args(["status", "--wait"]), home, deadline.min(Instant::now() + BOOT_TIMEOUT))?;
    }
    if process::is_installed("snap") && booted_with_systemd() {
        run(Command::new("snap").args(["refresh", "--hold"]), home, deadline)?;
    }
    if booted_with_systemd() {
        let units = ["apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service"];
        // Units that are not there are an error of systemctl's, not of ours.
        run(Command::new("systemctl").arg("stop").args(units), home, deadline)?;
    }
    Ok(())
}

/// Installs a package if it is not there.
///
/// # Errors
/// `InstallFailed` with apt's own words, `DeadlinePassed`.
pub fn install(package: &str, home: &RunHome, deadline: Instant) -> Result<(), Failure> {
    let status = run(Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]), home, deadline)?;
    if status.success() && status.output.trim() == "installed" {
        tracing::info!(package, "installed already");
        return Ok(());
    }
    let update = update(home, deadline)?;
    let install = run(apt().args(["install", "--yes", "--no-install-recommends", package]), home, deadline)?;
    if install.success() {
        return Ok(());
    }
    if install.status.is_none() || update.status.is_none() {
        return Err(Failure::DeadlinePassed { doing: format!("installing {package}") });
    }
    Err(Failure::InstallFailed { package: package.to_owned(), reason: complaints(&install.output, &update.output) })
}

/// Fetches the package lists. One that met a broken mirror among several may be good enough: the installation decides.
fn update(home: &RunHome, deadline: Instant) -> Result<Finished, Failure> {
    let until = deadline.min(Instant::now() + LOCK_TIMEOUT);
    loop {
        let update = run(apt().arg("update"), home, deadline)?;
        // apt waits for dpkg's lock if told so, and never for that of its lists.
        if !update.output.contains("Could not get lock") || Instant::now() >= until {
            return Ok(update);
        }
        sleep(Duration::from_secs(5));
    }
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args([
        "--quiet",
        "-o",
        // Whoever else holds dpkg's lock on first boot is waited for.
        "DPkg::Lock::Timeout=300",
        "-o",
        "Dpkg::Options::=--force-confold",
        "-o",
        "Acquire::Retries=3",
        "-o",
        "Acquire::http::Timeout=30",
        "-o",
        "Acquire::https::Timeout=30",
    ]);
    command
}

fn run(command: &mut Command, home: &RunHome, deadline: Instant) -> Result<Finished, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    process::run(command, &home.path(SCRATCH_FILE), deadline).while_doing(|| format!("run {program}"))
}

/// apt's complaints: errors first, then files that could not be fetched, each once.
fn complaints(install: &str, update: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let errors = install.lines().filter(|line| line.starts_with("E:"));
    let warnings =
        update.lines().chain(install.lines()).filter(|line| line.starts_with("W:") || line.starts_with("E:"));
    for line in errors.chain(warnings) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        lines.extend(install.lines().rev().take(5).collect::<Vec<_>>().into_iter().rev());
    }
    lines.truncate(8);
    lines.join("; ")
}

/// As sd_booted(3) tells.
pub(crate) fn booted_with_systemd() -> bool {
    Path::new("/run/systemd/system").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_names_the_error_and_the_mirror_once() {
        let update = "Err:1 http://mirror bookworm InRelease\nW: Failed to fetch http://mirror\nW: Failed to fetch http://mirror\n";
        let install = "Reading package lists...\nE: Unable to locate package orthanc\n";
        assert_eq!(
            complaints(install, update),
            "E: Unable to locate package orthanc; W: Failed to fetch http://mirror"
        );
    }

    #[test]
    fn without_a_complaint_the_last_words_are_the_reason() {
        assert_eq!(complaints("one\ntwo\n", ""), "one; two");
    }
}
