//! Our units: Debian's Orthanc is kept from running, ours is started and stopped.
//!
//! In a container `systemctl` may be Debian's stand-in, which starts units and cannot stop every one; so nothing is
//! believed here that /proc does not confirm.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use dicomperf::step::ServerAddress;

use super::configuration::{Paths, UNIT};
use super::processes::{self, ServerProcess};
use super::sink;
use crate::failure::{Failure, While as _};
use crate::home::RunHome;
use crate::process::{self, Finished};

/// The unit of Debian's package. It names a PID file that Orthanc never writes.
const PACKAGED_UNIT: &str = "orthanc.service";
/// What it starts Orthanc with.
const PACKAGED_CONFIGURATION: &str = "/etc/orthanc";

/// Keeps Debian's unit from being started, by its package's installation or at boot: what `systemctl mask` does, and
/// what works before there is such a unit.
pub(super) fn mask_packaged() -> Result<(), Failure> {
    let mask = Path::new("/etc/systemd/system").join(PACKAGED_UNIT);
    fs::create_dir_all("/etc/systemd/system").at("make", Path::new("/etc/systemd/system"))?;
    if fs::symlink_metadata(&mask).is_ok() {
        // A mask of an earlier step, or an administrator's own unit, whose process is ended below.
        return Ok(());
    }
    symlink("/dev/null", &mask).at("write", &mask)
}

/// The Orthanc that runs with our configuration, if there is one.
pub(super) fn running(paths: &Paths) -> Result<Option<ServerProcess>, Failure> {
    let configuration = paths.configuration.display().to_string();
    let processes = processes::orthancs().doing(|| "read /proc".to_owned())?;
    Ok(processes.into_iter().find(|process| process.was_started_with(&configuration)))
}

/// Stops whatever holds the ports, Debian's Orthanc, ours or the sink, and starts one of our units.
pub(super) fn restart(
    unit: &str,
    server: &ServerAddress,
    paths: &Paths,
    home: &RunHome,
    deadline: Instant,
) -> Result<(), Failure> {
    systemctl(&["daemon-reload"], home, deadline)?;
    // That a unit was not there or not running is no failure.
    for unit in [PACKAGED_UNIT, UNIT, sink::UNIT] {
        systemctl(&["stop", unit], home, deadline)?;
    }
    let configuration = paths.configuration.display().to_string();
    let is_ours = |process: &ServerProcess| {
        [PACKAGED_CONFIGURATION, &configuration].iter().any(|argument| process.was_started_with(argument))
    };
    let mut left = processes::orthancs().doing(|| "read /proc".to_owned())?;
    left.retain(is_ours);
    left.extend(sink::processes()?);
    for process in left {
        tracing::info!(?process, "end");
        process.end().doing(|| format!("end process {}", process.pid))?;
    }
    for port in [server.dicom_port, server.rest_port] {
        if !processes::is_free(port) {
            let others = processes::orthancs().unwrap_or_default();
            let reason = format!("another program holds port {port}; Orthanc processes: {others:?}");
            return Err(Failure::ServerNotStarted { reason });
        }
    }
    start(unit, home, deadline)
}

/// Starts a unit.
pub(super) fn start(unit: &str, home: &RunHome, deadline: Instant) -> Result<(), Failure> {
    let started = systemctl(&["start", unit], home, deadline)?;
    if started.success() {
        return Ok(());
    }
    Err(Failure::ServerNotStarted { reason: format!("systemctl start {unit}: {}", started.output.trim()) })
}

pub(super) fn systemctl(arguments: &[&str], home: &RunHome, deadline: Instant) -> Result<Finished, Failure> {
    process::run(Command::new("systemctl").args(arguments), &home.path("command.out"), deadline)
        .doing(|| "run systemctl".to_owned())
}
