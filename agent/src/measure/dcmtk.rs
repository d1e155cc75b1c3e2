//! DCMTK's storescu and dcmsend: one process an association.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dicomperf_model::request::Sender;
use dicomperf_model::sending::{ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S, FailureCause};
use dicomperf_model::words;

use super::lanes::{Prepared, Process};
use super::log;
use super::sending::Sending;
use crate::client::dataset::Instance;
use crate::client::storescu_profile;
use crate::failure::{DuringIo as _, Failure};
use crate::timeline::{Association, Failed};

/// The instances that one process sends, and the process's files in the iteration's directory.
#[derive(Debug)]
pub(super) struct Share {
    instances: Vec<Instance>,
    log: PathBuf,
    words: PathBuf,
}

/// Prepares every process, lane by lane.
pub(super) fn prepare(sending: &Sending<'_>, directory: &Path) -> Result<Vec<Vec<(Share, Prepared)>>, Failure> {
    let mut profiles = Profiles { directory, paths: BTreeMap::new() };
    let mut lanes = Vec::new();
    for (number, associations) in sending.associations().into_iter().enumerate() {
        let mut lane = Vec::new();
        for (chunk, instances) in associations.into_iter().enumerate() {
            lane.push(prepare_one(sending, instances, &mut profiles, &format!("{number}-{chunk}"))?);
        }
        lanes.push(lane);
    }
    if let Some((_, first)) = lanes.iter().flatten().next() {
        let line = first.command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        tracing::info!("{} {line}", sending.settings.sender.name());
    }
    Ok(lanes)
}

/// storescu's profiles. Processes with the same presentation contexts share one.
struct Profiles<'a> {
    directory: &'a Path,
    paths: BTreeMap<String, PathBuf>,
}

impl Profiles<'_> {
    /// The path of the profile for these instances. Writes the profile unless there is one like it.
    fn path(&mut self, instances: &[&Instance]) -> Result<PathBuf, Failure> {
        let profile = storescu_profile::storescu_profile(instances.iter().copied());
        if let Some(path) = self.paths.get(&profile) {
            return Ok(path.clone());
        }
        let path = self.directory.join(format!("storescu-{}.cfg", self.paths.len()));
        fs::write(&path, &profile).while_path("write", &path)?;
        self.paths.insert(profile, path.clone());
        Ok(path)
    }
}

fn prepare_one(
    sending: &Sending<'_>,
    instances: Vec<&Instance>,
    profiles: &mut Profiles<'_>,
    name: &str,
) -> Result<(Share, Prepared), Failure> {
    let directory = profiles.directory;
    let share = Share {
        instances: instances.iter().copied().cloned().collect(),
        log: directory.join(format!("{name}.log")),
        words: directory.join(format!("{name}.words")),
    };
    // A command file (DCMTK: `@FILE`) takes any number of names. A command line takes 2 MB.
    let files = directory.join(format!("{name}.files"));
    let log_configuration = directory.join(format!("{name}.logger.cfg"));
    let names: Vec<&str> = instances.iter().map(|instance| instance.file.as_str()).collect();
    fs::write(&files, names.join("\n")).while_path("write", &files)?;
    let sender = sending.settings.sender;
    fs::write(&log_configuration, configuration(sender, &share.log)).while_path("write", &log_configuration)?;
    let words = File::create(&share.words).while_path("write", &share.words)?;

    let (server, settings) = (&sending.block.server, sending.settings);
    let mut command = Command::new(sender.name());
    command.arg("-lc").arg(&log_configuration);
    command.args(["-aet", &sending.block.calling_ae_title, "-aec", &server.ae_title]);
    command.args(options(settings.max_pdu));
    match sender {
        Sender::Storescu => {
            command.args(["--socket-timeout", &ANSWER_TIMEOUT_S.to_string()]);
            command.arg("-xf").arg(profiles.path(&instances)?).arg(storescu_profile::PROFILE_NAME);
        }
        // dcmsend proposes the transfer syntaxes of its files. By default it would decompress those that the peer
        // rejects, and refuse files whose UIDs are not as PS3.5 has them.
        Sender::Dcmsend | Sender::Native => {
            command.args(["--decompress-never", "--no-uid-checks"]);
        }
    }
    if settings.tls {
        command.args(["--anonymous-tls", "--ignore-peer-cert"]);
    }
    command.arg(&server.address).arg(server.dicom_port.to_string());
    command.arg(format!("@{}", files.display()));
    command.current_dir(sending.home.path(&sending.files.directory));
    command.env("TCP_NODELAY", if settings.tcp_no_delay.client() { "1" } else { "0" });
    // A fixed buffer size would turn off the kernel's own tuning.
    command.env_remove("TCP_BUFFER_LENGTH");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
    let prepared = Prepared { command, log: Some(share.log.clone()) };
    Ok((share, prepared))
}

