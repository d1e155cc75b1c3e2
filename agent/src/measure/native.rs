//! The agent's own SCU: one process, with a thread for each association that is open at once.

use std::fs::{self, File};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dicomperf::request::{self, InstancesPerAssociation};

use super::lanes::Prepared;
use super::transfer::Sending;
use crate::failure::{Failure, While as _};
use crate::native::{Arrival, SendDocument};
use crate::timeline::Association;

/// The process's files.
#[derive(Debug)]
pub(super) struct Told {
    out: PathBuf,
    words: PathBuf,
}

/// What is to be started.
pub(super) fn prepare(sending: &Sending<'_>, directory: &Path) -> Result<(Told, Prepared), Failure> {
    let (server, settings) = (&sending.block.server, sending.settings);
    let document = SendDocument {
        address: server.address.clone(),
        port: server.dicom_port,
        called_ae_title: server.ae_title.clone(),
        calling_ae_title: sending.block.calling_ae_title.clone(),
        max_pdu: settings.max_pdu,
        tcp_no_delay: settings.tcp_no_delay.client(),
        tls: settings.tls,
        arrival: match settings.arrival {
            request::Arrival::Closed => Arrival::Closed,
            request::Arrival::Open(instances_per_second) => Arrival::Open(instances_per_second),
        },
        instances_per_association: match settings.instances_per_association {
            InstancesPerAssociation::All => None,
            InstancesPerAssociation::Count(count) => NonZeroU32::new(count),
        },
        directory: sending.home.path(&sending.variant.directory),
        lanes: sending.lanes().into_iter().map(|lane| lane.into_iter().cloned().collect()).collect(),
    };
    let path = directory.join("send.json");
    let bytes = serde_json::to_vec(&document).at("write", &path)?;
    fs::write(&path, bytes).at("write", &path)?;
    let told = Told { out: directory.join("associations.json"), words: directory.join("native.words") };
    let words = File::create(&told.words).at("write", &told.words)?;
    let mut command = Command::new(std::env::current_exe().doing(|| "find the agent's own binary".to_owned())?);
    command.arg("send").arg(&path).arg("--out").arg(&told.out);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
    // It has time limits of its own for every answer.
    Ok((told, Prepared { command, log: None }))
}

impl Told {
    /// Every association, and what the process said beside. It writes its account when it ends: of one that was stopped
    /// there is none.
    pub fn read(&self) -> (Vec<Association>, String) {
        let associations =
            fs::read(&self.out).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let words = fs::read(&self.words).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (associations, words.unwrap_or_default())
    }
}
