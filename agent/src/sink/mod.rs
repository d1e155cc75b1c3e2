//! The sink: an SCP that counts everything that it receives and discards it. It shows the speed of a sender and a
//! network alone.

mod association;
mod control;
mod document;
mod negotiation;
mod received;
mod response_delay;
mod tally;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use rustls::{ServerConnection, StreamOwned};
use tracing_subscriber::filter::LevelFilter;

use crate::tls;

pub use control::INSTANCES_PATH;
pub use document::SinkDocument;
use response_delay::ResponseDelay;
pub use tally::Counted;
use tally::Tally;

/// The time limit for the association request: the ARTIM timer (PS3.8 9.1.5).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The wait before the sink accepts connections again after it ran out of file descriptors or threads.
const EXHAUSTED_DELAY: Duration = Duration::from_millis(100);

/// Serves with the settings of a file until the process is ended.
///
/// # Errors
/// A file that contains no [`SinkDocument`]; those of [`serve`].
pub fn serve_document(path: &Path) -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(LevelFilter::INFO).init();
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    serve(serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display()))?)
}

/// Serves until the process is ended.
///
/// # Errors
/// An address on which the sink cannot listen, a certificate that cannot be read.
pub fn serve(document: SinkDocument) -> anyhow::Result<()> {
    let tls = document.tls.then(|| tls_configuration(&document)).transpose()?.map(Arc::new);
    let tally = Arc::new(Tally::default());
    control::start(&document, tally.clone())?;
    let address = (document.address.as_str(), document.dicom_port);
    let listener = TcpListener::bind(address).with_context(|| format!("listen on {address:?}"))?;
    tracing::info!(ae_title = document.ae_title, "the sink listens on {address:?}");
    let (delay, document) = (Arc::new(ResponseDelay::new(&document)), Arc::new(document));
    loop {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(EXHAUSTED_DELAY);
            continue;
        };
        let (document, tls, tally, delay) = (document.clone(), tls.clone(), tally.clone(), delay.clone());
        let spawned = thread::Builder::new().spawn(move || {
            if let Err(error) = serve_connection(stream, &document, tls, &tally, &delay) {
                tracing::warn!("an association was ended: {error}");
            }
        });
        if spawned.is_err() {
            // The failed start of the thread dropped the connection.
            thread::sleep(EXHAUSTED_DELAY);
        }
    }
}

fn tls_configuration(document: &SinkDocument) -> anyhow::Result<rustls::ServerConfig> {
    let certificate = document.certificate.as_deref().context("TLS needs a certificate")?;
    let private_key = document.private_key.as_deref().context("TLS needs a private key")?;
    tls::server(certificate, private_key)
}

fn serve_connection(
    stream: TcpStream,
    document: &SinkDocument,
    tls: Option<Arc<rustls::ServerConfig>>,
    tally: &Tally,
    delay: &ResponseDelay,
) -> Result<(), association::Ended> {
    stream.set_nodelay(document.tcp_no_delay)?;
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    let socket = stream.try_clone()?;
    match tls {
        None => association::serve(stream, &socket, document, tally, delay),
        Some(tls) => {
            let connection = ServerConnection::new(tls).map_err(std::io::Error::other)?;
            association::serve(StreamOwned::new(connection, stream), &socket, document, tally, delay)
        }
    }
}
