//! The dataset on this host. The agent reads every file, so that it measures with valid DICOM only.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use dicom_dictionary_std::tags;
use dicom_object::{DefaultDicomObject, OpenFileOptions, ReadError, Tag};
use dicomperf_model::parallel::{cpu_count, in_parallel};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::extent;
use crate::failure::{DuringIo as _, Failure, with_causes};

/// Larger files are never read into memory whole. The smallest hosts have 0.5 GiB, and up to four files are read at
/// once.
pub const MAX_WHOLE_BYTES: u64 = 40_000_000;
/// Files that are read at once.
const MAX_READERS: usize = 4;
/// Files that an error lists.
const MAX_NAMED: usize = 10;

/// The files that are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// The instances in the order of their file names, which is also the order of sending.
    pub instances: Vec<Instance>,
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
    /// Transfer Syntax UID (0002,0010).
    pub transfer_syntax_uid: String,
}

/// Reads every file of a directory. Returns the dataset and its SHA-256. This is the SHA-256 over the SHA-256 of the
/// files, in the order of their names. `label` returns a file's name for an error.
///
/// # Errors
/// `DatasetFailed` with every unreadable file; an error of `progress`.
pub fn prove(
    directory: &Path,
    label: impl Fn(&str) -> String,
    progress: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<(Dataset, String), Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).while_path("list", directory)? {
        names.push(entry.while_path("list", directory)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    // An unreadable file does not stop the work: the error lists all of them.
    let read =
        in_parallel(&names, cpu_count().min(MAX_READERS), |_, name| Ok(read_instance(directory, name)), progress)?;
    let unreadable: Vec<_> = names
        .iter()
        .zip(&read)
        .filter_map(|(name, result)| Some(format!("{}: {}", label(name), result.as_ref().err()?)))
        .collect();
    if !unreadable.is_empty() {
        let shown = unreadable.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join("; ");
        return Err(Failure::DatasetFailed(format!("{} files cannot be read: {shown}", unreadable.len())));
    }
    if read.is_empty() {
        return Err(Failure::DatasetFailed("it is empty".to_owned()));
    }
    let mut sha256 = Sha256::new();
    let mut instances = Vec::new();
    for (instance, digest) in read.into_iter().flatten() {
        sha256.update(digest);
        instances.push(instance);
    }
    Ok((Dataset { instances }, hexadecimal(&sha256.finalize())))
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

fn read_instance(directory: &Path, name: &str) -> Result<(Instance, [u8; 32]), String> {
    let path = directory.join(name);
    let mut sha256 = Sha256::new();
    let bytes = File::open(&path)
        .and_then(|mut file| io::copy(&mut file, &mut Digesting(&mut sha256)))
        .map_err(|error| error.to_string())?;
    let object = open(&path).map_err(|error| with_causes(&error))?;
    if bytes > MAX_WHOLE_BYTES {
        extent::is_whole(&path)?;
    }
    let uid = |tag: Tag| match object.element(tag).map(|element| element.to_str()) {
        Ok(Ok(text)) => Ok(text.trim_end_matches(['\0', ' ']).to_owned()),
        _ => Err(format!("no {tag}")),
    };
    let instance = Instance {
        file: name.to_owned(),
        bytes,
        sop_instance_uid: uid(tags::SOP_INSTANCE_UID)?,
        sop_class_uid: uid(tags::SOP_CLASS_UID)?,
        transfer_syntax_uid: object.meta().transfer_syntax().trim_end_matches(['\0', ' ']).to_owned(),
    };
    Ok((instance, sha256.finalize().into()))
}

struct Digesting<'a>(&'a mut Sha256);

impl io::Write for Digesting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
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

    #[test]
    fn a_dataset_has_the_same_hash_whenever_it_is_made() {
        let prepared = || {
            let directory = tempfile::tempdir().expect("a directory");
            let spec = Synthetic { instances: 3, ..Synthetic::default() };
            generate(&spec, directory.path(), |_| {}).expect("made");
            prove(directory.path(), str::to_owned, |_| Ok(())).expect("readable")
        };
        let (dataset, sha256) = prepared();
        assert_eq!(prepared(), (dataset.clone(), sha256.clone()));
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
        let (dataset, _) = prove(directory.path(), str::to_owned, |_| Ok(())).expect("readable");
        assert_eq!(dataset.instances[0].sop_instance_uid, made[0].sop_instance_uid);
        let file = File::options().write(true).open(&made[0].path).expect("the file");
        file.set_len(made[0].bytes - 1).expect("cut");
        let error = prove(directory.path(), str::to_owned, |_| Ok(())).expect_err("cut short").to_string();
        assert!(error.contains("it ends within element (7FE0,0010) of 398131200 bytes"), "{error}");
    }

    #[test]
    fn every_file_that_is_no_dicom_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["000001.dcm", "000002.dcm"] {
            fs::write(directory.path().join(name), "no DICOM").expect("written");
        }
        let error = prove(directory.path(), str::to_owned, |_| Ok(())).expect_err("unreadable").to_string();
        assert!(error.contains("2 files") && error.contains("000001.dcm") && error.contains("000002.dcm"), "{error}");
    }
}
