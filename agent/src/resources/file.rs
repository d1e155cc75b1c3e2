//! The writer of a samples file. It appends whole zstd frames, each with one call.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use dicomperf_model::samples::Sample;

/// zstd's own default. Level 9 takes eight times as long, and saves a tenth of resources and a fifth of C-STOREs.
const ZSTD_LEVEL: i32 = 3;
/// The most samples of a frame: a reader has one frame in memory.
const MAX_FRAME_SAMPLES: usize = 16_384;

/// A file of samples to which several writers may append.
#[derive(Debug)]
pub struct SampleFile;

impl SampleFile {
    /// Appends samples as one zstd frame, or as several if there are more than 16,384. A missing file is created,
    /// readable by root only, like all files of the agent.
    ///
    /// # Errors
    /// A file that cannot be opened or written. Readers skip a frame that a full disk cut off.
    pub fn append(path: &Path, samples: impl IntoIterator<Item = Sample>) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let mut samples = samples.into_iter().peekable();
        while samples.peek().is_some() {
            let frame = frame(samples.by_ref().take(MAX_FRAME_SAMPLES))?;
            // One call, because O_APPEND keeps only a single write(2) apart from other writers.
            let written = file.write(&frame)?;
            if written < frame.len() {
                return Err(io::Error::new(
                    io::ErrorKind::StorageFull,
                    format!("{written} of {} bytes were written", frame.len()),
                ));
            }
        }
        Ok(())
    }
}

/// Samples as zstd frames, without a file.
pub(super) fn frames(samples: impl IntoIterator<Item = Sample>) -> io::Result<Vec<u8>> {
    let mut samples = samples.into_iter().peekable();
    let mut frames = Vec::new();
    while samples.peek().is_some() {
        frames.extend(frame(samples.by_ref().take(MAX_FRAME_SAMPLES))?);
    }
    Ok(frames)
}

fn frame(samples: impl Iterator<Item = Sample>) -> io::Result<Vec<u8>> {
    // serde_json writes a few bytes at a time, and each write to the encoder is costly.
    let mut lines = Vec::new();
    for sample in samples {
        serde_json::to_writer(&mut lines, &sample)?;
        lines.push(b'\n');
    }
    let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.write_all(&lines)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use dicomperf_model::samples::{StoreSample, for_each_sample, read};

    use super::*;

    fn store(number: u64) -> Sample {
        Sample::Store(StoreSample {
            ordinal: 3,
            scenario: 1,
            index: u32::try_from(number / 1000).expect("small"),
            association: u32::try_from(number % 4).expect("small"),
            file: format!("CT.{:06}.dcm", number % 1000),
            bytes: 525_000,
            requested_us: 1_790_000_000_000_000 + number * 2500 + number * number % 997,
            latency_us: Some(2000 + number * 7919 % 1201),
            status: Some("Success".to_owned()),
            ..StoreSample::default()
        })
    }

    #[test]
    fn a_hundred_thousand_stores_come_back_as_they_were() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("client.jsonl.zst");
        SampleFile::append(&path, (0..100_000).map(store)).expect("written");
        let bytes = fs::read(&path).expect("read");
        let mut number = 0;
        for_each_sample(&bytes, |sample| {
            assert_eq!(sample, store(number));
            number += 1;
        })
        .expect("samples");
        assert_eq!(number, 100_000);
        assert!(bytes.len() < 2_000_000, "{} bytes", bytes.len());
    }

    #[test]
    fn writers_that_append_at_the_same_time_do_not_mingle() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("client.jsonl.zst");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for number in 0..50 {
                        let samples = (0..200).map(|offset| store(writer * 1_000_000 + number * 200 + offset));
                        SampleFile::append(path, samples).expect("written");
                    }
                });
            }
        });
        let read = read(&fs::read(&path).expect("read")).expect("samples");
        assert_eq!(read.len(), 4 * 50 * 200);
        // Each writer's frames are whole and in order.
        for writer in 0..4 {
            let of_writer = |sample: &&Sample| {
                matches!(sample, Sample::Store(one)
                if one.requested_us >= 1_790_000_000_000_000 + writer * 2_500_000_000
                    && one.requested_us < 1_790_000_000_000_000 + writer * 2_500_000_000 + 100_000_000)
            };
            let found: Vec<_> = read.iter().filter(of_writer).cloned().collect();
            let expected: Vec<_> = (0..10_000).map(|number| store(writer * 1_000_000 + number)).collect();
            assert!(found == expected, "writer {writer}");
        }
    }

    #[test]
    fn no_samples_are_no_frame() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("client.jsonl.zst");
        SampleFile::append(&path, []).expect("written");
        assert_eq!(fs::metadata(&path).expect("there").len(), 0);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_error() {
        let error = SampleFile::append(Path::new("/dev/full"), [store(1)]).expect_err("full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
