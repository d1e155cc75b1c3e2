//! Our own C-STORE SCU. It sends as fast as the kernel can copy, at scheduled times, and reports exact times.
//!
//! One thread serves one association. A file is read into the gaps between the headers of its PDUs, which are in the
//! buffer already, and sent with one system call. The next file is read while the SCP answers.

mod arrival;
mod association;
mod document;
mod fragments;
mod lane;
mod lost;
mod negotiation;
mod object;
mod peer;
mod questions;
mod status;
mod transport;

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use anyhow::{Context as _, ensure};
use dicomperf_model::request::Arrival;

pub use document::SendDocument;
pub use lost::Lost;
pub(crate) use lost::while_busy;
pub use negotiation::negotiate;
pub use peer::{Peer, SILENCE_TIMEOUT};
pub use questions::{Finder, echo};
pub(crate) use status::without_identifiers;

use crate::timeline::Association;
use crate::{interrupt, tls};

/// Sends the instances of a document, and writes a list of [`Association`] to `out`. The exit code is 0 if every
/// association was released, whatever the statuses of the C-STOREs. Else it is 1, and stderr has the reason too.
///
/// At SIGTERM or SIGINT each association ends after the C-STORE under way, and is released. The list then lacks the
/// instances that were not tried.
///
/// # Errors
/// A file that cannot be read or written, or that contains no [`SendDocument`].
pub fn send_document(document: &Path, out: &Path) -> anyhow::Result<ExitCode> {
    let bytes = fs::read(document).with_context(|| format!("read {}", document.display()))?;
    let document: SendDocument =
        serde_json::from_slice(&bytes).with_context(|| format!("read {}", document.display()))?;
    interrupt::request_at_signals().context("wait for signals")?;
    let associations = send(&document)?;
    let mut file = BufWriter::new(fs::File::create(out).with_context(|| format!("write {}", out.display()))?);
    serde_json::to_writer(&mut file, &associations).with_context(|| format!("write {}", out.display()))?;
    file.flush().with_context(|| format!("write {}", out.display()))?;
    let mut complaints = associations.iter().flat_map(|association| &association.complaints).peekable();
    let code = if complaints.peek().is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    complaints.for_each(|complaint| eprintln!("{complaint}"));
    Ok(code)
}

/// Sends the instances of a document. Returns every association, lane by lane.
///
/// # Errors
/// A rate that is not positive.
pub fn send(document: &SendDocument) -> anyhow::Result<Vec<Association>> {
    if let Arrival::Open(rate) = document.arrival {
        ensure!(rate.is_finite() && rate > 0.0, "{rate} instances per second is not a positive rate");
    }
    let tls = document.tls.then(tls::anonymous_client).transpose()?.map(Arc::new);
    let lanes: Vec<_> = document.lanes.iter().filter(|lane| !lane.is_empty()).collect();
    let lengths: Vec<_> = lanes.iter().map(|lane| lane.len()).collect();
    let schedule = arrival::Schedule::new(document.arrival, &lengths);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (number, instances) in lanes.into_iter().enumerate() {
            let lane = lane::Lane { document, tls: tls.as_ref(), schedule: &schedule, number, instances };
            threads.push(scope.spawn(move || lane.send()));
        }
        let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
        let associations =
            ended.collect::<Result<Vec<_>, _>>().map_err(|_| anyhow::anyhow!("a lane's thread ended"))?;
        Ok(associations.into_iter().flatten().collect())
    })
}
