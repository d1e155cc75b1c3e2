//! A samples file, read again. Pure Rust, since a Lambda reads it and its size is its start time.

use std::io::{self, Read as _};

use ruzstd::decoding::StreamingDecoder;

use super::{Sample, StoreSample};

/// What a zstd frame begins with (RFC 8878, 3.1.1), as it lies in the file.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why a samples file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableSamples {
    /// There are bytes, and no frame among them that is whole.
    #[error("no complete zstd frame in {bytes} bytes")]
    NoFrame {
        /// The file's size.
        bytes: usize,
    },
    /// A frame arrived as it was written, and holds something else.
    #[error("line {line:?} is no sample: {source}")]
    NoSample {
        /// The line's beginning.
        line: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Every sample of a file, in its order.
///
/// A frame that is not whole is left out, and what follows it is kept: the last one of a file that was copied while it
/// grew, or one whose writer was killed in the middle of it.
///
/// # Errors
/// See [`UnreadableSamples`]. An empty file has no samples, and is no error.
pub fn read(bytes: &[u8]) -> Result<Vec<Sample>, UnreadableSamples> {
    let mut samples = Vec::new();
    each(bytes, |sample| samples.push(sample))?;
    Ok(samples)
}

/// Like [`read`], one sample after another: at no time more than one frame is in memory.
///
/// # Errors
/// See [`UnreadableSamples`].
pub fn each(bytes: &[u8], mut take: impl FnMut(Sample)) -> Result<(), UnreadableSamples> {
    let mut rest = bytes;
    let mut whole = bytes.is_empty();
    while !rest.is_empty() {
        let Ok((lines, after)) = frame(rest) else {
            rest = next_frame(rest);
            continue;
        };
        for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            take(sample(line).map_err(|source| UnreadableSamples::NoSample {
                line: String::from_utf8_lossy(line).chars().take(80).collect(),
                source,
            })?);
        }
        whole = true;
        rest = after;
    }
    if whole { Ok(()) } else { Err(UnreadableSamples::NoFrame { bytes: bytes.len() }) }
}

/// How the line of a C-STORE begins, as the agent writes it.
const STORE: &[u8] = br#"{"kind":"store","#;

fn sample(line: &[u8]) -> serde_json::Result<Sample> {
    // There may be a million of them, and a tag that could stand anywhere makes serde keep all fields until it is found.
    if line.starts_with(STORE) {
        return serde_json::from_slice::<StoreSample>(line).map(Sample::Store);
    }
    serde_json::from_slice(line)
}

/// The content of the first frame, and what follows it.
fn frame(bytes: &[u8]) -> io::Result<(Vec<u8>, &[u8])> {
    let mut decoder = StreamingDecoder::new(bytes).map_err(io::Error::other)?;
    let mut content = Vec::new();
    decoder.read_to_end(&mut content)?;
    let (rest, decoder) = decoder.into_parts();
    // Half a frame may go on with the beginning of the next and still decode, to something else.
    if decoder.get_checksum_from_data().is_some_and(|written| decoder.get_calculated_checksum() != Some(written)) {
        return Err(io::Error::other("checksum"));
    }
    Ok((content, rest))
}

/// From the next frame on after a broken one.
fn next_frame(bytes: &[u8]) -> &[u8] {
    let next = bytes.windows(MAGIC.len()).skip(1).position(|window| window == MAGIC);
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
