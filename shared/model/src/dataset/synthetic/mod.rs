//! Synthetic instances. They are valid DICOM, and the same seed gives the same bytes.
//!
//! All variation comes from SHA-256 and SplitMix64 over the seed, and from integer arithmetic. The bytes do not depend
//! on the machine, the clock or the number of threads.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::canvas::Canvas;
use super::place::Place;
use super::{header, mix, noise};
use crate::parallel::{cpu_count, in_parallel};
use crate::request::Synthetic;

/// Must change when the same seed gives other bytes.
pub const GENERATOR_VERSION: u32 = 2;

/// A written instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedInstance {
    /// Path of its file.
    pub path: PathBuf,
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Returns the bytes of the dataset's files, or up to 1% more.
#[must_use]
pub fn synthetic_bytes(spec: &Synthetic) -> u64 {
    mix::places(spec).map(|place| place.profile.file_bytes(place.ordinal)).sum()
}

/// Returns the bytes of the dataset's largest file, or up to 1% more.
#[must_use]
pub fn largest_synthetic_bytes(spec: &Synthetic) -> u64 {
    mix::places(spec).map(|place| place.profile.file_bytes(place.ordinal)).max().unwrap_or_default()
}

/// Writes the dataset into `directory` with one thread for each CPU. After each instance, `progress` gets the number of
/// written instances, on the caller's thread. Returns the instances in the order of the files' names.
///
/// A thread needs memory for two frames of 16 bits a pixel and one stored frame, for instances of any length.
///
/// # Errors
/// Fails if a file cannot be written. No further instance is then started.
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

/// Writes a file frame by frame. Returns its size in bytes.
fn write(place: &Place, to: &mut impl Write) -> io::Result<u64> {
    let profile = place.profile;
    let format = place.format();
    let header = header::encode(place)?;
    to.write_all(&header)?;
    let key = place.key();
    let mut still = Canvas::new(format.rows, format.columns);
    (profile.paint_still)(place, &mut still);
    let mut moving = if format.frames > 1 { still.clone() } else { Canvas::new(0, format.columns) };
    let mut stored = vec![0; format.frame_bytes()];
    for frame in 0..format.frames {
        let canvas = if format.frames > 1 {
            moving.copy(&still);
            (profile.paint_moving)(place, frame, &mut moving);
            &moving
        } else {
            &still
        };
        let key = noise::mix_bits(key.wrapping_add(u64::from(frame)));
        noise::expose(profile.noise, key, format.bits_stored, canvas.pixels(), &mut stored);
        to.write_all(&stored)?;
    }
    Ok(header.len() as u64 + format.pixel_bytes())
}

#[cfg(test)]
mod tests;
