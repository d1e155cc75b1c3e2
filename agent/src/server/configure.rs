//! `server configure`: the SCP runs with exactly the block's configuration, or the step fails.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicomperf::request::Target;
use dicomperf::step::{ServerConfiguration, StepOutput};

use super::certificate::{self, Certificate};
use super::configuration::{self, Paths};
use super::{echo, service, sink, unit};
use crate::failure::{Failure, While as _};
use crate::home::{self, RunHome};
use crate::orthanc::Orthanc;
use crate::reporter::{Reporter, WorkEnd};
use crate::{packages, resources, versions};

/// How long Orthanc may take to answer. Its database may be large.
const START: Duration = Duration::from_secs(60);
/// Lines of Orthanc's log in an error.
const LOG_LINES: usize = 5;

/// `server configure`: installs Orthanc and iperf3, writes the SCP's configuration and our units, starts them, and proves
/// that the SCP answers on its control interface and C-ECHO. Does nothing where that configuration already runs.
///
/// # Errors
/// `InstallFailed`, `OrthancTooOld`, `ServerNotStarted`, `DeadlinePassed`, `HostFailed`.
pub fn configure(
    configuration: &ServerConfiguration,
    home: &RunHome,
    reporter: &mut Reporter,
) -> Result<WorkEnd, Failure> {
    let deadline = reporter.deadline();
    reporter.stage(0, 3, "installing Orthanc");
    packages::prepare_host(home, deadline)?;
    service::mask_packaged()?;
    packages::install("orthanc", home, deadline)?;
    packages::install("iperf3", home, deadline)?;
    let version = versions::orthanc(&home.path("version.out"))
        .ok_or_else(|| Failure::ServerNotStarted { reason: format!("{} does not run", versions::ORTHANC) })?;
    tracing::info!(version, "Orthanc");
    // They explain a result: a step does not fail for them.
    if let Err(failure) = unit::start_companions(home, deadline) {
        tracing::warn!("{failure}");
    }

    let target = configuration.settings.target;
    reporter.stage(1, 3, format!("configuring {}", target.name()));
    let paths = Paths::installed();
    let server = Server { configuration, paths: &paths, home };
    if server.write(&version)? || !server.serves()? {
        reporter.stage(2, 3, format!("starting {}", target.name()));
        service::restart(server.unit(), &configuration.server, &paths, home, deadline)?;
        server.wait(deadline)?;
    } else {
        tracing::info!("this configuration runs already");
    }
    resources::upload(home, &configuration.samples_url);
    let mut versions = versions::host();
    versions.orthanc = Some(version);
    reporter.set_output(StepOutput::ServerConfigured(versions));
    Ok(WorkEnd::Done)
}

struct Server<'a> {
    configuration: &'a ServerConfiguration,
    paths: &'a Paths,
    home: &'a RunHome,
}

