//! Signs of life of a step. They have an object of their own: a report may take megabytes, and an iteration is being
//! timed meanwhile.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use dicomperf_model::step::Heartbeat;
use dicomperf_model::time_limits::HEARTBEAT_SECONDS;

use crate::upload::{Retries, Uploader};

/// Uploads a [`Heartbeat`] now and then, until it is dropped.
#[derive(Debug)]
pub struct Heartbeats {
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Heartbeats {
    /// Starts to upload to a presigned PUT URL. A heartbeat that cannot be uploaded is logged.
    #[must_use]
    pub fn start(url: String, uploader: Uploader) -> Self {
        let started = Instant::now();
        let (stop, stopped) = channel();
        let beat = move || {
            loop {
                let heartbeat = Heartbeat { elapsed_seconds: started.elapsed().as_secs_f64() };
                let body = serde_json::to_vec(&heartbeat).unwrap_or_default();
                if let Err(error) = uploader.put(&url, &body, "application/json", Retries::Few) {
                    tracing::warn!("heartbeat: {error}");
                }
                if stopped.recv_timeout(Duration::from_secs(HEARTBEAT_SECONDS)) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        match Builder::new().name("heartbeat".to_owned()).spawn(beat) {
            Ok(thread) => Self { thread: Some((stop, thread)) },
            Err(error) => {
                tracing::warn!("heartbeat: {error}");
                Self { thread: None }
            }
        }
    }
}

impl Drop for Heartbeats {
    fn drop(&mut self) {
        let Some((stop, thread)) = self.thread.take() else { return };
        drop(stop);
        // A thread that panicked has nothing to clean up.
        let _ = thread.join();
    }
}
