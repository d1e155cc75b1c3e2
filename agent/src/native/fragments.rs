//! A dataset divided into fragments, one per P-DATA-TF (PS3.8 9.3.5), for a buffer of any size.

use std::io::IoSliceMut;
use std::mem;

use crate::upper_layer::pdu::{LAST_FLAG, P_DATA_HEADER_BYTES, p_data_header};

/// The part of a dataset that is not yet in a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fragments {
    /// Presentation context.
    context: u8,
    /// The most bytes of a fragment.
    longest: u32,
    /// Remaining bytes of the current fragment, whose header is already written.
    fragment_left: u32,
    /// Remaining bytes of the dataset, including those of the fragment.
    dataset_left: u64,
}

impl Fragments {
    /// The fragments of a dataset of `length` bytes. The caller writes the header of the first one.
    pub(super) fn after_header(context: u8, longest: u32, length: u64) -> Self {
        let fragment_left = at_most(length, longest);
        Self { context, longest, fragment_left, dataset_left: length }
    }

    /// Remaining bytes of the current fragment.
    pub(super) const fn fragment_left(&self) -> u32 {
        self.fragment_left
    }

    /// Remaining bytes of the dataset.
    pub(super) const fn dataset_left(&self) -> u64 {
        self.dataset_left
    }

    /// Writes headers into the buffer, and adds the gaps between them to `gaps`. The caller fills the gaps with the
    /// dataset. Returns the number of used bytes in the buffer.
    pub(super) fn place<'buffer>(&mut self, buffer: &'buffer mut [u8], gaps: &mut Vec<IoSliceMut<'buffer>>) -> usize {
        let mut free = buffer;
        let mut used = 0;
        while self.dataset_left > 0 {
            if self.fragment_left == 0 {
                if free.len() <= P_DATA_HEADER_BYTES {
                    break;
                }
                let (header, rest) = mem::take(&mut free).split_at_mut(P_DATA_HEADER_BYTES);
                self.fragment_left = at_most(self.dataset_left, self.longest);
                let control = if u64::from(self.fragment_left) == self.dataset_left { LAST_FLAG } else { 0 };
                header.copy_from_slice(&p_data_header(self.context, control, self.fragment_left));
                free = rest;
                used += P_DATA_HEADER_BYTES;
            }
            if free.is_empty() {
                break;
            }
            let length = at_most(free.len() as u64, self.fragment_left);
            let (gap, rest) = mem::take(&mut free).split_at_mut(length as usize);
            gaps.push(IoSliceMut::new(gap));
            free = rest;
            used += length as usize;
            self.fragment_left -= length;
            self.dataset_left -= u64::from(length);
        }
        used
    }
}

fn at_most(length: u64, limit: u32) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upper_layer::pdu::max_fragment;

    /// Everything that is sent for a dataset: the first header, then buffer after buffer.
    fn sent_bytes(dataset: &[u8], max_pdu: u32, buffer: usize) -> Vec<u8> {
        let longest = max_fragment(max_pdu);
        let mut fragments = Fragments::after_header(5, longest, dataset.len() as u64);
        let first = fragments.fragment_left();
        let control = if first as usize == dataset.len() { LAST_FLAG } else { 0 };
        let mut bytes = p_data_header(5, control, first).to_vec();
        let mut left = dataset;
        while fragments.dataset_left() > 0 {
            let mut buffer = vec![0xEE; buffer];
            let mut gaps = Vec::new();
            let used = fragments.place(&mut buffer, &mut gaps);
            assert!(used > 0);
            for gap in &mut gaps {
                let (here, rest) = left.split_at(gap.len());
                gap.copy_from_slice(here);
                left = rest;
            }
            bytes.extend_from_slice(&buffer[..used]);
        }
        assert!(left.is_empty());
        bytes
    }

    /// The fragments that a peer receives, one per PDU, and the flag that marks the last one.
    fn received_fragments(mut bytes: &[u8]) -> Vec<(Vec<u8>, bool)> {
        let mut fragments = Vec::new();
        while let Some((header, rest)) = bytes.split_first_chunk::<P_DATA_HEADER_BYTES>() {
            let pdu = u32::from_be_bytes([header[2], header[3], header[4], header[5]]) as usize;
            let value = u32::from_be_bytes([header[6], header[7], header[8], header[9]]) as usize;
            assert_eq!((header[0], header[1], header[10]), (4, 0, 5));
            assert_eq!(pdu, value + 4);
            let (fragment, rest) = rest.split_at(value - 2);
            fragments.push((fragment.to_vec(), header[11] == LAST_FLAG));
            bytes = rest;
        }
        assert!(bytes.is_empty());
        fragments
    }

    fn dataset(length: usize) -> Vec<u8> {
        (0..length).map(|index| u8::try_from(index * 7 % 251).unwrap_or_default()).collect()
    }

    #[test]
    fn every_byte_arrives_in_its_place_and_only_the_last_fragment_is_the_last() {
        for max_pdu in [4096, 4097, 16_384, 131_072, 0] {
            let longest = max_fragment(max_pdu) as usize;
            let boundary = longest.min(200_000);
            for length in [1, 2, 4090, 4091, boundary - 1, boundary, boundary + 1, 2 * boundary, 3 * boundary + 7] {
                for buffer in [4096, 65_536 + 3, 1 << 20] {
                    let dataset = dataset(length);
                    let fragments = received_fragments(&sent_bytes(&dataset, max_pdu, buffer));
                    let whole: Vec<u8> = fragments.iter().flat_map(|fragment| fragment.0.clone()).collect();
                    assert!(whole == dataset, "{max_pdu} {length} {buffer}");
                    let (last, before) = fragments.split_last().expect("a fragment");
                    assert!(last.1 && before.iter().all(|fragment| !fragment.1 && fragment.0.len() == longest));
                    assert!(last.0.len() <= longest && !last.0.is_empty());
                }
            }
        }
    }

    #[test]
    fn a_dataset_that_fills_its_last_pdu_has_no_empty_one_behind_it() {
        let longest = max_fragment(4096) as usize;
        assert_eq!(received_fragments(&sent_bytes(&dataset(2 * longest), 4096, 1 << 20)).len(), 2);
        assert_eq!(received_fragments(&sent_bytes(&dataset(2 * longest + 1), 4096, 1 << 20)).len(), 3);
    }

    #[test]
    fn without_a_limit_there_is_one_pdu_however_small_the_buffer() {
        assert_eq!(received_fragments(&sent_bytes(&dataset(1_000_001), 0, 4096)).len(), 1);
    }
}
