//! The receive buffer. A read takes all available bytes, and they are processed in place.

use std::io::{self, Read};

use crate::upper_layer::pdu::MAX_BYTES;

/// A buffer of this size stays in the second-level cache. A larger one would go through memory.
const BUFFER_BYTES: usize = 256 * 1024;

/// Bytes that were received but not yet used.
pub(super) struct Received {
    buffer: Box<[u8]>,
    begin: usize,
    end: usize,
}

impl Received {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; BUFFER_BYTES].into_boxed_slice(), begin: 0, end: 0 }
    }

    /// Returns the next `N` bytes, a header. `None` if the peer closed the connection before the first one.
    pub(super) fn next<const N: usize>(&mut self, stream: &mut impl Read) -> io::Result<Option<[u8; N]>> {
        while self.end - self.begin < N {
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
            let count = read(stream, &mut self.buffer[self.end..])?;
            if count == 0 {
                return if self.end == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            self.end += count;
        }
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.buffer[self.begin..self.begin + N]);
        self.begin += N;
        Ok(Some(bytes))
    }

    /// Passes the next `count` bytes to `see`, piece by piece.
    pub(super) fn pass(&mut self, stream: &mut impl Read, count: u32, mut see: impl FnMut(&[u8])) -> io::Result<()> {
        let mut left = usize::try_from(count).unwrap_or(usize::MAX);
        loop {
            let here = left.min(self.end - self.begin);
            see(&self.buffer[self.begin..self.begin + here]);
            self.begin += here;
            left -= here;
            if left == 0 {
                return Ok(());
            }
            (self.begin, self.end) = (0, read(stream, &mut self.buffer)?);
            if self.end == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Appends the next bytes to `kept`, up to [`MAX_BYTES`]. Memory grows with the received bytes, not with the
    /// announced length.
    pub(super) fn append_to(&mut self, stream: &mut impl Read, count: u32, kept: &mut Vec<u8>) -> io::Result<()> {
        if u64::from(count) + kept.len() as u64 > u64::from(MAX_BYTES) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{count} bytes are too many")));
        }
        self.pass(stream, count, |piece| kept.extend_from_slice(piece))
    }
}

fn read(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
