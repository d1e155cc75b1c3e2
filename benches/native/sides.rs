//! The compared senders. Each is a separate process that sends the whole dataset over one association.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use dicomperf_agent::native::SendDocument;
use tempfile::TempDir;

use crate::harness::run::agent;
use crate::harness::sender::{self, Instances};

pub struct Sides<'a> {
    instances: &'a Instances,
    /// Bytes of all files.
    pub bytes: u64,
    scratch: TempDir,
    list: PathBuf,
}

impl<'a> Sides<'a> {
    pub fn new(instances: &'a Instances) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        // A list of names spares DCMTK's tools the search for files.
        let list = scratch.path().join("files");
        let names: Vec<_> = instances.all.iter().map(|instance| instance.file.as_str()).collect();
        fs::write(&list, names.join("\n")).unwrap();
        Self { instances, bytes: instances.all.iter().map(|instance| instance.bytes).sum(), scratch, list }
    }

    /// Our own SCU, with no limit on the PDUs.
    pub fn native(&self, port: u16, associations: usize) -> f64 {
        let document = SendDocument { max_pdu: 0, ..self.instances.document(port, associations) };
        let mut command = sender::command(&document, &self.scratch.path().join("out.json"));
        seconds(&mut command)
    }

    /// The SCU on dicom-ul's P-DATA writer.
    pub fn dicom_ul(&self, port: u16) -> f64 {
        let document = serde_json::to_vec(&self.instances.document(port, 1)).unwrap();
        let path = self.scratch.path().join("dicom-ul.json");
        fs::write(&path, document).unwrap();
        seconds(Command::new(dicom_ul_scu()).arg(path))
    }

    /// storescu, with up to 131,072 bytes a PDU if the SCP allows them.
    pub fn storescu(&self, port: u16) -> f64 {
        self.dcmtk("storescu", &[], port)
    }

    /// dcmsend, with options that save work: it decompresses nothing and checks no UID.
    pub fn dcmsend(&self, port: u16) -> f64 {
        self.dcmtk("dcmsend", &["--decompress-never", "--no-uid-checks"], port)
    }

    fn dcmtk(&self, program: &str, options: &[&str], port: u16) -> f64 {
        let mut command = Command::new(program);
        command.args(options).args(["127.0.0.1", &port.to_string()]).arg(format!("@{}", self.list.display()));
        command.current_dir(self.instances.directory()).env("TCP_NODELAY", "1");
        seconds(&mut command)
    }
}

/// The program that cargo built beside the agent, in the same profile.
pub fn dicom_ul_scu() -> PathBuf {
    agent().with_file_name("examples").join("dicom-ul-scu")
}

/// The seconds of a process, from before its start to after its end.
pub fn seconds(command: &mut Command) -> f64 {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status().unwrap();
    let seconds = started.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?}");
    seconds
}
