//! The agent's work on a host: install and run the server, prepare and send the dataset, measure, collect.
//!
//! A step is one call of the binary on one [`dicomperf_model::step::StepDocument`]; see [`step::carry_out`].

pub mod arguments;
pub mod client;
pub mod clock;
pub mod environment;
pub mod failure;
pub mod heartbeat;
pub mod home;
pub mod interrupt;
pub mod measure;
pub mod native;
pub mod network;
pub mod packages;
pub mod presigned;
pub mod process;
pub mod reporter;
pub mod resources;
mod rest;
mod retry;
pub mod server;
pub mod sink;
pub mod step;
pub mod timeline;
pub mod tls;
pub mod upload;
pub mod upper_layer;
pub mod versions;
