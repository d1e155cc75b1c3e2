//! The agent's own SCU: one process, with one thread for each concurrent association.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use signal_hook::consts::SIGTERM;

use super::lanes::{Prepared, Process};
use super::log::read_text;
use super::sending::Sending;
use crate::client::dataset::{Dataset, Instance};
use crate::failure::{DuringIo as _, Failure};
use crate::interrupt;
use crate::native::SendDocument;
use crate::timeline::{Association, Failed};

/// The files of the process.
#[derive(Debug)]
pub(super) struct ProcessFiles {
    out: PathBuf,
    words: PathBuf,
}

/// The settings of native for these lanes.
pub(super) fn document(sending: &Sending<'_>, lanes: Vec<Vec<Instance>>) -> SendDocument {
    let (server, settings) = (&sending.block.server, sending.settings);
    SendDocument {
        address: server.address.clone(),
        port: server.dicom_port,
        called_ae_title: server.ae_title.clone(),
        calling_ae_title: sending.block.calling_ae_title.clone(),
        max_pdu: settings.max_pdu,
        tcp_no_delay: settings.tcp_no_delay.client(),
        tls: settings.tls,
        arrival: settings.arrival,
        instances_per_association: sending.instances_per_association(),
        directory: sending.home.path(&sending.files.directory),
        lanes,
    }
}

pub(super) fn prepare(sending: &Sending<'_>, directory: &Path) -> Result<(ProcessFiles, Prepared), Failure> {
    let lanes = sending.lanes().into_iter().map(|lane| lane.into_iter().cloned().collect()).collect();
    let path = directory.join("send.json");
    let bytes = serde_json::to_vec(&document(sending, lanes)).while_path("write", &path)?;
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
    /// Returns every association, and the process's other output. A process that was stopped or has died has written
    /// no associations, so the outcome of every instance is unknown.
    pub fn read(&self, process: Option<&Process>, dataset: &Dataset) -> (Vec<Association>, String) {
        let words = read_text(&self.words);
        let read = fs::read(&self.out).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let associations = read.unwrap_or_else(|| {
            // native handles SIGTERM before it opens its first association. If it dies of it, it has tried nothing.
            let is_interrupted =
                interrupt::is_requested() && process.is_some_and(|one| one.status.signal() == Some(SIGTERM));
            let death = process.filter(|_| !is_interrupted).and_then(Process::death);
            let Some(cause) = death else { return Vec::new() };
            let detail = words.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
            let failed =
                |one: &Instance| Failed { file: one.file.clone(), cause: cause.clone(), words: detail.clone() };
            vec![Association { failures: dataset.instances.iter().map(failed).collect(), ..Association::default() }]
        });
        (associations, words)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::timeline::Store;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_record_that_was_cut_or_changed_is_read_or_refused(
            at in any::<prop::sample::Index>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..8),
            keep in any::<bool>(),
        ) {
            let store = Store {
                file: "000001.dcm".to_owned(),
                scheduled_us: Some(1),
                requested_us: 2,
                response: Some((3, "Success".to_owned())),
            };
            let cause = dicomperf_model::sending::FailureCause::NoAnswer;
            let failed = Failed { file: "000002.dcm".to_owned(), cause, words: None };
            let record = vec![Association { stores: vec![store], failures: vec![failed], ..Association::default() }];
            let json = serde_json::to_vec(&record).expect("JSON");
            let at = at.index(json.len());
            let rest = if keep { &json[at..] } else { &[] };
            let changed = [&json[..at], &bytes, rest].concat();
            let read = serde_json::from_slice::<Vec<Association>>(&changed);
            prop_assert!(read.map_or(true, |read| read.len() <= 1));
        }
    }
}
