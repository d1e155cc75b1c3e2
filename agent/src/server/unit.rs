//! Units that run beside the SCP for as long as the host exists: the sampler, and iperf3's server.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicomperf::step::IPERF3_PORT;

use super::{processes, service};
use crate::failure::{Failure, While as _};
use crate::home::RunHome;
use crate::resources::SAMPLES;

/// How long a unit may take until its process is there.
const START: Duration = Duration::from_secs(10);

/// A unit that runs one command, as root and without restarts: it must not come back where it failed.
pub(super) fn text(description: &str, command: &str) -> String {
    format!(
        "[Unit]\n\
         Description={description}\n\
         After=network.target\n\
         \n\
         [Service]\n\
         Type=simple\n\
         ExecStart={command}\n\
         Restart=no\n"
    )
}

/// Starts the sampler and iperf3's server, each unless it runs.
///
/// # Errors
/// `ServerNotStarted`, `HostFailed`.
pub(super) fn start_companions(home: &RunHome, deadline: Instant) -> Result<(), Failure> {
    let agent = std::env::current_exe().doing(|| "find the agent's own binary".to_owned())?;
    let samples = home.path(SAMPLES).display().to_string();
    let sampler = text("Samples of this host for dicomperf", &format!("{} sample --out {samples}", agent.display()));
    start_once("dicomperf-sampler.service", &sampler, &samples, home, deadline)?;
    // An argument by which it is known among the processes of the host.
    let pid_file = "/run/dicomperf-iperf3.pid";
    let iperf3 = format!("/usr/bin/iperf3 --server --port {IPERF3_PORT} --pidfile {pid_file}");
    start_once("dicomperf-iperf3.service", &text("iperf3 for dicomperf", &iperf3), pid_file, home, deadline)
}

/// Stops the sampler, so that its last frame is written.
///
/// # Errors
/// `HostFailed`
pub(super) fn stop_sampler(home: &RunHome, deadline: Instant) -> Result<(), Failure> {
    service::systemctl(&["stop", "dicomperf-sampler.service"], home, deadline)?;
    let samples = home.path(SAMPLES).display().to_string();
    for process in processes::with_argument(&samples).doing(|| "read /proc".to_owned())? {
        process.end().doing(|| format!("end process {}", process.pid))?;
    }
    Ok(())
}

fn start_once(name: &str, text: &str, argument: &str, home: &RunHome, deadline: Instant) -> Result<(), Failure> {
    let runs = || processes::with_argument(argument).map(|found| !found.is_empty()).doing(|| "read /proc".to_owned());
    if runs()? {
        return Ok(());
    }
    let path = Path::new("/etc/systemd/system").join(name);
    fs::write(&path, text).at("write", &path)?;
    service::systemctl(&["daemon-reload"], home, deadline)?;
    service::start(name, home, deadline)?;
    let until = deadline.min(Instant::now() + START);
    while !runs()? {
        if Instant::now() >= until {
            return Err(Failure::ServerNotStarted { reason: format!("{name} was started and does not run") });
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}
