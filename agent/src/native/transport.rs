//! The connection. With plain TCP the kernel stamps the arrival of an answer; TLS is optional.

use std::io::{self, IoSliceMut, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dicomperf_model::sending::{ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S};
use nix::sys::socket::sockopt::{ReceiveTimestampns, SndBufForce};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::document::SendDocument;

/// The time limit of connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(CONNECT_TIMEOUT_S as u64);
/// The longest time without sending or receiving a byte.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(ANSWER_TIMEOUT_S as u64);
/// The kernel's send buffer. It has room for one of our buffers and the next one.
const SEND_BUFFER_BYTES: usize = 2 << 20;

/// A connection to the SCP.
pub(super) struct Transport {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// Space for the kernel's timestamp.
    control: Vec<u8>,
}

/// A time of the wall clock, in ns since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WallTime(u64);

impl WallTime {
    pub(super) fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The time after this duration.
    pub(super) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// The time in us, rounded.
    pub(super) const fn microseconds(self) -> u64 {
        self.0.saturating_add(500) / 1000
    }
}

impl From<TimeSpec> for WallTime {
    fn from(time: TimeSpec) -> Self {
        let time = Duration::from(time);
        Self(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Transport {
    /// Connects, and does the TLS handshake if there is a `tls` configuration.
    ///
    /// # Errors
    /// A name without an address; an SCP that does not listen or does not use TLS.
    pub(super) fn connect(document: &SendDocument, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        let socket = connect(&document.address, document.port)?;
        socket.set_nodelay(document.tcp_no_delay)?;
        socket.set_read_timeout(Some(SILENCE_TIMEOUT))?;
        socket.set_write_timeout(Some(SILENCE_TIMEOUT))?;
        // Without the privilege to set it, the kernel sizes the buffer itself.
        let _ = setsockopt(&socket, SndBufForce, &SEND_BUFFER_BYTES);
        let tls = match tls {
            None => {
                setsockopt(&socket, ReceiveTimestampns, &true)?;
                None
            }
            Some(configuration) => Some(Box::new(handshake(&socket, document, configuration)?)),
        };
        Ok(Self { socket, tls, control: nix::cmsg_space!(TimeSpec) })
    }

    /// Sends all bytes.
    ///
    /// # Errors
    /// A connection that has ended, or accepts no byte for 30 s.
    pub(super) fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            let mut stream = rustls::Stream::new(tls.as_mut(), &mut self.socket);
            return stream.write_all(bytes).and_then(|()| stream.flush()).map_err(describe_timeout);
        }
        while !bytes.is_empty() {
            match rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(describe_timeout(error.into())),
            }
        }
        Ok(())
    }

    /// Receives the available bytes. Returns their number and the time at which the kernel received them, or with TLS,
    /// the time at which they were read.
    ///
    /// # Errors
    /// A connection that has ended, or delivers no byte for 30 s.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, WallTime)> {
        let (count, time) = loop {
            let received = match &mut self.tls {
                Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.socket)
                    .read(buffer)
                    .map(|count| (count, WallTime::now())),
                None => receive_stamped(&self.socket, buffer, &mut self.control),
            };
            match received {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(describe_timeout)?,
            }
        };
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the peer has closed the connection"));
        }
        Ok((count, time))
    }
}

fn connect(address: &str, port: u16) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, format!("{address} has no address"));
    for address in (address, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn handshake(
    mut socket: &TcpStream,
    document: &SendDocument,
    configuration: &Arc<ClientConfig>,
) -> io::Result<ClientConnection> {
    let name = ServerName::try_from(document.address.clone()).map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(configuration.clone(), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).map_err(describe_timeout)?;
    }
    Ok(connection)
}

fn receive_stamped(socket: &TcpStream, buffer: &mut [u8], control: &mut [u8]) -> io::Result<(usize, WallTime)> {
    let mut slices = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(control), MsgFlags::empty())?;
    let stamp = message.cmsgs().ok().and_then(|mut messages| {
        messages.find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(time) => Some(WallTime::from(time)),
            _ => None,
        })
    });
    Ok((message.bytes, stamp.unwrap_or_else(WallTime::now)))
}

/// Rewords a timeout, which the kernel reports as EAGAIN.
fn describe_timeout(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock {
        return io::Error::new(io::ErrorKind::TimedOut, format!("no data for {} s", SILENCE_TIMEOUT.as_secs()));
    }
    error
}
