//! The sink, run as a separate process.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use dicomperf_agent::sink::{Counted, SinkDocument};
use dicomperf_agent::tls::Certificate;
use dicomperf_model::step::ServerAddress;
use tempfile::TempDir;

use super::free_port;
use super::orthanc::PASSWORD;
use super::run::agent;

pub struct SinkProcess {
    process: Child,
    pub document: SinkDocument,
    directory: TempDir,
}

/// A sink on free ports, without limit, delay or TLS.
pub fn plain() -> SinkDocument {
    SinkDocument {
        address: "127.0.0.1".to_owned(),
        dicom_port: free_port(),
        control_port: free_port(),
        ae_title: "SINK".to_owned(),
        max_pdu: 0,
        tcp_no_delay: true,
        tls: false,
        certificate: None,
        private_key: None,
        rest_user: "dicomperf".to_owned(),
        rest_password: PASSWORD.to_owned(),
        delay_us: 0,
        one_at_a_time: false,
        delay_growth_us: 0,
    }
}

impl SinkProcess {
    pub fn start(document: SinkDocument) -> Self {
        Self::start_by(document, Command::new(agent()))
    }

    /// Starts the sink through a command that ends with the agent's name, as in a network namespace.
    pub fn start_by(mut document: SinkDocument, mut command: Command) -> Self {
        let directory = tempfile::tempdir().unwrap();
        if document.tls {
            let address = ServerAddress {
                address: document.address.clone(),
                dicom_port: document.dicom_port,
                rest_port: document.control_port,
                ae_title: document.ae_title.clone(),
                rest_user: String::new(),
                rest_password: String::new(),
                existing: None,
            };
            let made = Certificate::generate(&address).unwrap();
            // One file has both the certificate and the key.
            let path = directory.path().join("certificate.pem");
            fs::write(&path, made.certificate + &made.private_key).unwrap();
            (document.certificate, document.private_key) = (Some(path.clone()), Some(path));
        }
        let path = directory.path().join("sink.json");
        fs::write(&path, serde_json::to_vec(&document).unwrap()).unwrap();
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let process = command.arg("sink").arg(path).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let sink = Self { process, document, directory };
        for _ in 0..100 {
            if std::net::TcpStream::connect((sink.document.address.as_str(), sink.document.dicom_port)).is_ok() {
                return sink;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("the null SCP does not listen: {}", sink.log());
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/instances", self.document.control_port)
    }

    pub fn authorization(&self) -> String {
        use base64::Engine as _;
        let credentials = format!("{}:{}", self.document.rest_user, self.document.rest_password);
        format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(credentials))
    }

    pub fn counted(&self) -> Counted {
        let request = ureq::get(self.url()).header("Authorization", self.authorization());
        let body = request.call().unwrap().body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    pub fn clear(&self) {
        ureq::delete(self.url()).header("Authorization", self.authorization()).call().unwrap();
    }

    /// The peak memory of the process, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(Path::new("/proc").join(self.process.id().to_string()).join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Ends the process with SIGTERM, as a service manager would.
    pub fn terminate(mut self) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.process.wait().unwrap()
    }
}

impl Drop for SinkProcess {
    fn drop(&mut self) {
        // The test may have ended it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
