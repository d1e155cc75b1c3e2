//! The host that receives.

pub mod certificate;
mod collect;
pub mod configuration;
mod configure;
pub mod echo;
mod processes;
mod service;
mod sink;
mod unit;

pub use collect::collect;
pub use configure::configure;
