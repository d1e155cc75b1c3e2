//! Changed inputs for a parser: a test passes if no input makes it panic or use more memory than the test allows.
//!
//! proptest makes the changes and shrinks an input that fails. The seeds are real inputs, so that most changed inputs get
//! past the first checks.

use std::fs;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};

/// Variable with the seconds that each fuzz test runs.
pub const SECONDS: &str = "DICOMPERF_FUZZ_SECONDS";
/// Seconds without the variable.
const DEFAULT_SECONDS: u64 = 2;
/// Inputs between two looks at the clock.
const BATCH: u32 = 64;
/// Changes to one input at most.
const MAX_CHANGES: usize = 6;
/// Bytes that matter in DICOM and JSON: limits of lengths, tags of items, brackets, quotes.
const NOTABLE_BYTES: &[&[u8]] = &[
    &[0],
    &[0xFF],
    &[0xFF, 0xFF, 0xFF, 0xFF],
    &[0xFE, 0xFF, 0x00, 0xE0],
    &[0xFE, 0xFF, 0x0D, 0xE0],
    &[0xFE, 0xFF, 0xDD, 0xE0],
    b"SQ\0\0\xFF\xFF\xFF\xFF",
    b"UN\0\0\xFF\xFF\xFF\xFF",
    b"[",
    b"}",
    b"\"",
    b"-1",
    b"1e999",
    b"\n",
];

/// A change to an input. Positions are taken modulo its length.
#[derive(Debug, Clone)]
enum Change {
    Replace(usize, usize),
    Insert(usize, usize),
    Flip(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize, usize),
    Truncate(usize),
}

/// The figures of a fuzz test.
#[derive(Debug)]
pub struct Fuzzed {
    /// Number of inputs.
    pub inputs: u64,
    /// The longest time for one input.
    pub slowest: Duration,
    /// Peak of the process's resident memory in bytes (VmHWM, proc_pid_status(5)).
    pub peak_bytes: u64,
}

/// Feeds changed seeds to `parse` for the seconds in [`SECONDS`]. Prints its figures.
///
/// # Panics
/// `parse` panics, or there are no seeds. The message has the shortest input that fails.
pub fn fuzz(seeds: &[Vec<u8>], parse: impl Fn(&[u8])) -> Fuzzed {
    assert!(!seeds.is_empty(), "there are no seeds");
    let seconds = std::env::var(SECONDS).ok().and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_SECONDS);
    let until = Instant::now() + Duration::from_secs(seconds);
    let config =
        Config { cases: BATCH, failure_persistence: Some(Box::new(FileFailurePersistence::Off)), ..Config::default() };
    let input = (0..seeds.len(), prop::collection::vec(change(), 0..=MAX_CHANGES));
    let (mut inputs, slowest) = (0, std::cell::Cell::new(Duration::ZERO));
    while Instant::now() < until {
        // A runner counts its inputs over all of its runs.
        let result = TestRunner::new(config.clone()).run(&input, |(seed, changes)| {
            let input = apply(&seeds[seed], &changes);
            let started = Instant::now();
            parse(&input);
            slowest.set(slowest.get().max(started.elapsed()));
            Ok(())
        });
        if let Err(failed) = result {
            panic!("{failed}");
        }
        inputs += u64::from(BATCH);
    }
    let fuzzed = Fuzzed { inputs, slowest: slowest.get(), peak_bytes: peak_bytes() };
    println!("{fuzzed:?}");
    fuzzed
}

/// Returns the peak of this process's resident memory.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024
}

fn change() -> impl Strategy<Value = Change> {
    let position = any::<usize>();
    prop_oneof![
        (position, 0..NOTABLE_BYTES.len()).prop_map(|(at, bytes)| Change::Replace(at, bytes)),
        (position, 0..NOTABLE_BYTES.len()).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (position, any::<u8>()).prop_map(|(at, bits)| Change::Flip(at, bits)),
        (position, 1_usize..200).prop_map(|(at, length)| Change::Remove(at, length)),
        (position, 1_usize..64, 1_usize..300).prop_map(|(at, length, times)| Change::Repeat(at, length, times)),
        position.prop_map(Change::Truncate),
    ]
}

fn apply(seed: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for change in changes {
        let at = |position: usize| position % (bytes.len() + 1);
        match *change {
            Change::Replace(position, notable) => {
                let (at, notable) = (at(position), NOTABLE_BYTES[notable]);
                let end = (at + notable.len()).min(bytes.len());
                bytes.splice(at..end, notable.iter().copied());
            }
            Change::Insert(position, notable) => {
                let at = at(position);
                bytes.splice(at..at, NOTABLE_BYTES[notable].iter().copied());
            }
            Change::Flip(position, bits) => {
                let at = at(position);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bits;
                }
            }
            Change::Remove(position, length) => {
                let at = at(position);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Change::Repeat(position, length, times) => {
                let at = at(position);
                let piece = bytes[at..(at + length).min(bytes.len())].repeat(times);
                bytes.splice(at..at, piece);
            }
            Change::Truncate(position) => bytes.truncate(at(position)),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parser_that_panics_is_found() {
        let failed = std::panic::catch_unwind(|| fuzz(&[b"abcd".to_vec()], |input| assert!(input.len() != 3)));
        assert!(failed.is_err());
    }

    #[test]
    fn changes_change_the_seed() {
        let changed = apply(b"abcd", &[Change::Insert(1, 0), Change::Remove(3, 9), Change::Repeat(0, 1, 2)]);
        assert_eq!(changed, b"aaa\0b");
    }
}