impl Server<'_> {
    /// Writes what differs from what is there, and says whether anything did.
    fn write(&self, version: &str) -> Result<bool, Failure> {
        let (path, document, unit) = match self.configuration.settings.target {
            Target::Orthanc => {
                let keys = configuration::file(self.configuration, version, self.paths)?;
                let unit = configuration::unit(&self.configuration.settings, self.paths);
                (self.paths.configuration.as_path(), serde_json::to_vec_pretty(&keys), unit)
            }
            Target::Sink => {
                let agent = std::env::current_exe().doing(|| "find the agent's own binary".to_owned())?;
                let document = sink::document(self.configuration, self.paths);
                (Path::new(sink::DOCUMENT), serde_json::to_vec_pretty(&document), sink::unit(&agent))
            }
        };
        let document = document.at("write", path)?;
        let directory = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(directory).at("make", directory)?;
        let mut changed = false;
        if self.configuration.settings.tls {
            changed |= self.write_certificate()?;
        }
        changed |= replace_if_changed(path, &document, true)?;
        changed |= replace_if_changed(&self.paths.unit.with_file_name(self.unit()), unit.as_bytes(), false)?;
        Ok(changed)
    }

    /// The name of the SCP's unit.
    const fn unit(&self) -> &'static str {
        match self.configuration.settings.target {
            Target::Orthanc => configuration::UNIT,
            Target::Sink => sink::UNIT,
        }
    }

    /// One certificate a run: another would be another reason to restart.
    fn write_certificate(&self) -> Result<bool, Failure> {
        let made_for = self.home.path("certificate-made");
        if made_for.exists() && self.paths.certificate.exists() && self.paths.private_key.exists() {
            return Ok(false);
        }
        let Certificate { certificate, private_key } = Certificate::generate(&self.configuration.server)
            .map_err(std::io::Error::other)
            .doing(|| "make a certificate".to_owned())?;
        replace_if_changed(&self.paths.private_key, private_key.as_bytes(), true)?;
        replace_if_changed(&self.paths.certificate, certificate.as_bytes(), false)?;
        fs::write(&made_for, "").at("write", &made_for)?;
        Ok(true)
    }

    /// Whether our Orthanc runs, in the environment it is to have, and answers; or the sink does.
    fn serves(&self) -> Result<bool, Failure> {
        if self.configuration.settings.target == Target::Sink {
            return Ok(!sink::processes()?.is_empty() && self.answers().is_ok());
        }
        let Some(process) = service::running(self.paths)? else { return Ok(false) };
        // It may be gone by now: then it does not serve.
        let environment = process.environment().unwrap_or_default();
        let wanted = configuration::environment(&self.configuration.settings);
        let same = wanted.iter().all(|(name, value)| environment.contains(&format!("{name}={value}")));
        Ok(same && self.answers().is_ok())
    }

    fn answers(&self) -> Result<(), String> {
        let server = &self.configuration.server;
        if self.configuration.settings.target == Target::Orthanc {
            Orthanc::new(server).system().map_err(|failure| failure.to_string())?;
        }
        let tls = if self.configuration.settings.tls {
            let certificate = fs::read(&self.paths.certificate).map_err(|error| error.to_string())?;
            Some(certificate::client(&certificate)?)
        } else {
            None
        };
        echo::echo(server, tls).map_err(|reason| format!("C-ECHO to port {}: {reason}", server.dicom_port))
    }

    fn wait(&self, deadline: Instant) -> Result<(), Failure> {
        let until = deadline.min(Instant::now() + START);
        loop {
            let reason = match self.answers() {
                // Not only some SCP: ours, with its environment.
                Ok(()) if self.serves()? => return Ok(()),
                Ok(()) => "what answers is not what was started".to_owned(),
                Err(reason) => reason,
            };
            if Instant::now() >= until {
                let log = match self.configuration.settings.target {
                    Target::Orthanc => fs::read(&self.paths.log).unwrap_or_default(),
                    // It has no log of its own.
                    Target::Sink => return Err(Failure::ServerNotStarted { reason: format!("the sink: {reason}") }),
                };
                let end = last_lines(&String::from_utf8_lossy(&log), LOG_LINES);
                return Err(Failure::ServerNotStarted { reason: format!("{reason}; its log ends with: {end}") });
            }
            sleep(Duration::from_millis(100));
        }
    }
}

/// Writes a file unless it holds just that; one with a secret is for Orthanc's eyes and root's only.
fn replace_if_changed(path: &Path, content: &[u8], secret: bool) -> Result<bool, Failure> {
    if fs::read(path).is_ok_and(|existing| existing == content) {
        return Ok(false);
    }
    home::replace(path, content, if secret { 0o600 } else { 0o644 }).at("write", path)?;
    if secret {
        chown(path, None, Some(group("orthanc")?)).at("hand over", path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o640)).at("hand over", path)?;
    }
    Ok(true)
}

fn group(name: &str) -> Result<u32, Failure> {
    let path = Path::new("/etc/group");
    let groups = fs::read_to_string(path).at("read", path)?;
    groups
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split(':').nth(1)?.parse().ok())
        .next()
        .ok_or_else(|| std::io::Error::other(format!("there is no group {name}")))
        .at("read", path)
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join(" | ")
}
