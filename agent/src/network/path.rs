//! MTUs: of the path, as the kernel knows it, and of the interface at its start.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use rustix::net::sockopt::{ip_mtu, ipv6_mtu};

use super::NoBaseline;

/// The MTU of the path to the server, in bytes. A UDP socket uses the same routes as TCP, and its connect sends no
/// packet.
pub(super) fn mtu(server: SocketAddr) -> Result<u32, NoBaseline> {
    let found = socket(server).and_then(|socket| match server {
        SocketAddr::V4(_) => Ok(ip_mtu(&socket)?),
        SocketAddr::V6(_) => Ok(ipv6_mtu(&socket)?),
    });
    found.map_err(|source| NoBaseline::Host { doing: format!("path MTU to {}", server.ip()), source })
}

/// The MTU of the interface through which the server is reached, in bytes.
pub(super) fn interface_mtu(server: SocketAddr) -> Result<u32, NoBaseline> {
    let failed = |source| NoBaseline::Host { doing: format!("interface towards {}", server.ip()), source };
    let name = interface(server).map_err(failed)?;
    let text = fs::read_to_string(format!("/sys/class/net/{name}/mtu")).map_err(failed)?;
    text.trim().parse().map_err(|error| failed(io::Error::other(error)))
}

fn interface(server: SocketAddr) -> io::Result<String> {
    let own = socket(server)?.local_addr()?.ip();
    if own == server.ip() || server.ip().is_loopback() {
        return Ok("lo".to_owned());
    }
    let IpAddr::V4(address) = server.ip() else {
        return Err(io::Error::other("IPv6 routes are not supported"));
    };
    let routes = procfs::net::route().map_err(io::Error::other)?;
    let of_address = routes.into_iter().filter(|route| address & route.mask == route.destination);
    // The kernel's choice: the longest prefix, then the lowest metric.
    let best = of_address.min_by_key(|route| (std::cmp::Reverse(route.mask), route.metrics));
    best.map(|route| route.iface).ok_or_else(|| io::Error::other("no route"))
}

fn socket(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use dicomperf_testkit::{Cause, not_tested};

    use super::*;

    #[test]
    fn the_path_is_as_large_as_the_loopback_interface() {
        let server = SocketAddr::from(([127, 0, 0, 1], 9));
        let of_interface = interface_mtu(server).expect("lo");
        // An IPv4 packet has at most 65,535 bytes, and loopback's MTU is 65,536.
        assert_eq!(mtu(server).expect("a path"), of_interface.min(65_535));
        assert!(of_interface >= 16_384, "{of_interface}");
    }

    #[test]
    fn the_way_out_begins_with_the_interface_of_the_default_route() {
        let routes = procfs::net::route().expect("routes");
        let Some(default) = routes.iter().find(|route| route.mask.is_unspecified()) else {
            return not_tested(Cause::Missing("this host has no default route"));
        };
        // TEST-NET-1 (RFC 5737) belongs to nobody, and nothing is sent there.
        assert_eq!(interface(SocketAddr::from(([192, 0, 2, 1], 9))).expect("a way"), default.iface);
    }
}
