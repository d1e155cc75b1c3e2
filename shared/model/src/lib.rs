//! The model of a run. The crate has no network and no clock: callers pass in time and randomness.
//!
//! Data flows one way: [`request::Request`], [`plan::Plan`], [`step::StepDocument`],
//! [`measurement::BlockMeasurement`], [`results::Summary`].

pub mod baseline_name;
pub mod dataset;
pub mod first_boot;
pub mod hash;
pub mod history;
pub mod host_role;
pub mod host_type;
pub mod keys;
pub mod measurement;
pub mod network;
pub mod orthanc;
pub mod parallel;
pub mod plan;
pub mod request;
pub mod results;
pub mod run_id;
pub mod samples;
pub mod search;
pub mod sending;
pub mod settings;
pub mod statistics;
pub mod step;
pub mod telling;
pub mod time_limits;
pub mod validation;
pub mod words;
