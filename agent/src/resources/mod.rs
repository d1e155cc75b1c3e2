//! The host's resources, sampled five times a second into a samples file ([`dicomperf_model::samples`]).
//!
//! [`Sampler`] samples in a thread, `dicomperf-agent sample --out FILE` in a process of its own.

mod ena;
mod file;
mod host;
mod oom;
mod pending;
mod processes;
mod server_log;
mod tcp;
mod watch;

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
pub(crate) use oom::OomKills;
use pending::Pending;
pub(crate) use server_log::{known_message, level};
use watch::Watch;
pub use watch::Watched;
pub(crate) use watch::volume;

/// The file of the host's samples, in the run's home.
pub const SAMPLES_FILE: &str = "samples.jsonl.zst";
/// The time between two samples.
pub const SAMPLE_PERIOD: Duration = Duration::from_millis(200);
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
        Self::start_watching(file, &Watched::default())
    }

    /// Starts to sample like [`Sampler::start`], and watches a server.
    ///
    /// # Errors
    /// A part of /proc that cannot be read, a file that cannot be written.
    pub fn start_watching(file: &Path, watched: &Watched) -> io::Result<Self> {
        let (mut host, mut watch) = (Host::new(), Watch::new(watched));
        let first = Sample::Resources(Box::new(host.sample(&watch)?));
        let upload_url = watched.upload_url.clone();
        let file = file.to_owned();
        // The file exists from the start, so that a path that cannot be written fails now.
        SampleFile::append(&file, [first])?;
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("sampler".to_owned()).spawn(move || {
            let mut pending = Pending::new(file, upload_url);
            sample_until(&stopped, &mut host, &mut watch, &mut pending)
        })?;
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
/// not fail the step. Without an uploader they stay in the run's home.
pub fn upload(home: &RunHome, url: &str, uploader: Option<&Uploader>) {
    let Some(uploader) = uploader else { return };
    let uploaded = fs::read(home.path(SAMPLES_FILE)).map_err(|error| error.to_string()).and_then(|bytes| {
        uploader.put(url, &bytes, "application/zstd", Retries::Many).map_err(|error| error.to_string())
    });
    if let Err(error) = uploaded {
        tracing::warn!("samples: {error}");
    }
}

/// Runs `dicomperf-agent sample --out FILE`: samples until SIGTERM or SIGINT.
///
/// # Errors
/// A part of /proc that cannot be read, a file that cannot be written.
pub fn sample_until_signal(file: &Path, watched: &Watched) -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).init();
    // The signals come before the sampler, so that an early one is not lost.
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("cannot wait for signals")?;
    let sampler =
        Sampler::start_watching(file, watched).with_context(|| format!("cannot sample into {}", file.display()))?;
    signals.forever().next();
    sampler.stop().with_context(|| format!("cannot write the last samples to {}", file.display()))
}

/// Samples on a fixed schedule: a late sample does not delay the next one, and a missed sample is skipped.
fn sample_until(stopped: &Receiver<()>, host: &mut Host, watch: &mut Watch, pending: &mut Pending) -> io::Result<()> {
    let mut due = Instant::now() + SAMPLE_PERIOD;
    loop {
        let wait = stopped.recv_timeout(due.saturating_duration_since(Instant::now()));
        match host.sample(watch) {
            Ok(sample) => {
                let events = watch.events(sample.at_ms);
                pending.push(Sample::Resources(Box::new(sample)));
                events.into_iter().for_each(|event| pending.push(event));
            }
            Err(error) => tracing::warn!(%error, "no sample"),
        }
        if wait != Err(RecvTimeoutError::Timeout) {
            return pending.write();
        }
        pending.write_if_due();
        due += SAMPLE_PERIOD;
        while due <= Instant::now() {
            due += SAMPLE_PERIOD;
        }
    }
}
