//! The connection. With plain TCP the kernel stamps the arrival of an answer; TLS is optional.

use std::io::{self, IoSliceMut, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dicomperf_model::sending::{CONNECT_TIMEOUT_S, FailureCause};
use nix::sys::socket::sockopt::{ReceiveTimestampns, SndBufForce};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::lost::Lost;
use super::peer::Peer;

/// The time limit of connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(CONNECT_TIMEOUT_S as u64);
/// The kernel's send buffer. It has room for one of our buffers and the next one.
const SEND_BUFFER_BYTES: usize = 2 << 20;

/// The advice where the TLS handshake fails.
const NO_TLS: &str = "check that the server uses DICOM over TLS on this port, and without a client certificate";

/// A connection to the SCP.
pub(super) struct Transport {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// The longest time without sending or receiving a byte.
    silence: Duration,
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
    pub(super) fn connect(peer: &Peer<'_>, tls: Option<&Arc<ClientConfig>>) -> Result<Self, Lost> {
        let socket = connect(peer.address, peer.port)?;
        configure(&socket, peer).map_err(|error| Lost::unconnected(&error))?;
        let tls = match tls {
            None => {
                setsockopt(&socket, ReceiveTimestampns, &true).map_err(|error| Lost::unconnected(&error.into()))?;
                None
            }
            Some(configuration) => {
                let failed = |error: io::Error| {
                    let words = format!("TLS handshake: {error}");
                    Lost::new(FailureCause::ConnectionFailed, words).with_advice(NO_TLS)
                };
                Some(Box::new(handshake(&socket, peer, configuration).map_err(failed)?))
            }
        };
        Ok(Self { socket, tls, silence: peer.silence, control: nix::cmsg_space!(TimeSpec) })
    }

    /// Sends all bytes.
    ///
    /// # Errors
    /// A connection that has ended, or accepts no byte in time.
    pub(super) fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            let mut stream = rustls::Stream::new(tls.as_mut(), &mut self.socket);
            let sent = stream.write_all(bytes).and_then(|()| stream.flush());
            return sent.map_err(|error| describe_timeout(error, self.silence));
        }
        while !bytes.is_empty() {
            match rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(describe_timeout(error.into(), self.silence)),
            }
        }
        Ok(())
    }

    /// Receives the available bytes. Returns their number and the time at which the kernel received them, or with TLS,
    /// the time at which they were read.
    ///
    /// # Errors
    /// A connection that has ended, or delivers no byte in time.
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
                other => break other.map_err(|error| describe_timeout(error, self.silence))?,
            }
        };
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the peer has closed the connection"));
        }
        Ok((count, time))
    }
}

fn connect(address: &str, port: u16) -> Result<TcpStream, Lost> {
    let no_address = |reason: String| {
        let words = format!("the name {address} has no address{reason}");
        Lost::new(FailureCause::ConnectionFailed, words).with_advice("check the name of the server's host")
    };
    let found = (address, port).to_socket_addrs().map_err(|error| no_address(format!(": {error}")))?;
    let mut failed = None;
    for address in found {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.map_or_else(|| no_address(String::new()), |error| Lost::unconnected(&error)))
}

fn configure(socket: &TcpStream, peer: &Peer<'_>) -> io::Result<()> {
    socket.set_nodelay(peer.tcp_no_delay)?;
    socket.set_read_timeout(Some(peer.silence))?;
    socket.set_write_timeout(Some(peer.silence))?;
    // Without the privilege to set it, the kernel sizes the buffer itself.
    let _ = setsockopt(socket, SndBufForce, &SEND_BUFFER_BYTES);
    Ok(())
}

fn handshake(
    mut socket: &TcpStream,
    peer: &Peer<'_>,
    configuration: &Arc<ClientConfig>,
) -> io::Result<ClientConnection> {
    let name = ServerName::try_from(peer.address.to_owned()).map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(configuration.clone(), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).map_err(|error| describe_timeout(error, peer.silence))?;
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
fn describe_timeout(error: io::Error, silence: Duration) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock {
        return io::Error::new(io::ErrorKind::TimedOut, format!("no data for {} s", silence.as_secs()));
    }
    error
}
