//! DCMTK's storescu and dcmsend: one process an association.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dicomperf_model::request::{InstancesPerAssociation, Sender};

use super::lanes::{Prepared, Process};
use super::log;
use super::sending::Sending;
use crate::client::dataset::Instance;
use crate::client::storescu_profile;
use crate::failure::{DuringIo as _, Failure};
use crate::timeline::Association;

/// The instances that one process sends, and the process's files in the iteration's directory.
#[derive(Debug)]
pub(super) struct Share {
    files: Vec<String>,
    log: PathBuf,
    words: PathBuf,
}

/// Prepares every process, lane by lane.
pub(super) fn prepare(sending: &Sending<'_>, directory: &Path) -> Result<Vec<Vec<(Share, Prepared)>>, Failure> {
    let mut lanes = Vec::new();
    for (number, instances) in sending.lanes().into_iter().enumerate() {
        let most = match sending.settings.instances_per_association {
            InstancesPerAssociation::All => instances.len(),
            InstancesPerAssociation::Count(count) => count as usize,
        };
        let mut lane = Vec::new();
        for (chunk, instances) in instances.chunks(most).enumerate() {
            lane.push(prepare_one(sending, instances, directory, &format!("{number}-{chunk}"))?);
        }
        lanes.push(lane);
    }
    if let Some((_, first)) = lanes.iter().flatten().next() {
        let line = first.command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        tracing::info!("{} {line}", sending.settings.sender.name());
    }
    Ok(lanes)
}

fn prepare_one(
    sending: &Sending<'_>,
    instances: &[&Instance],
    directory: &Path,
    name: &str,
) -> Result<(Share, Prepared), Failure> {
    let share = Share {
        files: instances.iter().map(|instance| instance.file.clone()).collect(),
        log: directory.join(format!("{name}.log")),
        words: directory.join(format!("{name}.words")),
    };
    // A command file (DCMTK: `@FILE`) takes any number of names. A command line takes 2 MB.
    let files = directory.join(format!("{name}.files"));
    let log_configuration = directory.join(format!("{name}.logger.cfg"));
    fs::write(&files, share.files.join("\n")).while_path("write", &files)?;
    let sender = sending.settings.sender;
    fs::write(&log_configuration, configuration(sender, &share.log)).while_path("write", &log_configuration)?;
    let words = File::create(&share.words).while_path("write", &share.words)?;

    let server = &sending.block.server;
    let settings = sending.settings;
    let max_pdu = settings.max_pdu.to_string();
    let mut command = Command::new(sender.name());
    command.arg("-lc").arg(&log_configuration);
    command.args(["-aet", &sending.block.calling_ae_title, "-aec", &server.ae_title]);
    // The first option limits the PDUs to receive, the second those to send.
    command.args(["--max-pdu", &max_pdu, "--max-send-pdu", &max_pdu, "--timeout", "30"]);
    match sender {
        Sender::Storescu => {
            command.arg("-xf").arg(sending.home.path(&sending.files.profile)).arg(storescu_profile::PROFILE_NAME);
        }
        // dcmsend proposes the transfer syntaxes of its files. By default it would decompress those that the peer
        // rejects.
        Sender::Dcmsend | Sender::Native => {
            command.arg("--decompress-never");
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
        let files: Vec<&str> = self.files.iter().map(String::as_str).collect();
        // A missing log means that the process ended before it opened the log.
        let mut association = log::parse(&read_text(&self.log), &files);
        // Neither sender logs the release response. After it they only exit.
        if association.release_requested_us.is_some() && process.status.success() {
            association.released_us = Some(process.started.wall_us_at(process.ended));
        }
        (association, read_text(&self.words))
    }
}

fn read_text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
