//! The server's side of a failure, watched beside the host's counters: its volume, the end of its process, its log.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use dicomperf_model::samples::{ResourceSample, Sample, ServerEnd, VolumeSample};
use rustix::fs::statvfs;

use super::server_log::Messages;

/// The most bytes of a file that one sample reads. Lines beyond them are read with the next samples.
const MAX_BYTES: u64 = 65_536;

/// The parts of a server that a sampler watches. Each may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// The directory with the server's storage.
    pub storage: Option<PathBuf>,
    /// The log of Orthanc.
    pub log: Option<PathBuf>,
    /// The records of the servers' supervisors.
    pub records: Vec<PathBuf>,
    /// The file with the presigned URL that the samples are uploaded to when the server fails.
    pub upload_url: Option<PathBuf>,
}

/// Watches a server.
#[derive(Debug)]
pub(super) struct Watch {
    storage: Option<PathBuf>,
    log: Option<Tail>,
    records: Vec<Tail>,
}

impl Watch {
    /// Starts to watch. Lines that a file has already are of an earlier server, and are skipped.
    pub fn new(watched: &Watched) -> Self {
        Self {
            storage: watched.storage.clone(),
            log: watched.log.as_deref().map(Tail::from_end),
            records: watched.records.iter().map(|path| Tail::from_end(path)).collect(),
        }
    }

    /// The volume with the storage; `None` as long as the storage does not exist.
    pub fn volume(&self) -> Option<VolumeSample> {
        volume(self.storage.as_deref()?)
    }

    /// The events since the last call: ends of processes, and messages of the log.
    pub fn events(&mut self, at_ms: u64) -> Vec<Sample> {
        let mut events = Vec::new();
        for record in &mut self.records {
            let lines = record.lines();
            events.extend(lines.iter().filter_map(|line| serde_json::from_str(line).ok()).map(Sample::ServerEnd));
        }
        if let Some(log) = &mut self.log {
            let mut messages = Messages::default();
            log.lines().iter().for_each(|line| messages.add(line));
            events.extend(messages.samples(at_ms).map(Sample::ServerLog));
        }
        events
    }
}

/// The volume with a directory or file.
pub(crate) fn volume(path: &Path) -> Option<VolumeSample> {
    let volume = statvfs(path).ok()?;
    Some(VolumeSample {
        total_bytes: volume.f_blocks.saturating_mul(volume.f_frsize),
        free_bytes: volume.f_bavail.saturating_mul(volume.f_frsize),
    })
}

/// True if a sample shows that the server fails. Its host may soon be terminated, so it is uploaded at once.
pub(super) fn is_failure(sample: &Sample) -> bool {
    match sample {
        Sample::ServerEnd(ServerEnd { requested, .. }) => !requested,
        Sample::ServerLog(message) => message.trouble.is_some(),
        Sample::Resources(sample) => is_stopped(sample),
        Sample::Store(_) => false,
    }
}

fn is_stopped(sample: &ResourceSample) -> bool {
    sample.processes.iter().any(|process| process.state == Some('T'))
}

/// Reads the complete lines that are appended to a file.
#[derive(Debug)]
struct Tail {
    path: PathBuf,
    position: u64,
    inode: u64,
}

impl Tail {
    /// Reads lines that are appended from now on. The file may not exist yet.
    fn from_end(path: &Path) -> Self {
        let metadata = path.metadata().ok();
        Self {
            path: path.to_owned(),
            position: metadata.as_ref().map_or(0, std::fs::Metadata::len),
            inode: metadata.map_or(0, |metadata| metadata.ino()),
        }
    }

    /// The new complete lines. A file that cannot be read has no lines.
    fn lines(&mut self) -> Vec<String> {
        self.read().unwrap_or_default()
    }

    fn read(&mut self) -> io::Result<Vec<String>> {
        let metadata = self.path.metadata()?;
        // The file is a new one, or was emptied.
        if (self.inode != 0 && metadata.ino() != self.inode) || metadata.len() < self.position {
            self.position = 0;
        }
        self.inode = metadata.ino();
        if metadata.len() == self.position {
            return Ok(Vec::new());
        }
        let length = usize::try_from((metadata.len() - self.position).min(MAX_BYTES)).unwrap_or_default();
        let mut bytes = vec![0; length];
        let read = File::open(&self.path)?.read_at(&mut bytes, self.position)?;
        bytes.truncate(read);
        let complete = match bytes.iter().rposition(|&byte| byte == b'\n') {
            Some(newline) => newline + 1,
            // A line longer than this is read in pieces.
            None if read as u64 == MAX_BYTES => read,
            None => 0,
        };
        self.position += complete as u64;
        Ok(String::from_utf8_lossy(&bytes[..complete]).lines().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn append(path: &Path, text: &str) {
        File::options()
            .append(true)
            .create(true)
            .open(path)
            .expect("opened")
            .write_all(text.as_bytes())
            .expect("written");
    }

    #[test]
    fn only_complete_lines_that_are_new_are_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        append(&path, "old\n");
        let mut tail = Tail::from_end(&path);
        assert_eq!(tail.lines(), Vec::<String>::new());
        append(&path, "one\ntw");
        assert_eq!(tail.lines(), ["one"]);
        append(&path, "o\n");
        assert_eq!(tail.lines(), ["two"]);
    }

    #[test]
    fn a_file_that_is_made_later_or_anew_is_read_from_its_beginning() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let mut tail = Tail::from_end(&path);
        assert_eq!(tail.lines(), Vec::<String>::new());
        append(&path, "one\ntwo\n");
        assert_eq!(tail.lines(), ["one", "two"]);
        fs::write(&path, "new\n").expect("written");
        assert_eq!(tail.lines(), ["new"]);
    }

    #[test]
    fn a_long_burst_is_read_in_parts_and_no_line_is_lost() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let mut tail = Tail::from_end(&path);
        append(&path, &"sixteen letters\n".repeat(10_000));
        let read: Vec<_> = (0..4).map(|_| tail.lines().len()).collect();
        assert_eq!((read[0], read.iter().sum::<usize>()), (4096, 10_000));
    }

    #[test]
    fn the_volume_of_a_directory_has_a_size() {
        let volume = volume(Path::new("/tmp")).expect("a volume");
        assert!(volume.total_bytes > 0 && volume.free_bytes <= volume.total_bytes);
    }
}
