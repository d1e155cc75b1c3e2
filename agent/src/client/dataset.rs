//! The dataset on this host. The agent reads every file, so that it measures with valid DICOM only.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use dicom_dictionary_std::tags;
use dicom_object::{DefaultDicomObject, OpenFileOptions, ReadError};
use dicomperf_model::dataset::{Part, Refused, Repairs, inspect, refusal};
use dicomperf_model::parallel::{cpu_count, in_parallel};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::renewal::Renewable;
use crate::failure::{DuringIo as _, Failure};

/// Larger files are never read into memory whole. The smallest hosts have 0.5 GiB, and up to four files are read at
/// once.
pub const MAX_WHOLE_BYTES: u64 = 40_000_000;
/// Files that are read at once.
pub(super) const MAX_READERS: usize = 4;
/// Bytes of one read.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// The files that are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// The instances in the order of their file names, which is also the order of sending.
    pub instances: Vec<Instance>,
    /// The places of the UIDs, if each iteration replaces them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewable: Option<Renewable>,
}

/// A file that is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// The file's name in the dataset's directory.
    pub file: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
    /// SOP Class UID (0008,0016).
    pub sop_class_uid: String,
    /// Study Instance UID (0020,000D).
    pub study_instance_uid: String,
    /// Series Instance UID (0020,000E).
    pub series_instance_uid: String,
    /// Transfer Syntax UID (0002,0010).
    pub transfer_syntax_uid: String,
    /// Position of the data set in the file, after the file meta group.
    pub data_set_at: u64,
    /// The copy that native sends in place of `file`, by its name in [`padded_directory`]: every length in it is even.
    /// DCMTK makes the same changes itself. Absent if native sends the file itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_file: Option<String>,
}

impl Instance {
    /// The SOP class and the transfer syntax, for which a sender proposes one presentation context.
    #[must_use]
    pub fn presentation_context(&self) -> (&str, &str) {
        (&self.sop_class_uid, &self.transfer_syntax_uid)
    }

    /// The path of the file that native sends, for a dataset in this directory.
    #[must_use]
    pub fn path_for_native(&self, directory: &Path) -> PathBuf {
        match &self.sent_file {
            Some(copy) => padded_directory(directory).join(copy),
            None => directory.join(&self.file),
        }
    }
}

/// The files of a directory that the agent has read to their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The files that can be sent.
    pub dataset: Dataset,
    /// SHA-256 over the SHA-256 of these files, in the order of their names.
    pub sha256: String,
    /// The files that cannot be sent, by their labels.
    pub refused: Vec<Refused>,
    /// The patient of each instance: Patient ID, Patient's Name and Patient's Birth Date.
    pub patients: Vec<[String; 3]>,
}

/// The directory of the copies of files in which every length is even.
#[must_use]
pub fn padded_directory(directory: &Path) -> PathBuf {
    let mut path = directory.as_os_str().to_owned();
    path.push("-padded");
    path.into()
}

