//! A null SCP: takes what is sent, counts it and throws it away. It shows what a sender and a network can do alone.

mod association;
mod control;
mod document;
mod negotiation;
mod received;
mod tally;
mod tls;
mod turns;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use rustls::{ServerConnection, StreamOwned};
use tracing_subscriber::filter::LevelFilter;

pub use document::SinkDocument;
pub use tally::Tally;
use turns::Turns;

/// How long an association may take to be requested: the ARTIM timer (PS3.8 9.1.5).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// What is waited for when no connection can be accepted, for lack of file descriptors or threads.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Serves what the file says until the process is ended.
///
/// # Errors
/// A file that holds no [`SinkDocument`]; those of [`serve`].
pub fn serve_document(path: &Path) -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(LevelFilter::INFO).init();
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    serve(serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display()))?)
}

/// Serves until the process is ended.
///
/// # Errors
/// An address that cannot be listened on, a certificate that cannot be read.
pub fn serve(document: SinkDocument) -> anyhow::Result<()> {
    let tls = document.tls.then(|| tls::configuration(&document)).transpose()?.map(Arc::new);
    let tally = Arc::new(Tally::default());
    control::start(&document, tally.clone())?;
    let address = (document.address.as_str(), document.dicom_port);
    let listener = TcpListener::bind(address).with_context(|| format!("listen on {address:?}"))?;
    tracing::info!(ae_title = document.ae_title, "the null SCP listens on {address:?}");
    let (turns, document) = (Arc::new(Turns::new(&document)), Arc::new(document));
    loop {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(EXHAUSTED);
            continue;
        };
        let (document, tls, tally, turns) = (document.clone(), tls.clone(), tally.clone(), turns.clone());
        let spawned = thread::Builder::new().spawn(move || {
            if let Err(error) = take(stream, &document, tls, &tally, &turns) {
                tracing::warn!("an association was ended: {error}");
            }
        });
        if spawned.is_err() {
            // The connection was dropped with what the thread would have done.
            thread::sleep(EXHAUSTED);
        }
    }
}

fn take(
    stream: TcpStream,
    document: &SinkDocument,
    tls: Option<Arc<rustls::ServerConfig>>,
    tally: &Tally,
    turns: &Turns,
) -> Result<(), association::Ended> {
    stream.set_nodelay(document.tcp_no_delay)?;
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    let socket = stream.try_clone()?;
    match tls {
        None => association::serve(stream, &socket, document, tally, turns),
        Some(tls) => {
            let connection = ServerConnection::new(tls).map_err(std::io::Error::other)?;
            association::serve(StreamOwned::new(connection, stream), &socket, document, tally, turns)
        }
    }
}
