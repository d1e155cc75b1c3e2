//! A file that is being sent. It is read into the gaps between the headers of its PDUs, one buffer at a time.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::path::Path;

use rustix::io::Errno;

use super::fragments::Fragments;
use crate::upper_layer::command;
use crate::upper_layer::pdu::{COMMAND_FLAG, LAST_FLAG, P_DATA_HEADER_BYTES, p_data_header};

/// Bytes that are read and sent at once: a whole CT, and little beside what the kernel buffers of a large object.
const BUFFER_BYTES: usize = 1 << 20;
/// Room before the file for the PDU of the command set and for the header of the first fragment.
const FRONT_BYTES: usize = command::MAX_BYTES + 2 * P_DATA_HEADER_BYTES;
/// The most gaps that preadv(2) fills at once (UIO_MAXIOV).
const MAX_GAPS: usize = 1024;

/// The bytes of one send.
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    begin: usize,
    end: usize,
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; FRONT_BYTES + BUFFER_BYTES].into_boxed_slice(), begin: 0, end: 0 }
    }

    /// The bytes to send.
    pub(super) fn bytes_to_send(&self) -> &[u8] {
        &self.bytes[self.begin..self.end]
    }
}

/// A file that is partly in a buffer and partly still to be read.
pub(super) struct Object {
    file: File,
    offset: u64,
    fragments: Fragments,
}

impl Object {
    /// Opens a file and fills the buffer with the command set and as much of the dataset as fits. The file's preamble and
    /// its file meta group are not sent: the dataset begins at `data_set_at`.
    ///
    /// # Errors
    /// A file that cannot be read or has no dataset, UIDs that are too long.
    pub(super) fn open(
        path: &Path,
        data_set_at: u64,
        command: &[u8],
        context: u8,
        longest: u32,
        buffer: &mut Buffer,
    ) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len().saturating_sub(data_set_at);
        if length == 0 {
            return Err(invalid_data("it ends with its file meta group"));
        }
        let fragments = Fragments::after_header(context, longest, length);
        let first = fragments.fragment_left();
        let mut object = Self { file, offset: data_set_at, fragments };
        object.read(buffer, FRONT_BYTES)?;
        let control = if u64::from(first) == length { LAST_FLAG } else { 0 };
        let header = p_data_header(context, control, first);
        buffer.begin = write_front(&mut buffer.bytes[..FRONT_BYTES], command, header, context)?;
        Ok(object)
    }

    /// Fills the buffer with the next part of the file.
    ///
    /// # Errors
    /// A file that cannot be read, or has become shorter.
    pub(super) fn fill(&mut self, buffer: &mut Buffer) -> io::Result<()> {
        self.read(buffer, 0)
    }

    /// True if the whole file has been read into a buffer.
    pub(super) const fn is_over(&self) -> bool {
        self.fragments.dataset_left() == 0
    }

    fn read(&mut self, buffer: &mut Buffer, begin: usize) -> io::Result<()> {
        let mut gaps = Vec::new();
        let used = self.fragments.place(&mut buffer.bytes[begin..], &mut gaps);
        let mut gaps = &mut gaps[..];
        while !gaps.is_empty() {
            let at_once = gaps.len().min(MAX_GAPS);
            match rustix::io::preadv(&self.file, &mut gaps[..at_once], self.offset) {
                Ok(0) => return Err(invalid_data("it has become shorter")),
                Ok(count) => {
                    self.offset += count as u64;
                    IoSliceMut::advance_slices(&mut gaps, count);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        (buffer.begin, buffer.end) = (begin, begin + used);
        Ok(())
    }
}

/// Writes the command set's PDU and the header of the first fragment so that they end where the dataset begins. Returns
/// the offset at which they begin.
fn write_front(front: &mut [u8], command: &[u8], header: [u8; P_DATA_HEADER_BYTES], context: u8) -> io::Result<usize> {
    let length = u32::try_from(command.len()).unwrap_or(u32::MAX);
    let parts: [&[u8]; 3] = [&p_data_header(context, COMMAND_FLAG | LAST_FLAG, length), command, &header];
    let mut begin = front.len();
    for part in parts.into_iter().rev() {
        let end = begin;
        begin = end.checked_sub(part.len()).ok_or_else(|| invalid_data("its UIDs are too long"))?;
        front[begin..end].copy_from_slice(part);
    }
    Ok(begin)
}

fn invalid_data(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use dicom_dictionary_std::uids;

    use super::*;
    use crate::upper_layer::command::Command;
    use crate::upper_layer::pdu::max_fragment;

    /// Writes a file with `meta` bytes before this dataset.
    fn file(directory: &Path, meta: usize, dataset: &[u8]) -> std::path::PathBuf {
        let path = directory.join("file");
        std::fs::write(&path, [&vec![0xAA; meta], dataset].concat()).expect("written");
        path
    }

    /// The command set and the dataset of a file, put together again from everything that is sent.
    fn sent_parts(path: &Path, data_set_at: u64, max_pdu: u32) -> (Vec<u8>, Vec<u8>) {
        let command = Command::store_request(1, uids::CT_IMAGE_STORAGE, "2.25.1").encode();
        let mut buffer = Buffer::new();
        let mut object =
            Object::open(path, data_set_at, &command, 1, max_fragment(max_pdu), &mut buffer).expect("opened");
        let mut bytes = buffer.bytes_to_send().to_vec();
        while !object.is_over() {
            object.fill(&mut buffer).expect("read");
            bytes.extend_from_slice(buffer.bytes_to_send());
        }
        let (mut commands, mut dataset) = (Vec::new(), Vec::new());
        let mut rest = &bytes[..];
        let mut last = 0;
        while let Some((header, after)) = rest.split_first_chunk::<P_DATA_HEADER_BYTES>() {
            let pdu = u32::from_be_bytes([header[2], header[3], header[4], header[5]]);
            assert!(max_pdu == 0 || pdu <= max_pdu);
            let (fragment, after) = after.split_at(pdu as usize - 6);
            assert!(last != LAST_FLAG, "nothing follows the last");
            last = header[11];
            if last & COMMAND_FLAG != 0 { &mut commands } else { &mut dataset }.extend_from_slice(fragment);
            rest = after;
        }
        assert!(rest.is_empty() && last == LAST_FLAG);
        assert_eq!(commands, command);
        (commands, dataset)
    }

    #[test]
    fn a_file_is_sent_without_its_file_meta_group_whatever_the_sizes() {
        let directory = tempfile::tempdir().expect("a directory");
        for max_pdu in [1024, 4096, 131_072, 0] {
            for meta in [0, 180, 6000] {
                for length in [1, 100, 4090, 4091, 1_048_576 - 324, 1_048_576 + 1] {
                    let dataset: Vec<u8> = (0..length).map(|index| u8::try_from(index % 253).unwrap_or(0)).collect();
                    let path = file(directory.path(), meta, &dataset);
                    assert!(
                        sent_parts(&path, meta as u64, max_pdu).1 == dataset,
                        "PDU {max_pdu}, meta {meta}, {length} bytes"
                    );
                }
            }
        }
    }

    #[test]
    fn a_file_without_a_dataset_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = file(directory.path(), 30, &[]);
        for data_set_at in [30, 31] {
            let error = Object::open(&path, data_set_at, &[], 1, 4090, &mut Buffer::new()).err().expect("refused");
            assert_eq!(error.to_string(), "it ends with its file meta group");
        }
    }
}
