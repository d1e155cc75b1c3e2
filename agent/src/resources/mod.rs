//! The host's resources, sampled five times a second into a samples file ([`dicomperf_model::samples`]).
//!
//! [`Sampler`] samples in a thread, `dicomperf-agent sample --out FILE` in a process of its own.

mod ena;
mod file;
mod host;
mod processes;
mod tcp;

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::Context as _;
use dicomperf_model::samples::Sample;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::home::RunHome;
use crate::upload::{Retries, Uploader};
pub use file::SampleFile;
use host::Host;

/// The file of the host's samples, in the run's home.
pub const SAMPLES_FILE: &str = "samples.jsonl.zst";
/// The time between two samples.
pub const SAMPLE_PERIOD: Duration = Duration::from_millis(200);
/// Samples in a frame. A killed sampler loses at most this many, which are 5 s.
const FRAME_SAMPLES: usize = 25;

/// Samples this host's resources until it is stopped or dropped.
#[derive(Debug)]
pub struct Sampler {
    thread: Option<(Sender<()>, JoinHandle<io::Result<()>>)>,
}

impl Sampler {
    /// Starts to append samples to a file, and creates the file if it is missing. Other writers may append whole frames
    /// too.
    ///
    /// # Errors
    /// A part of /proc that cannot be read, a file that cannot be written.
    pub fn start(file: &Path) -> io::Result<Self> {
        let mut host = Host::new();
        let first = host.sample()?;
        let file = file.to_owned();
        // The file exists from the start, so that a path that cannot be written fails now.
        SampleFile::append(&file, [first])?;
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("sampler".to_owned())
            .spawn(move || sample_until(&stopped, &mut host, &file))?;
        Ok(Self { thread: Some((stop, thread)) })
    }

    /// Takes a last sample and writes all pending samples.
    ///
    /// # Errors
    /// That of the last write. Samples that could not be written earlier were logged as lost.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        let Some((stop, thread)) = self.thread.take() else { return Ok(()) };
        drop(stop);
        thread.join().map_err(|_| io::Error::other("the sampler panicked"))?
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, "the last samples are lost");
        }
    }
}

/// Uploads the samples so far, so that they survive the host. Samples only explain a result, so a failed upload does
/// not fail the step.
pub fn upload(home: &RunHome, url: &str) {
    let uploaded = fs::read(home.path(SAMPLES_FILE)).map_err(|error| error.to_string()).and_then(|bytes| {
        Uploader::new().put(url, &bytes, "application/zstd", Retries::Many).map_err(|error| error.to_string())
    });
    if let Err(error) = uploaded {
        tracing::warn!("samples: {error}");
    }
}

/// Runs `dicomperf-agent sample --out FILE`: samples until SIGTERM or SIGINT.
///
/// # Errors
/// A part of /proc that cannot be read, a file that cannot be written.
pub fn sample_until_signal(file: &Path) -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).init();
    // The signals come before the sampler, so that an early one is not lost.
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("cannot wait for signals")?;
    let sampler = Sampler::start(file).with_context(|| format!("cannot sample into {}", file.display()))?;
    signals.forever().next();
    sampler.stop().with_context(|| format!("cannot write the last samples to {}", file.display()))
}

/// Samples on a fixed schedule: a late sample does not delay the next one, and a missed sample is skipped.
fn sample_until(stopped: &Receiver<()>, host: &mut Host, file: &Path) -> io::Result<()> {
    let mut pending: Vec<Sample> = Vec::with_capacity(FRAME_SAMPLES);
    let mut due = Instant::now() + SAMPLE_PERIOD;
    loop {
        let wait = stopped.recv_timeout(due.saturating_duration_since(Instant::now()));
        match host.sample() {
            Ok(sample) => pending.push(sample),
            Err(error) => tracing::warn!(%error, "no sample"),
        }
        if wait != Err(RecvTimeoutError::Timeout) {
            return SampleFile::append(file, pending);
        }
        if pending.len() >= FRAME_SAMPLES
            && let Err(error) = SampleFile::append(file, pending.drain(..))
        {
            tracing::warn!(%error, file = %file.display(), "samples are lost");
        }
        due += SAMPLE_PERIOD;
        while due <= Instant::now() {
            due += SAMPLE_PERIOD;
        }
    }
}
