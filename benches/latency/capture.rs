//! A packet capture on loopback, and the C-STOREs in it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Fails early if tcpdump is not installed.
pub fn require() {
    if Command::new("tcpdump").arg("--version").output().is_err() {
        eprintln!("tcpdump is not installed: apt-get install tcpdump");
        std::process::exit(2);
    }
}

pub struct Capture {
    process: Child,
    words: BufReader<std::process::ChildStderr>,
    path: PathBuf,
    port: u16,
    _directory: TempDir,
}

/// The times of a request and its response, in ns since 1970-01-01 UTC.
#[derive(Debug)]
pub struct Exchange {
    first_of_request: u64,
    last_of_response: u64,
}

impl Exchange {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
    pub fn milliseconds(&self) -> f64 {
        (self.last_of_response - self.first_of_request) as f64 / 1e6
    }
}

struct Packet {
    at: u64,
    from_sender: bool,
}

impl Capture {
    pub fn start(port: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("capture");
        let mut command = Command::new("tcpdump");
        // Headers only, with timestamps in ns, and a buffer of 64 MB.
        command.args(["-i", "lo", "-n", "--snapshot-length", "96", "--time-stamp-precision", "nano"]);
        command.args(["--buffer-size", "65536", "-w"]).arg(&path).args(["tcp", "port", &port.to_string()]);
        let mut process = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut words = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            assert!(words.read_line(&mut line).unwrap() > 0, "tcpdump has ended");
        }
        Self { process, words, path, port, _directory: directory }
    }

    /// Ends the capture, and returns its C-STOREs.
    pub fn exchanges(mut self) -> Vec<Exchange> {
        // The kernel delivers its packets within a second.
        thread::sleep(Duration::from_millis(1500));
        kill_process(Pid::from_child(&self.process), Signal::INT).unwrap();
        let mut words = String::new();
        self.words.read_to_string(&mut words).unwrap();
        assert!(self.process.wait().unwrap().success() && words.contains("\n0 packets dropped by kernel"), "{words}");
        exchanges(&packets(&fs::read(&self.path).unwrap(), self.port))
    }
}

/// Every packet with data in a pcap file. The file has ns timestamps, this machine's byte order, and Ethernet frames
/// (as loopback does).
fn packets(file: &[u8], port: u16) -> Vec<Packet> {
    let number = |at: usize| u64::from(u32::from_le_bytes(file[at..at + 4].try_into().unwrap()));
    assert_eq!((number(0), number(20)), (0xA1B2_3C4D, 1), "not a capture of Ethernet in ns");
    let mut packets = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let time = number(at) * 1_000_000_000 + number(at + 4);
        let (captured, length) = (usize::try_from(number(at + 8)).unwrap(), usize::try_from(number(at + 12)).unwrap());
        // An Ethernet header has 14 bytes. IPv4 and TCP count the lengths of their headers in units of four bytes.
        let ip = &file[at + 16 + 14..at + 16 + captured];
        let tcp = &ip[usize::from(ip[0] & 0x0F) * 4..];
        let headers = 14 + usize::from(ip[0] & 0x0F) * 4 + usize::from(tcp[12] >> 4) * 4;
        if length > headers {
            packets.push(Packet { at: time, from_sender: u16::from_be_bytes([tcp[2], tcp[3]]) == port });
        }
        at += 16 + captured;
    }
    packets
}

/// Pairs up the packets, because sender and SCP take turns: association, each C-STORE, release.
fn exchanges(packets: &[Packet]) -> Vec<Exchange> {
    let turns: Vec<_> = packets.chunk_by(|one, next| one.from_sender == next.from_sender).collect();
    let pairs: Vec<_> = turns.chunks_exact(2).collect();
    let [_association, stores @ .., _release] = &pairs[..] else { panic!("no association in the capture") };
    let exchange = |pair: &&[&[Packet]]| Exchange {
        first_of_request: pair[0][0].at,
        last_of_response: pair[1].last().unwrap().at,
    };
    stores.iter().map(exchange).collect()
}
