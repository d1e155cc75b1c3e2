//! A deflated data set (PS3.5 A.5) in which chosen bytes can be replaced in place.

use std::io::{self, Write};

use flate2::{Compress, Compression, FlushCompress, Status};

/// Bytes of compressed output that are written at once.
const OUTPUT_BYTES: usize = 64 * 1024;

/// A raw deflate stream (RFC 1951). Chosen parts are in blocks of their own that are stored, not compressed (3.2.4). No
/// block refers to bytes of another part, so these bytes can change.
pub(super) struct Deflater<W> {
    to: W,
    compress: Compress,
    output: Vec<u8>,
    /// Places of the stored parts in the data set, in their order.
    stored: std::vec::IntoIter<(u64, u16)>,
    next: Option<(u64, u16)>,
    /// The part of a stored block that has arrived.
    block: Vec<u8>,
    /// Bytes of the data set that were taken.
    taken: u64,
    /// Bytes of the stream.
    written: u64,
    /// Places of the stored parts in the stream.
    places: Vec<u64>,
}

impl<W: Write> Deflater<W> {
    /// A stream in which the parts with these positions and lengths are stored. They do not overlap.
    pub fn new(to: W, stored: Vec<(u64, u16)>) -> Self {
        let mut stored = stored.into_iter();
        Self {
            to,
            compress: Compress::new(Compression::default(), false),
            output: Vec::with_capacity(OUTPUT_BYTES),
            next: stored.next(),
            stored,
            block: Vec::new(),
            taken: 0,
            written: 0,
            places: Vec::new(),
        }
    }

    /// Ends the stream with an even length. Returns its length, and the places of the stored parts in it.
    pub fn finish(mut self) -> io::Result<(u64, Vec<u64>)> {
        if self.next.is_some() {
            return Err(io::Error::other("the data set is too short"));
        }
        self.compress(&[], FlushCompress::Finish)?;
        if self.written % 2 == 1 {
            self.emit(&[0])?;
        }
        self.to.flush()?;
        Ok((self.written, self.places))
    }

    fn emit(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.to.write_all(bytes)
    }

    fn compress(&mut self, mut bytes: &[u8], flush: FlushCompress) -> io::Result<()> {
        loop {
            self.output.clear();
            let before = self.compress.total_in();
            let status = self.compress.compress_vec(bytes, &mut self.output, flush).map_err(io::Error::other)?;
            let consumed = usize::try_from(self.compress.total_in() - before).unwrap_or(usize::MAX);
            bytes = bytes.get(consumed..).unwrap_or_default();
            let is_full = self.output.len() == self.output.capacity();
            self.written += self.output.len() as u64;
            self.to.write_all(&self.output)?;
            if status == Status::StreamEnd || (bytes.is_empty() && !is_full) {
                return Ok(());
            }
        }
    }

    /// Writes a stored block. A full flush ends the block before it at a byte, and a new compressor begins after it.
    fn store(&mut self) -> io::Result<()> {
        self.compress(&[], FlushCompress::Full)?;
        self.compress.reset();
        let block = std::mem::take(&mut self.block);
        let length = u16::try_from(block.len()).map_err(io::Error::other)?;
        self.emit(&[0])?;
        self.emit(&length.to_le_bytes())?;
        self.emit(&(!length).to_le_bytes())?;
        self.places.push(self.written);
        self.emit(&block)?;
        self.next = self.stored.next();
        Ok(())
    }
}

impl<W: Write> Write for Deflater<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let limit = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
        let count = match self.next {
            Some((at, length)) if self.taken >= at => {
                let count = limit(at + u64::from(length) - self.taken);
                self.block.extend_from_slice(&bytes[..count]);
                if self.block.len() == usize::from(length) {
                    self.store()?;
                }
                count
            }
            next => {
                let count = next.map_or(bytes.len(), |(at, _)| limit(at - self.taken));
                self.compress(&bytes[..count], FlushCompress::None)?;
                count
            }
        };
        self.taken += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::DeflateDecoder;

    use super::*;

    fn inflate(stream: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        DeflateDecoder::new(stream).read_to_end(&mut data).expect("a deflate stream");
        data
    }

    #[test]
    fn stored_parts_are_replaced_in_place_and_nothing_else_changes() {
        let mut data: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
        // The same bytes stand in many places, so that a compressor would refer to them.
        let parts: Vec<(u64, u16)> = [(0, 44), (44, 44), (500, 44), (70_000, 1000), (199_956, 44)].to_vec();
        for &(at, length) in &parts {
            let (at, length) = (usize::try_from(at).expect("small"), usize::from(length));
            data[at..at + length].fill(b'7');
        }
        data[1000..1044].fill(b'7');
        let mut stream = Vec::new();
        let mut deflater = Deflater::new(&mut stream, parts.clone());
        for piece in data.chunks(777) {
            deflater.write_all(piece).expect("written");
        }
        let (length, places) = deflater.finish().expect("finished");
        assert_eq!((length, length % 2), (stream.len() as u64, 0));
        assert!(stream.len() < data.len() / 2, "{} bytes are compressed", stream.len());
        assert_eq!(inflate(&stream), data);
        for (&place, &(at, length)) in places.iter().zip(&parts) {
            let (place, at) = (usize::try_from(place).expect("small"), usize::try_from(at).expect("small"));
            stream[place..place + usize::from(length)].fill(b'8');
            data[at..at + usize::from(length)].fill(b'8');
        }
        assert_eq!(inflate(&stream), data);
    }

    #[test]
    fn a_stream_without_stored_parts_is_an_ordinary_one() {
        for length in [0, 1, 100_000] {
            let data = vec![b'x'; length];
            let mut stream = Vec::new();
            let mut deflater = Deflater::new(&mut stream, Vec::new());
            deflater.write_all(&data).expect("written");
            deflater.finish().expect("finished");
            assert_eq!(inflate(&stream), data);
        }
    }
}
