//! Samples that are not yet in the file.

use std::io;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{fs, thread};

use dicomperf_model::samples::Sample;

use super::SampleFile;
use super::watch::is_failure;
use crate::upload::{Retries, Uploader};

/// Samples in a frame. A killed sampler loses at most this many, which are 5 s.
const FRAME_SAMPLES: usize = 25;
/// The most samples that wait for a file that cannot be written, because a full volume may have room again. They are
/// five minutes, in less than 2 MB of memory.
const MAX_PENDING_SAMPLES: usize = 1500;
/// The least time between two uploads of samples that show a failure of the server.
const UPLOAD_PERIOD: Duration = Duration::from_secs(10);

/// Samples that are not yet in the file.
#[derive(Debug)]
pub(super) struct Pending {
    file: PathBuf,
    samples: Vec<Sample>,
    /// Samples from which on the file is written.
    due: usize,
    upload: Option<FailureUpload>,
}

/// The upload of samples that show a failure of the server. A run may end because of it, and the host is terminated
/// before any step could upload them.
#[derive(Debug)]
struct FailureUpload {
    /// The file with the presigned URL. Each step of the host writes a new one.
    url_file: PathBuf,
    is_due: bool,
    last: Option<Instant>,
    running: Option<JoinHandle<()>>,
}

impl Pending {
    /// No samples for this file. `upload_url` is the file with the presigned URL.
    pub fn new(file: PathBuf, upload_url: Option<PathBuf>) -> Self {
        let upload = upload_url.map(|url_file| FailureUpload { url_file, is_due: false, last: None, running: None });
        Self { file, samples: Vec::with_capacity(FRAME_SAMPLES), due: FRAME_SAMPLES, upload }
    }

    /// Adds a sample.
    pub fn push(&mut self, sample: Sample) {
        if self.samples.len() == MAX_PENDING_SAMPLES {
            self.samples.remove(0);
        }
        if let Some(upload) = &mut self.upload
            && is_failure(&sample)
        {
            upload.is_due = true;
        }
        self.samples.push(sample);
    }

    /// Writes the samples if there are enough of them. Uploads the file if they show a failure of the server.
    pub fn write_if_due(&mut self) {
        let is_upload_due = self.upload.as_ref().is_some_and(FailureUpload::can_start);
        if self.samples.len() < self.due && !is_upload_due {
            return;
        }
        if let Err(error) = self.write() {
            tracing::warn!(%error, file = %self.file.display(), "samples wait");
        }
        // After a failed write, the next try comes with the next frame.
        self.due = self.samples.len() + FRAME_SAMPLES;
        if let Some(upload) = &mut self.upload
            && is_upload_due
        {
            upload.start(&self.file, &self.samples);
        }
    }

    /// Writes all samples.
    ///
    /// # Errors
    /// A file that cannot be written. The samples wait for the next call.
    pub fn write(&mut self) -> io::Result<()> {
        SampleFile::append(&self.file, self.samples.iter().cloned())?;
        self.samples.clear();
        Ok(())
    }
}

impl FailureUpload {
    fn can_start(&self) -> bool {
        self.is_due
            && self.last.is_none_or(|last| last.elapsed() >= UPLOAD_PERIOD)
            && self.running.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Uploads the file and the samples that could not be written, in a thread: an upload must not delay a sample.
    fn start(&mut self, file: &std::path::Path, unwritten: &[Sample]) {
        self.is_due = false;
        self.last = Some(Instant::now());
        let uploaded = fs::read(file).and_then(|mut bytes| {
            bytes.extend(super::file::frames(unwritten.iter().cloned())?);
            Ok((bytes, fs::read_to_string(&self.url_file)?))
        });
        match uploaded {
            Ok((bytes, url)) => {
                self.running = thread::Builder::new()
                    .name("upload".to_owned())
                    .spawn(move || {
                        let uploaded = Uploader::new().put(url.trim(), &bytes, "application/zstd", Retries::Few);
                        if let Err(error) = uploaded {
                            tracing::warn!("samples: {error}");
                        }
                    })
                    .ok();
            }
            Err(error) => tracing::warn!(%error, "samples are not uploaded"),
        }
    }
}

impl Drop for FailureUpload {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicomperf_model::samples::{ResourceSample, read};

    fn sample(at_ms: u64) -> Sample {
        Sample::Resources(Box::new(ResourceSample { at_ms, ..ResourceSample::default() }))
    }

    #[test]
    fn samples_wait_for_a_volume_that_is_full() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("samples.jsonl.zst");
        std::os::unix::fs::symlink("/dev/full", &path).expect("linked");
        let mut pending = Pending::new(path.clone(), None);
        for at_ms in 0..2000 {
            pending.push(sample(at_ms));
            pending.write_if_due();
        }
        fs::remove_file(&path).expect("removed");
        pending.write().expect("written");
        let read = read(&fs::read(&path).expect("read")).expect("samples");
        // The oldest are lost.
        assert_eq!((read.len(), &read[0]), (MAX_PENDING_SAMPLES, &sample(500)));
    }
}
