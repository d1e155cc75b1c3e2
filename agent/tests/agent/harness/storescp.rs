//! DCMTK's storescp.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::free_port;

pub struct Storescp {
    process: Child,
    pub port: u16,
}

impl Storescp {
    pub fn start(directory: &Path, options: &[&str]) -> Self {
        let port = free_port();
        let mut command = Command::new("storescp");
        command.args(options).arg(port.to_string()).current_dir(directory).env("TCP_NODELAY", "1");
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let storescp = Self { process, port };
        for _ in 0..100 {
            let mut echo = Command::new("echoscu");
            echo.args(["127.0.0.1", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
            if echo.status().unwrap().success() {
                return storescp;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("storescp does not serve");
    }
}

impl Drop for Storescp {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
