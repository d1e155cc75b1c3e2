//! Instances in files, and our own SCU to send them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use dicom_dictionary_std::uids;
use dicom_object::FileMetaTableBuilder;
use dicomperf_agent::client::dataset::{self, Instance};
use dicomperf_agent::native::SendDocument;
use dicomperf_agent::timeline::Association;
use dicomperf_model::request::{Arrival, Synthetic};
use tempfile::TempDir;

use super::run::agent;

pub struct Instances {
    directory: TempDir,
    pub all: Vec<Instance>,
}

impl Instances {
    /// Synthetic CT instances in Explicit VR Little Endian.
    pub fn explicit(count: u32) -> Self {
        Self::synthetic(&Synthetic { instances: count, ..Synthetic::default() })
    }

    pub fn synthetic(spec: &Synthetic) -> Self {
        let directory = tempfile::tempdir().unwrap();
        dicomperf_model::dataset::generate(spec, directory.path(), |_| {}).unwrap();
        Self::from_directory(directory)
    }

    /// Synthetic CT instances, every second one in Implicit VR Little Endian.
    pub fn explicit_and_implicit(count: u32) -> Self {
        let Self { directory, all } = Self::explicit(count);
        for instance in all.iter().step_by(2) {
            let path = directory.path().join(&instance.file);
            let object = dicom_object::open_file(&path).unwrap();
            let meta = FileMetaTableBuilder::new()
                .media_storage_sop_class_uid(&instance.sop_class_uid)
                .media_storage_sop_instance_uid(&instance.sop_instance_uid)
                .transfer_syntax(uids::IMPLICIT_VR_LITTLE_ENDIAN);
            object.into_inner().with_meta(meta).unwrap().write_to_file(&path).unwrap();
        }
        Self::from_directory(directory)
    }

    fn from_directory(directory: TempDir) -> Self {
        let dataset = dataset::prove(directory.path(), str::to_owned, |_| Ok(())).unwrap().dataset;
        Self { directory, all: dataset.instances }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn path(&self, instance: &Instance) -> PathBuf {
        self.directory().join(&instance.file)
    }

    pub fn uids(&self) -> Vec<String> {
        let mut uids: Vec<_> = self.all.iter().map(|instance| instance.sop_instance_uid.clone()).collect();
        uids.sort();
        uids
    }

    /// A document that sends all instances in turn on this many lanes.
    pub fn document(&self, port: u16, lanes: usize) -> SendDocument {
        let lane = |lane| self.all.iter().skip(lane).step_by(lanes).cloned().collect();
        SendDocument {
            address: "127.0.0.1".to_owned(),
            port,
            called_ae_title: "ORTHANC".to_owned(),
            calling_ae_title: "DICOMPERF".to_owned(),
            max_pdu: 16_384,
            tcp_no_delay: true,
            tls: false,
            arrival: Arrival::Closed,
            instances_per_association: None,
            directory: self.directory().to_owned(),
            lanes: (0..lanes).map(lane).collect(),
        }
    }
}

/// The outcome and the record of a transfer by native.
pub struct Sent {
    pub output: Output,
    pub associations: Vec<Association>,
}

impl Sent {
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Asserts that every association was released, and that every C-STORE succeeded.
    pub fn succeeds(self) -> Vec<Association> {
        assert!(self.output.status.success(), "{}", self.stderr());
        for association in &self.associations {
            assert!(association.complaints.is_empty());
            assert!(association.stores.iter().all(|store| store.succeeded()), "{association:?}");
        }
        self.associations
    }
}

/// The command for a document. The document is written beside `out`.
pub fn command(document: &SendDocument, out: &Path) -> Command {
    let path = out.with_extension("document");
    fs::write(&path, serde_json::to_vec(document).unwrap()).unwrap();
    let mut command = Command::new(agent());
    command.arg("send").arg(path).arg("--out").arg(out).stdin(Stdio::null());
    command
}

/// Sends the instances of a document.
pub fn send(document: &SendDocument) -> Sent {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.json");
    let output = command(document, &out).output().unwrap();
    let associations = fs::read(&out).map(|bytes| serde_json::from_slice(&bytes).unwrap()).unwrap_or_default();
    Sent { output, associations }
}
