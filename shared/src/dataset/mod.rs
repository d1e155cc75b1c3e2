//! What is sent: synthetic instances, and checks on a user's own objects.

mod attributes;
mod canvas;
mod header;
mod inspect;
mod mix;
mod noise;
mod place;
mod profile;
mod synthetic;

pub use inspect::{Inspected, Refused, inspect, is_storage, without_duplicates};
pub use synthetic::{GENERATOR_VERSION, GeneratedInstance, generate, synthetic_bytes};
