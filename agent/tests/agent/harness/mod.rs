//! The agent, its null SCP and its SCU; an Orthanc with the agent's own configuration and environment; DCMTK's tools;
//! and a bucket to upload to.

pub mod archive;
pub mod archives;
pub mod bucket;
pub mod diagnosed;
pub mod existing;
pub mod failing;
pub mod faulty;
pub mod objects;
pub mod orthanc;
pub mod proxy;
pub mod recorded;
pub mod run;
pub mod sender;
pub mod sink;
pub mod storescp;

pub use bucket::Bucket;
pub use dicomperf_testkit::free_port;
pub use orthanc::OrthancProcess;
pub use run::Run;
