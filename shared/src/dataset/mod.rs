//! What is sent: synthetic instances, and checks on a user's own objects.

mod inspect;
mod phantom;
mod synthetic;

pub use inspect::{Inspected, Refused, inspect, is_storage, without_duplicates};
pub use synthetic::{GENERATOR_VERSION, GeneratedInstance, generate, synthetic_bytes};
