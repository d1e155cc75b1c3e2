//! The capacity of the network between the two hosts without DICOM, which a transfer is compared with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The throughput and round trips of TCP between client and server, measured before a block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkBaseline {
    /// Payload that arrived at the server over one TCP connection, in bytes a second (iperf3, as the receiver counted).
    pub to_server_bytes_per_second: f64,
    /// The same from the server to the client.
    pub from_server_bytes_per_second: f64,
    /// Segments that the client sent again meanwhile.
    pub retransmits_to_server: u64,
    /// Segments that the server sent again meanwhile.
    pub retransmits_from_server: u64,
    /// Duration of the measurement of each direction, in seconds.
    pub seconds: f64,
    /// Round trips on an idle connection.
    pub round_trip: RoundTrip,
    /// The largest IPv4 packet that the kernel would send to the server in one piece, in bytes; 65,535 at most. The
    /// kernel knows it after a second of large packets. It is the interface's MTU unless a router on the way reported
    /// less (ip(7), `IP_MTU`; RFC 1191).
    pub path_mtu_bytes: u32,
    /// MTU of the interface towards the server, in bytes.
    pub interface_mtu_bytes: u32,
}

/// Round trips between client and server while nothing else is sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoundTrip {
    /// The method of measurement.
    pub method: RoundTripMethod,
    /// The shortest, in ms.
    pub min_ms: f64,
    /// The median, in ms.
    pub median_ms: f64,
    /// The longest, in ms.
    pub max_ms: f64,
    /// Round trips that were answered.
    pub count: u32,
}

/// A method of measuring round trips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RoundTripMethod {
    /// ICMP echo, with ping from iputils.
    Ping,
    /// The time until a TCP connection opens or is refused. Used if ping is not installed or not answered. It is
    /// somewhat longer, because it includes a system call and a wake-up.
    TcpConnect,
}

impl RoundTrip {
    /// Summarizes single times in ms; `None` if there are no times.
    #[must_use]
    pub fn from_times(method: RoundTripMethod, mut times_ms: Vec<f64>) -> Option<Self> {
        times_ms.sort_by(f64::total_cmp);
        let middle = times_ms.len() / 2;
        let upper = *times_ms.get(middle)?;
        let median_ms =
            if times_ms.len().is_multiple_of(2) { f64::midpoint(times_ms[middle - 1], upper) } else { upper };
        Some(Self {
            method,
            min_ms: *times_ms.first()?,
            median_ms,
            max_ms: *times_ms.last()?,
            count: u32::try_from(times_ms.len()).unwrap_or(u32::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_are_summed_up_by_their_extremes_and_their_median() {
        let from_times = |times: &[f64]| RoundTrip::from_times(RoundTripMethod::Ping, times.to_vec());
        let three = from_times(&[0.5, 0.1, 0.2]).expect("three");
        assert_eq!((three.min_ms, three.median_ms, three.max_ms, three.count), (0.1, 0.2, 0.5, 3));
        assert_eq!(from_times(&[4.0, 1.0, 3.0, 2.0]).map(|four| four.median_ms), Some(2.5));
        assert_eq!(from_times(&[]), None);
    }
}