/// The options of both senders. By default they would wait for a response for ever, and stop at the first instance that
/// is not stored.
fn options(max_pdu: u32) -> Vec<String> {
    let (max_pdu, connect, answer) = (max_pdu.to_string(), CONNECT_TIMEOUT_S.to_string(), ANSWER_TIMEOUT_S.to_string());
    let options = [
        // The first option limits the PDUs to receive, the second those to send.
        ("--max-pdu", &max_pdu),
        ("--max-send-pdu", &max_pdu),
        ("--timeout", &connect),
        ("--acse-timeout", &answer),
        ("--dimse-timeout", &answer),
    ];
    let options = options.into_iter().flat_map(|(option, value)| [option.to_owned(), value.clone()]);
    options.chain(["--no-halt".to_owned()]).collect()
}

/// A log configuration with which the sender itself stamps the request and response of every C-STORE. The configuration
/// turns storescu's progress logger off, which would write a dot for each PDU.
fn configuration(sender: Sender, log: &Path) -> String {
    let loggers = match sender {
        Sender::Storescu => {
            "log4cplus.logger.dcmtk.apps.storescu = INFO\nlog4cplus.logger.dcmtk.apps.storescu.progress = WARN\n"
        }
        Sender::Dcmsend | Sender::Native => "log4cplus.logger.dcmtk.dcmnet = INFO\n",
    };
    format!(
        "log4cplus.rootLogger = ERROR, file\n\
         {loggers}\
         log4cplus.appender.file = log4cplus::FileAppender\n\
         log4cplus.appender.file.File = {}\n\
         log4cplus.appender.file.layout = log4cplus::PatternLayout\n\
         log4cplus.appender.file.layout.ConversionPattern = %D{{%s.%Q}} %p %m%n\n",
        log.display()
    )
}

impl Share {
    /// Reads the association from its process's log, and the process's other output.
    pub fn read(&self, process: &Process) -> (Association, String) {
        // A missing log means that the process ended before it opened the log.
        let mut log = log::parse(&log::read_text(&self.log), &self.instances);
        let words = log::read_text(&self.words);
        self.conclude(&mut log, process, &words);
        let mut association = log.association;
        // Neither sender logs the release response. After it they only exit.
        if association.release_requested_us.is_some() && process.status.success() {
            association.released_us = Some(process.started.wall_us_at(process.ended));
        }
        (association, words)
    }

    /// Adds the outcome of the instance at which the process ended. The instances after it were not tried.
    fn conclude(&self, log: &mut log::Log, process: &Process, words: &str) {
        if log.lost.is_some() {
            // The sender may have begun another C-STORE on the association that had ended.
            let gone = log.current.map(|position| self.instances[position].file.as_str());
            log.association.stores.pop_if(|store| store.response.is_none() && Some(store.file.as_str()) == gone);
            return;
        }
        let first_unknown = log.known.iter().position(|known| !known);
        let (Some(cause), Some(first)) = (process.death(), first_unknown) else { return };
        let words = words.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
        let fail = |position: usize| Failed {
            file: self.instances[position].file.clone(),
            cause: cause.clone(),
            words: words.clone(),
        };
        if log.accepted {
            // dcmsend reads a file before it logs anything about it.
            log.association.failures.push(fail(log.current.unwrap_or(first)));
        } else {
            let unknown = log.known.iter().enumerate().filter(|(_, known)| !**known);
            log.association.failures.extend(unknown.map(|(position, _)| fail(position)));
        }
    }
}

impl Process {
    /// The cause that the end of the process gives for an instance without an outcome; `None` if the process ended
    /// by itself with exit code 0.
    pub fn death(&self) -> Option<FailureCause> {
        use std::os::unix::process::ExitStatusExt as _;
        if self.was_killed {
            return Some(FailureCause::SenderStopped);
        }
        match (self.status.signal(), self.status.code()) {
            (Some(signal), _) => Some(FailureCause::ProcessKilled { signal: words::signal(signal) }),
            (None, Some(0)) => None,
            (None, code) => Some(FailureCause::ProcessFailed { exit_code: code.unwrap_or_default() }),
        }
    }
}
