//! The network baseline against a real iperf3 on loopback.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicomperf_agent::network::{NoBaseline, measure};
use dicomperf_model::network::NetworkBaseline;
use tempfile::TempDir;

use crate::harness::free_port;

pub struct Iperf {
    process: Child,
    pub port: u16,
}

impl Iperf {
    pub fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("iperf3");
        command.args(["-s", "-p", &port.to_string()]).stdout(Stdio::null());
        let process = command.spawn().expect("iperf3");
        // The check of the port opens no connection, because iperf3 would take one for a test.
        let taken = |_: &u32| {
            sleep(Duration::from_millis(50));
            TcpListener::bind(("0.0.0.0", port)).is_err()
        };
        (0..100).find(taken).expect("iperf3 listens");
        Self { process, port }
    }
}

impl Drop for Iperf {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("network.out")
    }

    pub fn measure(&self, address: &str, port: u16) -> (Result<NetworkBaseline, NoBaseline>, Duration) {
        let started = Instant::now();
        let found = measure(address, port, &self.path(), started + Duration::from_secs(10));
        (found, started.elapsed())
    }
}

#[test]
fn a_server_that_got_connections_without_a_test_serves_the_next_block() {
    let (mut server, scratch) = (Iperf::start(), Scratch::new());
    for _ in 0..10 {
        // iperf3 restarts after each connection, so it refuses some.
        let _ = TcpStream::connect(("127.0.0.1", server.port));
    }
    sleep(Duration::from_secs(1));
    assert!(server.process.try_wait().unwrap().is_none());
    scratch.measure("127.0.0.1", server.port).0.unwrap();
}

#[test]
fn a_port_on_which_nobody_listens_is_named() {
    let (port, scratch) = (free_port(), Scratch::new());
    let (found, took) = scratch.measure("127.0.0.1", port);
    let said = found.unwrap_err().to_string();
    assert!(
        said.starts_with(&format!("iperf3 to 127.0.0.1:{port}: ")) && said.ends_with("Connection refused"),
        "{said}"
    );
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_server_that_is_busy_is_told_in_iperf3s_words() {
    let (server, scratch) = (Iperf::start(), Scratch::new());
    let mut command = Command::new("iperf3");
    command.args(["-c", "127.0.0.1", "-b", "1M", "-t", "20", "-p", &server.port.to_string()]).stdout(Stdio::null());
    let mut other = command.spawn().unwrap();
    sleep(Duration::from_millis(500));
    let said = scratch.measure("127.0.0.1", server.port).0.unwrap_err().to_string();
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(said.contains("busy"), "{said}");
}

#[test]
fn an_address_that_is_none_is_named() {
    let said = Scratch::new().measure("300.1.2.3", 5201).0.unwrap_err().to_string();
    assert!(said.starts_with("address \"300.1.2.3\": "), "{said}");
}

#[test]
fn a_limit_that_has_passed_ends_it_at_once() {
    let (server, scratch) = (Iperf::start(), Scratch::new());
    let started = Instant::now();
    measure("127.0.0.1", server.port, &scratch.path(), started).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(1));
}