/// Reads every file of a directory to its end. `label` returns a file's name for a person. A file whose data set DCMTK
/// would change gets a changed copy in [`padded_directory`], which native sends.
///
/// # Errors
/// `HostFailed`; an error of `progress`.
pub fn prove(
    directory: &Path,
    label: impl Fn(&str) -> String,
    progress: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<Proved, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).while_path("list", directory)? {
        names.push(entry.while_path("list", directory)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    let padded = padded_directory(directory);
    let read = |_, name: &String| read_instance(directory, &padded, name);
    let read = in_parallel(&names, cpu_count().min(MAX_READERS), read, progress)?;
    let mut sha256 = Sha256::new();
    let (mut instances, mut patients, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (name, result) in names.iter().zip(read) {
        match result {
            Ok((instance, patient, digest)) => {
                sha256.update(digest);
                instances.push(instance);
                patients.push(patient);
            }
            Err(reason) => refused.push(Refused { key: label(name), reason }),
        }
    }
    let dataset = Dataset { instances, renewable: None };
    Ok(Proved { dataset, sha256: hexadecimal(&sha256.finalize()), refused, patients })
}

impl Proved {
    /// Fails if a file cannot be sent, or with `skip_refused` if none can.
    ///
    /// # Errors
    /// `DatasetFailed` with the first refused files.
    pub fn check(&self, skip_refused: bool) -> Result<(), Failure> {
        let is_empty = self.dataset.instances.is_empty();
        if is_empty && self.refused.is_empty() {
            return Err(Failure::DatasetFailed("it is empty".to_owned()));
        }
        if !is_empty && (skip_refused || self.refused.is_empty()) {
            return Ok(());
        }
        let files = self.refused.len() + self.dataset.instances.len();
        Err(Failure::DatasetFailed(refusal(&self.refused, files)))
    }
}

/// Opens a DICOM file. A large file is read up to its pixel data, any other whole.
///
/// # Errors
/// Those of dicom-object.
pub fn open(path: &Path) -> Result<DefaultDicomObject, ReadError> {
    let large = fs::metadata(path).is_ok_and(|metadata| metadata.len() > MAX_WHOLE_BYTES);
    let options = OpenFileOptions::new();
    if large { options.read_until(tags::PIXEL_DATA).open_file(path) } else { options.open_file(path) }
}

/// A file that was read: its instance, its patient, and its SHA-256.
type Read = (Instance, [String; 3], [u8; 32]);

/// Reads a file. The inner error is the reason to refuse it.
fn read_instance(directory: &Path, padded: &Path, name: &str) -> Result<Result<Read, String>, Failure> {
    let path = directory.join(name);
    let file = File::open(&path).while_path("read", &path)?;
    let size = file.metadata().while_path("read", &path)?.len();
    let mut source = BufReader::with_capacity(READ_BYTES, Digesting::new(file));
    // The plan has decided on identified objects.
    let inspected = match inspect(&mut source, Part { size, is_whole: true }, true) {
        Ok(inspected) => inspected,
        Err(reason) => return Ok(Err(reason)),
    };
    io::copy(&mut source, &mut io::sink()).while_path("read", &path)?;
    let sent_file = if inspected.repairs.is_empty() {
        None
    } else {
        write_repaired(&inspected.repairs, &path, &padded.join(name))?;
        Some(name.to_owned())
    };
    let instance = Instance {
        file: name.to_owned(),
        bytes: size,
        sop_instance_uid: inspected.sop_instance_uid,
        sop_class_uid: inspected.sop_class_uid,
        study_instance_uid: inspected.study_instance_uid,
        series_instance_uid: inspected.series_instance_uid,
        transfer_syntax_uid: inspected.transfer_syntax_uid,
        data_set_at: inspected.data_set_at,
        sent_file,
    };
    Ok(Ok((instance, inspected.patient, source.into_inner().finish())))
}

/// Writes a copy of a file in which every length is even.
fn write_repaired(repairs: &Repairs, from: &Path, to: &Path) -> Result<(), Failure> {
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory).while_path("make", directory)?;
    }
    let source = BufReader::new(File::open(from).while_path("read", from)?);
    let mut copy = BufWriter::new(File::create(to).while_path("write", to)?);
    repairs.apply(source, &mut copy).and_then(|()| copy.flush()).while_path("write", to)
}

/// A file that is hashed while it is read.
pub(super) struct Digesting {
    source: File,
    sha256: Sha256,
}

impl Digesting {
    pub fn new(source: File) -> Self {
        Self { source, sha256: Sha256::new() }
    }

    /// Returns the SHA-256 of the bytes that were read.
    pub fn finish(self) -> [u8; 32] {
        self.sha256.finalize().into()
    }
}

impl io::Read for Digesting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.sha256.update(&buffer[..count]);
        Ok(count)
    }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use dicomperf_model::dataset::generate;
    use dicomperf_model::request::{Modality, Synthetic};

    use super::*;

    fn prove_all(directory: &Path) -> Proved {
        prove(directory, str::to_owned, |_| Ok(())).expect("read")
    }

    #[test]
    fn a_dataset_has_the_same_hash_whenever_it_is_made() {
        let prepared = || {
            let directory = tempfile::tempdir().expect("a directory");
            let spec = Synthetic { instances: 3, ..Synthetic::default() };
            generate(&spec, directory.path(), |_| {}).expect("made");
            prove_all(directory.path())
        };
        let proved = prepared();
        assert_eq!(prepared(), proved);
        let Proved { dataset, sha256, .. } = proved;
        assert_eq!(sha256.len(), 64);
        assert_eq!(dataset.instances.len(), 3);
        assert!(dataset.instances.is_sorted_by(|a, b| a.file < b.file));
    }

    #[test]
    fn a_file_too_large_for_memory_is_proved_to_its_last_byte() {
        let directory = tempfile::tempdir().expect("a directory");
        let spec = Synthetic { modality: Modality::Dbt, instances: 1, seed: 1 };
        let made = generate(&spec, directory.path(), |_| {}).expect("made");
        assert!(made[0].bytes > MAX_WHOLE_BYTES);
        let proved = prove_all(directory.path());
        assert_eq!(proved.dataset.instances[0].sop_instance_uid, made[0].sop_instance_uid);
        let file = File::options().write(true).open(&made[0].path).expect("the file");
        file.set_len(made[0].bytes - 1).expect("cut");
        let error = prove_all(directory.path()).check(true).expect_err("cut short").to_string();
        assert!(error.contains("it ends within element (7FE0,0010) of 398131200 bytes"), "{error}");
    }

    #[test]
    fn every_file_that_is_no_dicom_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["000001.dcm", "000002.dcm"] {
            fs::write(directory.path().join(name), "no DICOM").expect("written");
        }
        let error = prove_all(directory.path()).check(true).expect_err("unreadable").to_string();
        assert!(
            error.contains("2 of 2 files") && error.contains("000001.dcm") && error.contains("000002.dcm"),
            "{error}"
        );
    }
}
