//! Changes to a file that is copied as a stream, so that files of any size need little memory.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use super::walk::LengthField;

/// More changes than this are not kept in memory: the object is refused.
const MAX_CHANGES: usize = 1_000_000;

/// The changes to a file, by their positions in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Edits {
    /// In the order of their positions.
    splices: Vec<Splice>,
    /// The lengths of sequences, items and values that count changed bytes, by the positions of their fields.
    lengths: BTreeMap<u64, Growth>,
}

/// Bytes that take the place of others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Splice {
    at: u64,
    removed: u64,
    inserted: Box<[u8]>,
}

/// The growth of a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Growth {
    field: LengthField,
    length: u32,
    by: i64,
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.splices.is_empty() && self.lengths.is_empty()
    }

    /// Replaces bytes by others. The calls come in the order of the positions.
    pub fn splice(&mut self, at: u64, removed: u64, inserted: &[u8]) -> Result<(), String> {
        if self.splices.len() + self.lengths.len() >= MAX_CHANGES {
            return Err(format!("it needs more than {MAX_CHANGES} changes"));
        }
        self.splices.push(Splice { at, removed, inserted: inserted.into() });
        Ok(())
    }

    /// Adds changes at later positions.
    pub fn append(&mut self, later: Self) {
        self.splices.extend(later.splices);
        self.lengths.extend(later.lengths);
    }

    /// Adds to lengths that count changed bytes.
    pub fn lengthen(&mut self, fields: impl Iterator<Item = (LengthField, u32)>, by: i64) -> Result<(), String> {
        if by == 0 {
            return Ok(());
        }
        for (field, length) in fields {
            let growth = self.lengths.entry(field.at).or_insert(Growth { field, length, by: 0 });
            growth.by += by;
            let max = if field.bytes == 2 { i64::from(u16::MAX) - 1 } else { i64::from(u32::MAX) - 1 };
            if i64::from(length) + growth.by > max {
                return Err(format!("an element of {length} bytes cannot become {by} bytes longer"));
            }
        }
        Ok(())
    }

    /// Copies a file from the position `start` on and makes the changes. Returns the number of written bytes.
    pub fn apply(&self, mut from: impl Read, mut to: impl Write, start: u64) -> io::Result<u64> {
        let (mut position, mut written) = (start, 0);
        let mut splices = self.splices.iter().peekable();
        let mut lengths = self.lengths.values().peekable();
        loop {
            let next_splice = splices.peek().map_or(u64::MAX, |splice| splice.at);
            let next_length = lengths.peek().map_or(u64::MAX, |growth| growth.field.at);
            let next = next_splice.min(next_length);
            if next == u64::MAX {
                break;
            }
            written += copy(&mut from, &mut to, next.saturating_sub(position))?;
            position = position.max(next);
            if next_length < next_splice {
                let Some(growth) = lengths.next() else { break };
                let bytes = growth.field.bytes;
                copy(&mut from, &mut io::sink(), bytes.into())?;
                to.write_all(&growth.encode()[..bytes.into()])?;
                position += u64::from(bytes);
                written += u64::from(bytes);
            } else {
                let Some(splice) = splices.next() else { break };
                to.write_all(&splice.inserted)?;
                position += copy(&mut from, &mut io::sink(), splice.removed)?;
                written += splice.inserted.len() as u64;
            }
        }
        Ok(written + io::copy(&mut from, &mut to)?)
    }
}

impl Growth {
    /// The new length in its encoding, at the beginning of the bytes.
    fn encode(&self) -> [u8; 4] {
        // `lengthen` has checked the range.
        let length = u32::try_from(i64::from(self.length) + self.by).unwrap_or_default();
        match (self.field.bytes, self.field.is_big_endian) {
            (2, false) => length.to_le_bytes(),
            (2, true) => [length.to_be_bytes()[2], length.to_be_bytes()[3], 0, 0],
            (_, false) => length.to_le_bytes(),
            (_, true) => length.to_be_bytes(),
        }
    }
}

fn copy(from: &mut impl Read, to: &mut impl Write, bytes: u64) -> io::Result<u64> {
    let copied = io::copy(&mut from.take(bytes), to)?;
    if copied == bytes { Ok(copied) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
