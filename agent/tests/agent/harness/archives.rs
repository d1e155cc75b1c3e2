//! Archives of others as processes: DCMTK's dcmqrscp, and pynetdicom's qrscp.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::free_port;

/// An archive that ends when it is dropped.
pub struct ArchiveProcess {
    process: Child,
    pub port: u16,
    directory: TempDir,
}

impl ArchiveProcess {
    /// dcmqrscp with the AE title PACS. `peers` is ANY, or the name of the host table's only entry: `other`, whose AE
    /// title is OTHER.
    pub fn dcmqrscp(peers: &str) -> Self {
        Self::dcmqrscp_with(peers, 16)
    }

    /// The same with another limit of its associations.
    pub fn dcmqrscp_with(peers: &str, max_associations: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let storage = directory.path().join("storage");
        fs::create_dir(&storage).unwrap();
        let configuration = directory.path().join("dcmqrscp.cfg");
        let lines = format!(
            "NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = {max_associations}\n\
             HostTable BEGIN\nother = (OTHER, localhost, 104)\nHostTable END\n\
             VendorTable BEGIN\nVendorTable END\n\
             AETable BEGIN\nPACS {} RW (1000, 1024mb) {peers}\nAETable END\n",
            storage.display()
        );
        fs::write(&configuration, lines).unwrap();
        let mut command = Command::new("dcmqrscp");
        command.arg("--config").arg(&configuration).env("TCP_NODELAY", "1");
        Self::start(command, port, directory)
    }

    /// pynetdicom's qrscp with the AE title QRSCP; `None` if it is not installed.
    pub fn qrscp() -> Option<Self> {
        let python = python_with("pynetdicom, sqlalchemy")?;
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut command = Command::new(python);
        command.args(["-m", "pynetdicom", "qrscp", "--quiet", "--bind-address", "127.0.0.1"]);
        command.args(["--port", &port.to_string()]);
        command.arg("--instance-location").arg(directory.path().join("instances"));
        command.arg("--database-location").arg(directory.path().join("instances.sqlite"));
        command.current_dir(directory.path());
        Some(Self::start(command, port, directory))
    }

    fn start(mut command: Command, port: u16, directory: TempDir) -> Self {
        let log = directory.path().join("log");
        let file = fs::File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let archive = Self { process: command.spawn().unwrap(), port, directory };
        for _ in 0..600 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return archive;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("the archive does not serve: {}", fs::read_to_string(log).unwrap_or_default());
    }

    /// The stored files of dcmqrscp.
    pub fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.directory.path().join("storage")).unwrap();
        let is_instance = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "dcm");
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(is_instance).collect();
        files.sort();
        files
    }
}

impl Drop for ArchiveProcess {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A Python with these modules: that of `make install`, or else the system's.
fn python_with(modules: &str) -> Option<PathBuf> {
    let of_lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/servers/bin/python");
    [of_lab, "python3".into()].into_iter().find(|python| {
        let import = Command::new(python).args(["-c", &format!("import {modules}")]).output();
        import.is_ok_and(|output| output.status.success())
    })
}
