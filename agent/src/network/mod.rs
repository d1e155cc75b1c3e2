//! The network to the server without DICOM: iperf3 in both directions, round trips, MTUs.
//!
//! The client measures everything. The server needs `iperf3 -s -p PORT`, and for ping it must answer ICMP echo.

mod iperf;
mod path;
mod round_trip;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::time::Instant;

use dicomperf_model::network::NetworkBaseline;

use iperf::Direction;

/// The reason why there is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum NoBaseline {
    /// A required program is not installed.
    #[error("{0} is not installed")]
    NotInstalled(&'static str),
    /// iperf3 failed.
    #[error("iperf3 {direction} {server}: {reason}")]
    Iperf {
        /// `to` or `from`.
        direction: &'static str,
        /// Address and port of the server's iperf3.
        server: SocketAddr,
        /// iperf3's own message.
        reason: String,
    },
    /// Neither ping nor a TCP connection was answered.
    #[error("no round trip to {server}: ping: {ping}; TCP: {tcp}")]
    NoRoundTrip {
        /// Address and port of the server.
        server: SocketAddr,
        /// ping's own message.
        ping: String,
        /// The error of the TCP connection.
        tcp: io::Error,
    },
    /// The address is not valid, or this host has no route to it.
    #[error("{doing}: {source}")]
    Host {
        /// The failed work.
        doing: String,
        /// The operating system's error.
        source: io::Error,
    },
}

/// Measures the network between this host and the iperf3 server at `address` and `port`, for a second in each
/// direction. Nothing else should send meanwhile. `scratch` is a file for the output of programs. It takes under 3 s,
/// up to 5 s if the server answers slowly or not at all, and never runs past `limit`.
///
/// # Errors
/// See [`NoBaseline`]. A failed part fails the whole baseline.
pub fn measure(address: &str, port: u16, scratch: &Path, limit: Instant) -> Result<NetworkBaseline, NoBaseline> {
    let server = resolve(address, port)?;
    // ping runs first, because a queue that iperf3 has filled drains slowly.
    let ping = round_trip::ping(server, scratch, limit);
    let to_server = iperf::measure(server, Direction::ToServer, scratch, limit)?;
    let from_server = iperf::measure(server, Direction::FromServer, scratch, limit)?;
    let round_trip = match ping {
        Ok(round_trip) => round_trip,
        // This runs last. After a connection without a test, the server's iperf3 restarts and refuses others meanwhile.
        Err(ping) => round_trip::connect(server, limit).map_err(|tcp| NoBaseline::NoRoundTrip { server, ping, tcp })?,
    };
    let baseline = NetworkBaseline {
        to_server_bytes_per_second: to_server.bytes_per_second,
        from_server_bytes_per_second: from_server.bytes_per_second,
        retransmits_to_server: to_server.retransmits,
        retransmits_from_server: from_server.retransmits,
        seconds: iperf::DIRECTION_SECONDS,
        round_trip,
        path_mtu_bytes: path::mtu(server)?,
        interface_mtu_bytes: path::interface_mtu(server)?,
    };
    tracing::info!(?baseline, "network baseline");
    Ok(baseline)
}

fn resolve(address: &str, port: u16) -> Result<SocketAddr, NoBaseline> {
    let host = |source| NoBaseline::Host { doing: format!("address {address:?}"), source };
    let mut found = (address, port).to_socket_addrs().map_err(host)?;
    found.next().ok_or_else(|| host(io::ErrorKind::AddrNotAvailable.into()))
}
