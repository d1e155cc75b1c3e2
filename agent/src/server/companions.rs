//! Units that run beside the server for as long as the host exists: the sampler, and iperf3's server.

use std::fmt::Write as _;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicomperf_model::step::{IPERF3_PORT, ServerConfiguration};

use super::processes;
use super::systemd::{self, systemctl, unit_path, unit_text};
use super::target::every_server;
use crate::failure::{DuringIo as _, Failure};
use crate::home::{self, RunHome};
use crate::resources::SAMPLES_FILE;

/// The time limit for the start of a unit's process.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// The file with the URL for the samples, in the run's home.
const SAMPLES_URL_FILE: &str = "samples-url";
const SAMPLER_UNIT: &str = "dicomperf-sampler.service";

/// Starts the sampler and iperf3's server, unless they run already.
///
/// # Errors
/// `ServerNotStarted`, `HostFailed`.
pub(super) fn start_companions(
    configuration: &ServerConfiguration,
    home: &RunHome,
    deadline: Instant,
) -> Result<(), Failure> {
    let agent = std::env::current_exe().while_doing(|| "find the agent's own binary".to_owned())?;
    let samples = home.path(SAMPLES_FILE).display().to_string();
    // The URL is a secret, so it is no argument of a process. The sampler that runs already reads the new one.
    let url_file = home.path(SAMPLES_URL_FILE);
    home::replace(&url_file, configuration.samples_url.as_bytes(), 0o600).while_path("write", &url_file)?;
    let mut command = format!("{} sample --out {samples} --upload-url {}", agent.display(), url_file.display());
    for server in every_server(&configuration.server) {
        let _ = write!(command, " --record {}", server.record().display());
        for (option, path) in [("--storage", server.storage()), ("--log", server.log())] {
            let _ = path.map(|path| write!(command, " {option} {}", path.display()));
        }
    }
    start_once(SAMPLER_UNIT, &unit_text("Samples of this host for dicomperf", &command, ""), &samples, home, deadline)?;
    // An argument that identifies iperf3's server among the processes of the host.
    let pid_file = "/run/dicomperf-iperf3.pid";
    let command = format!("/usr/bin/iperf3 --server --port {IPERF3_PORT} --pidfile {pid_file}");
    start_once("dicomperf-iperf3.service", &unit_text("iperf3 for dicomperf", &command, ""), pid_file, home, deadline)
}

/// Stops the sampler, which then writes its last frame.
///
/// # Errors
/// `HostFailed`
pub(super) fn stop_sampler(home: &RunHome, deadline: Instant) -> Result<(), Failure> {
    systemctl(&["stop", SAMPLER_UNIT], home, deadline)?;
    for process in processes::find_by_argument(&home.path(SAMPLES_FILE).display().to_string())? {
        process.end()?;
    }
    Ok(())
}

fn start_once(name: &str, text: &str, argument: &str, home: &RunHome, deadline: Instant) -> Result<(), Failure> {
    let is_running = || processes::find_by_argument(argument).map(|found| !found.is_empty());
    if is_running()? {
        return Ok(());
    }
    let path = unit_path(name);
    fs::write(&path, text).while_path("write", &path)?;
    systemctl(&["daemon-reload"], home, deadline)?;
    systemd::start(name, home, deadline)?;
    let until = deadline.min(Instant::now() + START_TIMEOUT);
    while !is_running()? {
        if Instant::now() >= until {
            let reason = "it was started but does not run".to_owned();
            return Err(Failure::ServerNotStarted { server: name.to_owned(), reason });
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}
