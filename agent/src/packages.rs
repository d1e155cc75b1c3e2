//! Packages from apt, on a host that may have booted a moment ago.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::process::{self, Finished};

/// The longest wait for the first boot. After it, apt is tried anyway.
const BOOT_TIMEOUT: Duration = Duration::from_secs(300);
/// The longest wait for the lock of the package lists while another apt has it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(300);
/// The scratch file for a program's output.
const SCRATCH_FILE: &str = "command.out";

/// Waits until the host has booted, and stops work that would disturb a measurement. That is snap's refreshes and apt's
/// timers, each only if the host has it.
///
/// # Errors
/// `HostFailed` if a program that exists cannot be started.
pub fn prepare_host(home: &RunHome, deadline: Instant) -> Result<(), Failure> {
    if process::is_installed("cloud-init") && Path::new("/run/cloud-init").exists() {
        // cloud-init locks apt on first boot. Its exit code reports warnings, which do not concern the agent.
        run(Command::new("cloud-init").args(["status", "--wait"]), home, deadline.min(Instant::now() + BOOT_TIMEOUT))?;
    }
    if process::is_installed("snap") && booted_with_systemd() {
        run(Command::new("snap").args(["refresh", "--hold"]), home, deadline)?;
    }
    if booted_with_systemd() {
        let units = ["apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service"];
        // systemctl fails on units that do not exist, which is not an error here.
        run(Command::new("systemctl").arg("stop").args(units), home, deadline)?;
    }
    Ok(())
}

/// Installs a package if it is missing.
///
/// # Errors
/// `InstallFailed` with apt's own message, `DeadlinePassed`.
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

/// Fetches the package lists. A list with one broken mirror among several may suffice, so only the installation can
/// fail.
fn update(home: &RunHome, deadline: Instant) -> Result<Finished, Failure> {
    let until = deadline.min(Instant::now() + LOCK_TIMEOUT);
    loop {
        let update = run(apt().arg("update"), home, deadline)?;
        // An option makes apt wait for dpkg's lock. It never waits for the lock of its lists.
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
        // Waits for any other program that has dpkg's lock on first boot.
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

/// apt's complaints, each once: errors first, then failed downloads.
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

/// True if systemd booted this host, by the test of sd_booted(3).
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
