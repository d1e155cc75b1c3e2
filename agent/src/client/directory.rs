//! A user's own files in a directory of this machine: their plan, and their copies in the run's directory.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use dicomperf_model::dataset::{Part, PlannedObject, Refused, Selection, refusal};
use dicomperf_model::parallel::{cpu_count, in_parallel};
use dicomperf_model::plan::{DatasetPlan, MAX_INSTANCES};
use dicomperf_model::request::{Directory, OwnObjects, Request};
use dicomperf_model::step::FileSource;

use super::dataset::{Digesting, MAX_READERS, READ_BYTES, hexadecimal};
use super::file_name;
use crate::failure::{DuringIo as _, Failure};

/// The index of a medium's files (PS3.10 8.6). It is no instance, and every medium has one.
const DICOMDIR: &str = "DICOMDIR";

/// Reads the files of a directory to their ends, and plans a dataset of those that every sender of the request can send.
/// Hidden files, hidden directories and DICOMDIR are skipped. `progress` gets the number of files that were read.
///
/// # Errors
/// `DatasetFailed` if the request does not skip a refused file, if every file is refused, or if there is no file or too
/// many; `HostFailed`; an error of `progress`.
pub fn dataset(
    spec: &Directory,
    request: &Request,
    progress: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<DatasetPlan, Failure> {
    let directory = Path::new(&spec.path);
    let (files, mut refused) = list(directory)?;
    let read = |_, file: &String| inspect(directory, file, spec.own());
    let mut objects = Vec::new();
    for (file, found) in files.iter().zip(in_parallel(&files, cpu_count().min(MAX_READERS), read, progress)?) {
        match found {
            Ok(object) => objects.push(object),
            Err(reason) => refused.push(Refused { key: file.clone(), reason }),
        }
    }
    let count = objects.len() + refused.len();
    if count == 0 {
        return Err(Failure::DatasetFailed(format!("there is no file in {}", directory.display())));
    }
    let selection = Selection::new(request, objects, refused);
    if selection.is_refused(spec.skip_refused) {
        return Err(Failure::DatasetFailed(refusal(&selection.refused, count)));
    }
    let Selection { objects, refused } = selection;
    let path = fs::canonicalize(directory).while_path("find", directory)?;
    Ok(DatasetPlan::directory(path, objects, refused).prepared(spec.own()))
}

/// Copies files of a directory as `000001.dcm` and so on. The user's files are only read.
///
/// # Errors
/// `DatasetFailed` if a file has another size than the plan recorded; `HostFailed`; an error of `progress`.
pub(super) fn copy(
    directory: &Path,
    files: &[FileSource],
    to: &Path,
    progress: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let work = |index: usize, file: &FileSource| {
        let (from, to) = (directory.join(&file.path), to.join(file_name(index)));
        let mut source = File::open(&from).while_path("read", &from)?;
        let copied = File::create(&to).and_then(|mut copy| io::copy(&mut source, &mut copy));
        let copied = copied.while_path("copy", &from)?;
        if copied == file.bytes {
            return Ok(());
        }
        Err(Failure::DatasetFailed(format!("{} has {copied} bytes, but the plan has {}", from.display(), file.bytes)))
    };
    in_parallel(files, cpu_count().min(MAX_READERS), work, progress).map(|_| ())
}

/// Lists the files of a directory and its subdirectories by their paths in it, sorted. Symbolic links are followed, and
/// no directory is read twice. Returns the files that cannot be sent by their kind alone apart.
fn list(directory: &Path) -> Result<(Vec<String>, Vec<Refused>), Failure> {
    let (mut files, mut refused) = (Vec::new(), Vec::new());
    let mut read = BTreeSet::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(folder) = waiting.pop() {
        let identity = fs::metadata(&folder).while_path("read", &folder)?;
        if !read.insert((identity.dev(), identity.ino())) {
            continue;
        }
        for entry in fs::read_dir(&folder).while_path("list", &folder)? {
            let path = entry.while_path("list", &folder)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || name.eq_ignore_ascii_case(DICOMDIR) {
                continue;
            }
            let relative = path.strip_prefix(directory).unwrap_or(&path);
            let mut refuse = |reason: String| refused.push(Refused { key: relative.display().to_string(), reason });
            match (fs::metadata(&path), relative.to_str()) {
                (Err(error), _) => refuse(format!("cannot be read: {error}")),
                (Ok(metadata), _) if metadata.is_dir() => waiting.push(path),
                (Ok(metadata), _) if !metadata.is_file() => refuse("not DICOM: not a regular file".to_owned()),
                (_, None) => refuse("its name is not UTF-8".to_owned()),
                (_, Some(relative)) => files.push(relative.to_owned()),
            }
        }
        if files.len() > MAX_INSTANCES as usize {
            let problem = format!("{} has more than {MAX_INSTANCES} files", directory.display());
            return Err(Failure::DatasetFailed(problem));
        }
    }
    files.sort_unstable();
    Ok((files, refused))
}

/// Reads a file to its end. The inner error is the reason to refuse it.
fn inspect(directory: &Path, name: &str, own: OwnObjects) -> Result<Result<PlannedObject, String>, Failure> {
    let path = directory.join(name);
    let (file, size) = match File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file))) {
        Ok((size, file)) => (file, size),
        Err(error) => return Ok(Err(format!("cannot be read: {error}"))),
    };
    if size == 0 {
        return Ok(Err("not DICOM: empty".to_owned()));
    }
    let mut source = BufReader::with_capacity(READ_BYTES, Digesting::new(file));
    let inspected = match own.inspect(&mut source, Part { size, is_whole: true }) {
        Ok(inspected) => inspected,
        Err(reason) => return Ok(Err(reason)),
    };
    io::copy(&mut source, &mut io::sink()).while_path("read", &path)?;
    let sha256 = hexadecimal(&source.into_inner().finish());
    Ok(Ok(PlannedObject::new(name.to_owned(), size, sha256, inspected)))
}
