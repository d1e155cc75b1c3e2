//! Synthetic instances: valid, and the same bytes for the same seed.
//!
//! Everything that varies comes from SHA-256 and SplitMix64 over the seed and from integer arithmetic, so that the bytes
//! depend on no machine, no clock and no number of threads.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::canvas::Canvas;
use super::place::Place;
use super::{header, mix, noise};
use crate::parallel::{cpu_count, in_parallel};
use crate::request::Synthetic;

/// Changes whenever the same seed gives other bytes.
pub const GENERATOR_VERSION: u32 = 2;

/// An instance that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedInstance {
    /// Its file.
    pub path: PathBuf,
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Bytes of the dataset's files, or up to 1% more.
#[must_use]
pub fn synthetic_bytes(spec: &Synthetic) -> u64 {
    mix::places(spec).map(|place| place.profile.file_bytes(place.ordinal)).sum()
}

/// Writes the dataset into `directory` with a thread for each CPU, and tells on the caller's own how many instances are
/// written after each. The answer is in the order of the files' names.
///
/// A thread holds two frames of 16 bits a pixel and one as it is stored, however long the instance is.
///
/// # Errors
/// A file that cannot be written; no more are begun then.
pub fn generate(spec: &Synthetic, directory: &Path, progress: impl FnMut(u32)) -> io::Result<Vec<GeneratedInstance>> {
    generate_with(cpu_count(), spec, directory, progress)
}

fn generate_with(
    threads: usize,
    spec: &Synthetic,
    directory: &Path,
    mut progress: impl FnMut(u32),
) -> io::Result<Vec<GeneratedInstance>> {
    let places: Vec<Place> = mix::places(spec).collect();
    in_parallel(
        &places,
        threads,
        |index, place| create(place, index, directory),
        |written| {
            progress(written);
            Ok(())
        },
    )
}

fn create(place: &Place, index: usize, directory: &Path) -> io::Result<GeneratedInstance> {
    let path = directory.join(format!("{:06}.dcm", index + 1));
    let bytes = write(place, &mut File::create(&path)?)?;
    Ok(GeneratedInstance { path, sop_instance_uid: place.instance_uid(), bytes })
}

/// Writes a file, frame by frame, and answers with its size in bytes.
fn write(place: &Place, to: &mut impl Write) -> io::Result<u64> {
    let profile = place.profile;
    let format = place.format();
    let header = header::encoded(place)?;
    to.write_all(&header)?;
    let key = place.key();
    let mut still = Canvas::new(format.rows, format.columns);
    (profile.still)(place, &mut still);
    let mut moving = if format.frames > 1 { still.clone() } else { Canvas::new(0, format.columns) };
    let mut stored = vec![0; format.frame_bytes()];
    for frame in 0..format.frames {
        let canvas = if format.frames > 1 {
            moving.copy(&still);
            (profile.moving)(place, frame, &mut moving);
            &moving
        } else {
            &still
        };
        let key = noise::mixed(key.wrapping_add(u64::from(frame)));
        noise::expose(profile.noise, key, format.bits_stored, canvas.pixels(), &mut stored);
        to.write_all(&stored)?;
    }
    Ok(header.len() as u64 + format.pixel_bytes())
}

#[cfg(test)]
mod tests;
