//! `server configure`: starts the server with exactly the block's configuration, or fails the step.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicomperf_model::measurement::HostVersions;
use dicomperf_model::step::{ServerConfiguration, StepOutput};

use super::target::{every_server, save_configured_target, server_under_test};
use super::under_test::ServerUnderTest;
use super::{companions, echo, files, processes, systemd};
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::reporter::{Reporter, WorkEnd};
use crate::{packages, resources, tls, versions};

/// The longest wait for a server's first answer. Its database may be large.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Lines of the server's log in an error.
const MAX_LOG_LINES: usize = 5;

/// Runs `server configure`: installs the server and iperf3, writes the server's configuration and our units, and starts
/// them. Then it checks that the server answers on its control interface and to C-ECHO. It restarts nothing if the
/// server already runs with that configuration.
///
/// # Errors
/// `InstallFailed`, `OrthancTooOld`, `ServerNotStarted`, `DeadlinePassed`, `HostFailed`.
pub fn configure(
    configuration: &ServerConfiguration,
    home: &RunHome,
    reporter: &mut Reporter,
) -> Result<WorkEnd, Failure> {
    let deadline = reporter.deadline();
    let server = server_under_test(configuration.settings.target, &configuration.server);
    let host = Host { configuration, server: server.as_ref(), home, deadline };
    reporter.stage(0, 3, format!("installing {}", server.name()));
    packages::prepare_host(home, deadline)?;
    server.install(home, deadline)?;
    packages::install("iperf3", home, deadline)?;
    let mut versions = versions::host();
    server.add_version(&mut versions, &home.path("version.out"));
    tracing::info!(?versions, "{}", server.name());
    // The companions only explain a result, so a failure to start them does not fail the step.
    if let Err(failure) = companions::start_companions(home, deadline) {
        tracing::warn!("{failure}");
    }

    reporter.stage(1, 3, format!("configuring {}", server.name()));
    let changed = host.write(&versions)?;
    save_configured_target(configuration.settings.target, home)?;
    if changed || host.check().is_err() {
        reporter.stage(2, 3, format!("starting {}", server.name()));
        host.restart()?;
        host.wait()?;
    } else {
        tracing::info!("this configuration runs already");
    }
    resources::upload(home, &configuration.samples_url);
    reporter.set_output(StepOutput::ServerConfigured(versions));
    Ok(WorkEnd::Done)
}

/// A server on this host.
struct Host<'a> {
    configuration: &'a ServerConfiguration,
    server: &'a dyn ServerUnderTest,
    home: &'a RunHome,
    deadline: Instant,
}

impl Host<'_> {
    /// Writes every file whose content differs from the existing one. Returns true if it wrote any.
    fn write(&self, versions: &HostVersions) -> Result<bool, Failure> {
        let (files, group) = (self.server.files(self.configuration, versions)?, self.server.group());
        let mut changed = false;
        for file in &files {
            let directory = file.path.parent().unwrap_or(Path::new("/"));
            fs::create_dir_all(directory).while_path("make", directory)?;
        }
        if self.configuration.settings.tls {
            changed |= self.server.certificate().write_once(&self.configuration.server, group, self.home)?;
        }
        for file in &files {
            changed |= files::replace_if_changed(&file.path, &file.content, file.is_secret, group)?;
        }
        Ok(changed)
    }

    /// Stops every server that may use the ports, our own and a package's, and starts this one.
    fn restart(&self) -> Result<(), Failure> {
        let address = &self.configuration.server;
        systemd::systemctl(&["daemon-reload"], self.home, self.deadline)?;
        // A unit that does not exist or does not run is not an error.
        for server in every_server(address) {
            for unit in server.packaged_unit().into_iter().chain([server.unit()]) {
                systemd::systemctl(&["stop", unit], self.home, self.deadline)?;
            }
        }
        for server in every_server(address) {
            server.processes()?.iter().try_for_each(processes::ServerProcess::end)?;
        }
        for port in [address.dicom_port, address.rest_port] {
            if !processes::is_free(port) {
                return Err(self.not_started(format!("another program uses port {port}")));
            }
        }
        systemd::start(self.server.unit(), self.home, self.deadline)
    }

    /// Fails if the server does not run as configured, or does not answer.
    fn check(&self) -> Result<(), String> {
        self.server.check_control_interface().map_err(|failure| failure.to_string())?;
        let address = &self.configuration.server;
        let tls = if self.configuration.settings.tls {
            let certificate = fs::read(&self.server.certificate().certificate).map_err(|error| error.to_string())?;
            Some(tls::trusting_client(&certificate)?)
        } else {
            None
        };
        echo::echo(address, tls).map_err(|reason| format!("C-ECHO to port {}: {reason}", address.dicom_port))?;
        // The server that answers must be ours, with its environment.
        match self.server.runs_as(&self.configuration.settings) {
            Ok(true) => Ok(()),
            Ok(false) => Err("the process that answers is not the one that was started".to_owned()),
            Err(failure) => Err(failure.to_string()),
        }
    }

    fn wait(&self) -> Result<(), Failure> {
        let until = self.deadline.min(Instant::now() + START_TIMEOUT);
        loop {
            let Err(reason) = self.check() else { return Ok(()) };
            if Instant::now() >= until {
                let log = self.server.log().and_then(|path| fs::read(path).ok());
                let end = log.map(|log| {
                    format!("; its log ends with: {}", last_lines(&String::from_utf8_lossy(&log), MAX_LOG_LINES))
                });
                return Err(self.not_started(reason + &end.unwrap_or_default()));
            }
            sleep(Duration::from_millis(100));
        }
    }

    fn not_started(&self, reason: String) -> Failure {
        Failure::ServerNotStarted { server: self.server.name().to_owned(), reason }
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join(" | ")
}
