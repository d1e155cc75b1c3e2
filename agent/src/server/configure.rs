//! `server configure`: starts the server with exactly the block's configuration, or fails the step.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicomperf_model::measurement::HostVersions;
use dicomperf_model::step::{ServerConfiguration, StepOutput};

use super::supervisor::end_since;
use super::target::{Served, every_server, save_served, started_server};
use super::under_test::StartedServer;
use super::{companions, condition, echo, files, processes, systemd};
use crate::clock::Moment;
use crate::failure::{DuringIo as _, Failure};
use crate::home::RunHome;
use crate::reporter::{Reporter, WorkEnd};
use crate::{packages, resources, tls, versions};

/// The longest wait for a server's first answer. Its database may be large.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs `server configure`: installs the server and iperf3, writes the server's configuration and our units, and starts
/// them. Then it checks that the server answers on its control interface and to C-ECHO. It restarts nothing if the
/// server already runs with that configuration.
///
/// # Errors
/// `InstallFailed`, `BuildUnusable`, `OrthancTooOld`, `ServerNotStarted`, `DeadlinePassed`, `HostFailed`.
pub fn configure(
    configuration: &ServerConfiguration,
    home: &RunHome,
    reporter: &mut Reporter,
) -> Result<WorkEnd, Failure> {
    let deadline = reporter.deadline();
    let server = started_server(&Served::of(&configuration.settings), &configuration.server).ok_or_else(|| {
        let (server, reason) = ("the server".to_owned(), "a run does not start an existing server".to_owned());
        Failure::ServerNotStarted { server, reason }
    })?;
    let host = Host { configuration, server: server.as_ref(), home, deadline };
    reporter.stage(0, 3, format!("installing {}", server.name()));
    packages::prepare_host(home, deadline)?;
    server.install(home, deadline)?;
    server.install_build(configuration.build.as_ref())?;
    packages::install("iperf3", home, deadline)?;
    let mut versions = versions::host();
    server.add_version(&mut versions, &home.path("version.out"));
    tracing::info!(?versions, "{}", server.name());
    // The companions only explain a result, so a failure to start them does not fail the step.
    if let Err(failure) = companions::start_companions(configuration, home, deadline) {
        tracing::warn!("{failure}");
    }

    reporter.stage(1, 3, format!("configuring {}", server.name()));
    let changed = host.write(&versions)?;
    save_served(&Served::of(&configuration.settings), home)?;
    if changed || host.check().is_err() {
        reporter.stage(2, 3, format!("starting {}", server.name()));
        let begin = host.restart()?;
        host.wait(&begin)?;
    } else {
        tracing::info!("this configuration runs already");
    }
    resources::upload(home, &configuration.samples_url, reporter.uploader());
    reporter.set_output(StepOutput::ServerConfigured(versions));
    Ok(WorkEnd::Done)
}

/// A server on this host.
struct Host<'a> {
    configuration: &'a ServerConfiguration,
    server: &'a dyn StartedServer,
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
    fn restart(&self) -> Result<Begin, Failure> {
        let address = &self.configuration.server;
        systemd::systemctl(&["daemon-reload"], self.home, self.deadline)?;
        let units = every_server(address).flat_map(|server| server.packaged_unit().into_iter().chain([server.unit()]));
        // A unit that does not exist or does not run is not an error, and the others are stopped.
        systemd::systemctl(&["stop"].into_iter().chain(units).collect::<Vec<_>>(), self.home, self.deadline)?;
        for server in every_server(address) {
            // A supervisor ends its server, and records that this was requested.
            let supervisors = processes::find_supervisors(server.record())?;
            supervisors.iter().try_for_each(processes::ServerProcess::end)?;
            server.processes()?.iter().try_for_each(processes::ServerProcess::end)?;
        }
        for port in [address.dicom_port, address.rest_port] {
            if !processes::is_free(port) {
                return Err(self.not_started(format!("another program uses port {port}")));
            }
        }
        self.server.prepare_start()?;
        let begin =
            Begin { at_ms: Moment::now().wall_ms(), log_length: self.server.log().map_or(0, condition::length) };
        match systemd::start(self.server.unit(), self.home, self.deadline) {
            Err(Failure::ServerNotStarted { reason, .. }) => Err(self.not_started(self.with_condition(reason, &begin))),
            started => started.map(|()| begin),
        }
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
        echo::echo(address, echo::CALLING_AE_TITLE, tls)
            .map_err(|lost| format!("C-ECHO to port {}: {lost}", address.dicom_port))?;
        // The server that answers must be ours, with its environment.
        match self.server.runs_as(&self.configuration.settings) {
            Ok(true) => Ok(()),
            Ok(false) => Err("the process that answers is not the one that was started".to_owned()),
            Err(failure) => Err(failure.to_string()),
        }
    }

    /// Waits until the server answers. A server whose process ended will never answer.
    fn wait(&self, begin: &Begin) -> Result<(), Failure> {
        let until = self.deadline.min(Instant::now() + START_TIMEOUT);
        loop {
            let Err(reason) = self.check() else { return Ok(()) };
            let ended = end_since(self.server.record(), begin.at_ms).is_some();
            if ended || Instant::now() >= until {
                return Err(self.not_started(self.with_condition(reason, begin)));
            }
            sleep(Duration::from_millis(100));
        }
    }

    /// Adds the host's knowledge to a reason: the end of the process, a full volume, the end of the log.
    fn with_condition(&self, reason: String, begin: &Begin) -> String {
        let mut reasons = condition::reasons(self.server, begin.at_ms);
        reasons.push(reason);
        let log = self.server.log().and_then(|log| condition::last_log_lines(log, begin.log_length));
        reasons.extend(log.map(|lines| format!("its log ends with: {lines}")));
        reasons.join("; ")
    }

    fn not_started(&self, reason: String) -> Failure {
        Failure::ServerNotStarted { server: self.server.name().to_owned(), reason }
    }
}

/// The start of a server.
struct Begin {
    /// Its time, in ms since 1970-01-01 UTC.
    at_ms: u64,
    /// The length of the server's log before it.
    log_length: u64,
}
