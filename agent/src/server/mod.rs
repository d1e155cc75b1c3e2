//! The server under test. Its host installs, starts, checks and collects it; the client asks it for its contents.

mod certificate;
mod clear;
mod collect;
mod companions;
mod condition;
mod configure;
pub mod echo;
mod existing;
mod files;
pub mod orthanc;
mod processes;
mod sink;
mod supervisor;
mod systemd;
mod target;
mod under_test;
mod unprivileged;

pub use certificate::CertificatePaths;
pub use clear::clear;
pub use collect::collect;
pub use configure::configure;
pub use processes::ServerProcess;
pub use supervisor::{Supervised, supervise};
pub use target::{Served, server_under_test, started_server};
pub use under_test::{Contents, ServerFile, ServerUnderTest, StartedServer, StoredInstance};

#[cfg(test)]
pub(crate) mod fixture {
    use dicomperf_model::step::ServerAddress;

    /// The address of a server that a run starts. Nothing serves there.
    pub fn address() -> ServerAddress {
        ServerAddress {
            address: "10.0.0.1".to_owned(),
            dicom_port: 4242,
            rest_port: 8042,
            ae_title: "ORTHANC".to_owned(),
            rest_user: "dicomperf".to_owned(),
            rest_password: "hush".to_owned(),
            existing: None,
        }
    }
}
