//! iperf3: the capacity of one TCP stream.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::harness::free_port;

/// Fails early if iperf3 is not installed.
pub fn require() {
    if Command::new("iperf3").arg("--version").output().is_err() {
        eprintln!("iperf3 is not installed: apt-get install iperf3");
        std::process::exit(2);
    }
}

pub struct Server {
    process: Child,
    port: u16,
}

impl Server {
    pub fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("iperf3");
        command.args(["--server", "--bind", "127.0.0.1", "--port", &port.to_string()]);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { process, port };
        for _ in 0..100 {
            if server.client(&["--bytes", "1M"]).is_some() {
                return server;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("iperf3 does not serve");
    }

    /// The seconds that one stream takes for a number of bytes, at the rate that the receiver measured over a second.
    pub fn seconds(&self, bytes: u64) -> f64 {
        let report = self.client(&["--time", "1"]).expect("iperf3 has failed");
        let bits_per_second = report["end"]["sum_received"]["bits_per_second"].as_f64().unwrap();
        #[expect(clippy::cast_precision_loss, reason = "a gigabyte")]
        let bits = bytes as f64 * 8.0;
        bits / bits_per_second
    }

    fn client(&self, arguments: &[&str]) -> Option<Value> {
        let mut command = Command::new("iperf3");
        command.args(["--client", "127.0.0.1", "--port", &self.port.to_string(), "--json"]).args(arguments);
        let output = command.output().unwrap();
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
