//! The host that runs Orthanc.

pub mod certificate;
mod collect;
pub mod configuration;
mod configure;
pub mod echo;
mod processes;
mod service;

pub use collect::collect;
pub use configure::configure;
