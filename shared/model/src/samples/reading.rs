//! Reader of a samples file. It is pure Rust, because a Lambda uses it and the Lambda's size decides its start time.

use std::io::{self, Read as _};

use ruzstd::decoding::StreamingDecoder;

use super::{Sample, StoreSample};

/// First bytes of a zstd frame (RFC 8878, 3.1.1), as they are in the file.
const FRAME_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// An error in a samples file.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableSamples {
    /// The file has bytes, but no complete frame.
    #[error("no complete zstd frame in {bytes} bytes")]
    NoFrame {
        /// The file's size.
        bytes: usize,
    },
    /// A complete frame contains a line that is not a sample.
    #[error("line {line:?} is not a sample: {source}")]
    NoSample {
        /// Beginning of the line.
        line: String,
        /// The error of the parser.
        source: serde_json::Error,
    },
}

/// Returns every sample of a file, in its order.
///
/// An incomplete frame is skipped, and reading continues after it. It may be the last frame of a file that was copied
/// while it grew, or one whose writer was killed.
///
/// # Errors
/// See [`UnreadableSamples`]. An empty file has no samples; this is not an error.
pub fn read(bytes: &[u8]) -> Result<Vec<Sample>, UnreadableSamples> {
    let mut samples = Vec::new();
    for_each_sample(bytes, |sample| samples.push(sample))?;
    Ok(samples)
}

/// Calls `take` with one sample after another, like [`read`]. At most one frame is in memory at any time.
///
/// # Errors
/// See [`UnreadableSamples`].
pub fn for_each_sample(bytes: &[u8], mut take: impl FnMut(Sample)) -> Result<(), UnreadableSamples> {
    let mut rest = bytes;
    let mut whole = bytes.is_empty();
    while !rest.is_empty() {
        let Ok((lines, after)) = read_frame(rest) else {
            rest = next_frame(rest);
            continue;
        };
        for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            take(read_line(line).map_err(|source| UnreadableSamples::NoSample {
                line: String::from_utf8_lossy(line).chars().take(80).collect(),
                source,
            })?);
        }
        whole = true;
        rest = after;
    }
    if whole { Ok(()) } else { Err(UnreadableSamples::NoFrame { bytes: bytes.len() }) }
}

/// Beginning of a C-STORE's line, as the agent writes it.
const STORE_LINE_START: &[u8] = br#"{"kind":"store","#;

fn read_line(line: &[u8]) -> serde_json::Result<Sample> {
    // A file may have a million such lines. A tag at any position makes serde buffer all fields until it finds the tag.
    if line.starts_with(STORE_LINE_START) {
        return serde_json::from_slice::<StoreSample>(line).map(Sample::Store);
    }
    serde_json::from_slice(line)
}

/// Returns the content of the first frame, and the rest of the file.
fn read_frame(bytes: &[u8]) -> io::Result<(Vec<u8>, &[u8])> {
    let mut decoder = StreamingDecoder::new(bytes).map_err(io::Error::other)?;
    let mut content = Vec::new();
    decoder.read_to_end(&mut content)?;
    let (rest, decoder) = decoder.into_parts();
    // Half a frame may continue with the beginning of the next one and still decode, to wrong content.
    if decoder.get_checksum_from_data().is_some_and(|written| decoder.get_calculated_checksum() != Some(written)) {
        return Err(io::Error::other("checksum"));
    }
    Ok((content, rest))
}

/// Returns the bytes from the next frame on, after a broken one.
fn next_frame(bytes: &[u8]) -> &[u8] {
    let next = bytes.windows(FRAME_MAGIC.len()).skip(1).position(|window| window == FRAME_MAGIC);
    next.map_or(&[], |position| &bytes[position + 1..])
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::super::{ResourceSample, StoreSample};
    use super::*;

    fn store(index: u32) -> Sample {
        Sample::Store(StoreSample { index, file: "CT.dcm".to_owned(), ..StoreSample::default() })
    }

    fn frame_of(samples: &[Sample]) -> Vec<u8> {
        let lines: Vec<String> =
            samples.iter().map(|sample| serde_json::to_string(sample).expect("JSON") + "\n").collect();
        compress_to_vec(lines.concat().as_bytes(), CompressionLevel::Fastest)
    }

    #[test]
    fn a_line_says_of_which_kind_it_is() {
        let line = serde_json::to_string(&store(3)).expect("JSON");
        assert!(line.starts_with(r#"{"kind":"store","ordinal":0,"#), "{line}");
        let line = serde_json::to_string(&Sample::Resources(Box::default())).expect("JSON");
        assert!(line.starts_with(r#"{"kind":"resources","atMs":0,"cpu":{"userMs":0,"#), "{line}");
    }

    #[test]
    fn frames_one_after_another_are_read_in_their_order() {
        let mut resources = ResourceSample { at_ms: 7, ..ResourceSample::default() };
        resources.ena_allowance_exceeded = Some([("bw_in_allowance_exceeded".to_owned(), 3)].into());
        let resources = Sample::Resources(Box::new(resources));
        let bytes = [frame_of(&[store(0), resources.clone()]), frame_of(&[store(1)])].concat();
        assert_eq!(read(&bytes).expect("read"), [store(0), resources, store(1)]);
        assert_eq!(read(&[]).expect("read"), []);
    }

    #[test]
    fn whatever_is_cut_off_the_end_costs_the_last_frame_and_no_other() {
        let (first, second) = (frame_of(&[store(0), store(1)]), frame_of(&[store(2)]));
        let bytes = [first.clone(), second.clone()].concat();
        for length in first.len()..bytes.len() {
            assert_eq!(read(&bytes[..length]).expect("read"), [store(0), store(1)], "{length}");
        }
    }

    #[test]
    fn a_frame_that_was_cut_off_does_not_spoil_those_behind_it() {
        let (first, second) = (frame_of(&[store(0)]), frame_of(&[store(1), store(2)]));
        for length in 1..first.len() {
            let bytes = [&first[..length], &second].concat();
            assert_eq!(read(&bytes).expect("read"), [store(1), store(2)], "{length}");
        }
    }

    #[test]
    fn what_is_no_samples_file_is_refused() {
        assert!(matches!(read(b"{\"kind\":\"store\"}"), Err(UnreadableSamples::NoFrame { bytes: 16 })));
        let other = compress_to_vec(b"{\"kind\":\"thing\"}\n".as_slice(), CompressionLevel::Fastest);
        let error = read(&other).expect_err("no sample").to_string();
        assert!(error.contains("thing"), "{error}");
    }
}
