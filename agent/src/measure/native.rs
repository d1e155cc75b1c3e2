//! The agent's own SCU: one process, with one thread for each concurrent association.

use std::fs::{self, File};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dicomperf_model::request::InstancesPerAssociation;

use super::lanes::Prepared;
use super::sending::Sending;
use crate::failure::{DuringIo as _, Failure};
use crate::native::SendDocument;
use crate::timeline::Association;

/// The files of the process.
#[derive(Debug)]
pub(super) struct ProcessFiles {
    out: PathBuf,
    words: PathBuf,
}

pub(super) fn prepare(sending: &Sending<'_>, directory: &Path) -> Result<(ProcessFiles, Prepared), Failure> {
    let (server, settings) = (&sending.block.server, sending.settings);
    let document = SendDocument {
        address: server.address.clone(),
        port: server.dicom_port,
        called_ae_title: server.ae_title.clone(),
        calling_ae_title: sending.block.calling_ae_title.clone(),
        max_pdu: settings.max_pdu,
        tcp_no_delay: settings.tcp_no_delay.client(),
        tls: settings.tls,
        arrival: settings.arrival,
        instances_per_association: match settings.instances_per_association {
            InstancesPerAssociation::All => None,
            InstancesPerAssociation::Count(count) => NonZeroU32::new(count),
        },
        directory: sending.home.path(&sending.files.directory),
        lanes: sending.lanes().into_iter().map(|lane| lane.into_iter().cloned().collect()).collect(),
    };
    let path = directory.join("send.json");
    let bytes = serde_json::to_vec(&document).while_path("write", &path)?;
    fs::write(&path, bytes).while_path("write", &path)?;
    let files = ProcessFiles { out: directory.join("associations.json"), words: directory.join("native.words") };
    let words = File::create(&files.words).while_path("write", &files.words)?;
    let mut command = Command::new(std::env::current_exe().while_doing(|| "find the agent's own binary".to_owned())?);
    command.arg("send").arg(&path).arg("--out").arg(&files.out);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
    // native has its own time limit for every answer.
    Ok((files, Prepared { command, log: None }))
}

impl ProcessFiles {
    /// Returns every association, and the process's other output. A process that was stopped has written no
    /// associations.
    pub fn read(&self) -> (Vec<Association>, String) {
        let associations =
            fs::read(&self.out).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let words = fs::read(&self.words).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (associations, words.unwrap_or_default())
    }
}
