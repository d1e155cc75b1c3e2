//! Units that run beside the server for as long as the host exists: the sampler, and iperf3's server.

use std::fmt::Write as _;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicomperf_model::step::{IPERF3_PORT, ServerConfiguration};

use super::processes::{self, ServerProcess};
use super::systemd::{self, systemctl, unit_path, unit_text};
use super::target::every_server;
use super::unprivileged;
use crate::environment::network_variables;
use crate::failure::{DuringIo as _, Failure};
use crate::home::{self, RunHome};
use crate::resources::SAMPLES_FILE;

/// The time limit for the start of a unit's process.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// The file with the URL for the samples, in the run's home.
const SAMPLES_URL_FILE: &str = "samples-url";
/// The file with the sampler's proxy and certificates, in the run's home: a proxy's URL may have a password.
const SAMPLER_VARIABLES_FILE: &str = "sampler.env";
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
    // A unit inherits no variable of this process.
    let variables_file = home.path(SAMPLER_VARIABLES_FILE);
    let variables = variables_text(&network_variables());
    home::replace(&variables_file, variables.as_bytes(), 0o600).while_path("write", &variables_file)?;
    let lines = format!("EnvironmentFile={}\n", variables_file.display());
    let unit = unit_text("Samples of this host for dicomperf", &command, &lines);
    start_once(SAMPLER_UNIT, &unit, || processes::find_by_argument(&samples), home, deadline)?;

    unprivileged::ensure_user(home, deadline)?;
    let command = format!("/usr/bin/iperf3 --server --port {IPERF3_PORT}");
    let unit = unit_text("iperf3 for dicomperf", &command, unprivileged::USER_LINES);
    start_once("dicomperf-iperf3.service", &unit, iperf3_servers, home, deadline)
}

/// The processes of iperf3 that serve.
fn iperf3_servers() -> Result<Vec<ServerProcess>, Failure> {
    let mut processes = processes::find_by_name("iperf3")?;
    processes.retain(|process| process.was_started_with("--server"));
    Ok(processes)
}

/// Variables in the format of systemd's EnvironmentFile. One that needs quotes there is left out.
fn variables_text(variables: &[(&str, String)]) -> String {
    let is_plain = |value: &str| value.bytes().all(|byte| byte.is_ascii_graphic() && !b"'\"\\`$".contains(&byte));
    let (plain, other): (Vec<_>, Vec<_>) = variables.iter().partition(|(_, value)| is_plain(value));
    for (name, _) in other {
        tracing::warn!("the sampler does not get {name}, which has blanks or quotes");
    }
    plain.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
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

/// Starts a unit unless one of its processes runs.
fn start_once(
    name: &str,
    text: &str,
    find: impl Fn() -> Result<Vec<ServerProcess>, Failure>,
    home: &RunHome,
    deadline: Instant,
) -> Result<(), Failure> {
    let is_running = || find().map(|found| !found.is_empty());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_needs_quotes_is_left_out() {
        let variables =
            [("https_proxy", "http://u:p%40@proxy:3128".to_owned()), ("SSL_CERT_FILE", "/etc/a file.pem".to_owned())];
        assert_eq!(variables_text(&variables), "https_proxy=http://u:p%40@proxy:3128\n");
    }
}
