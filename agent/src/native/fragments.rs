//! A dataset divided into fragments, one to a P-DATA-TF (PS3.8 9.3.5), within a buffer of any size.

use std::io::IoSliceMut;
use std::mem;

use crate::upper_layer::pdu::{LAST, P_DATA_HEADER_BYTES, p_data_header};

/// The rest of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fragments {
    /// Presentation context.
    context: u8,
    /// Bytes of a fragment at most.
    longest: u32,
    /// Bytes of the present fragment, whose header is written already.
    of_fragment: u32,
    /// Bytes of the dataset, those of the fragment included.
    of_dataset: u64,
}

impl Fragments {
    /// Of a dataset of `length` bytes whose first fragment has its header elsewhere.
    pub(super) fn after_header(context: u8, longest: u32, length: u64) -> Self {
        let of_fragment = at_most(length, longest);
        Self { context, longest, of_fragment, of_dataset: length }
    }

    /// Bytes of the present fragment that are still to come.
    pub(super) const fn of_fragment(&self) -> u32 {
        self.of_fragment
    }

    /// Bytes of the dataset that are still to come.
    pub(super) const fn of_dataset(&self) -> u64 {
        self.of_dataset
    }

    /// Writes headers into the buffer, and adds the gaps between them to `gaps`, to be filled with the dataset. Returns
    /// how many bytes of the buffer are used.
    pub(super) fn place<'buffer>(&mut self, buffer: &'buffer mut [u8], gaps: &mut Vec<IoSliceMut<'buffer>>) -> usize {
        let mut free = buffer;
        let mut used = 0;
        while self.of_dataset > 0 {
            if self.of_fragment == 0 {
                if free.len() <= P_DATA_HEADER_BYTES {
                    break;
                }
                let (header, rest) = mem::take(&mut free).split_at_mut(P_DATA_HEADER_BYTES);
                self.of_fragment = at_most(self.of_dataset, self.longest);
                let control = if u64::from(self.of_fragment) == self.of_dataset { LAST } else { 0 };
                header.copy_from_slice(&p_data_header(self.context, control, self.of_fragment));
                free = rest;
                used += P_DATA_HEADER_BYTES;
            }
            if free.is_empty() {
                break;
            }
            let length = at_most(free.len() as u64, self.of_fragment);
            let (gap, rest) = mem::take(&mut free).split_at_mut(length as usize);
            gaps.push(IoSliceMut::new(gap));
            free = rest;
            used += length as usize;
            self.of_fragment -= length;
            self.of_dataset -= u64::from(length);
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

    /// Everything that is sent of a dataset: buffer after buffer, with the first header in front.
    fn sent(dataset: &[u8], max_pdu: u32, buffer: usize) -> Vec<u8> {
        let longest = max_fragment(max_pdu);
        let mut fragments = Fragments::after_header(5, longest, dataset.len() as u64);
        let first = fragments.of_fragment();
        let control = if first as usize == dataset.len() { LAST } else { 0 };
        let mut bytes = p_data_header(5, control, first).to_vec();
        let mut left = dataset;
        while fragments.of_dataset() > 0 {
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

    /// The fragments that a peer sees, by PDU, and whether each is said to be the last.
    fn seen(mut bytes: &[u8]) -> Vec<(Vec<u8>, bool)> {
        let mut fragments = Vec::new();
        while let Some((header, rest)) = bytes.split_first_chunk::<P_DATA_HEADER_BYTES>() {
            let pdu = u32::from_be_bytes([header[2], header[3], header[4], header[5]]) as usize;
            let value = u32::from_be_bytes([header[6], header[7], header[8], header[9]]) as usize;
            assert_eq!((header[0], header[1], header[10]), (4, 0, 5));
            assert_eq!(pdu, value + 4);
            let (fragment, rest) = rest.split_at(value - 2);
            fragments.push((fragment.to_vec(), header[11] == LAST));
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
                    let fragments = seen(&sent(&dataset, max_pdu, buffer));
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
        assert_eq!(seen(&sent(&dataset(2 * longest), 4096, 1 << 20)).len(), 2);
        assert_eq!(seen(&sent(&dataset(2 * longest + 1), 4096, 1 << 20)).len(), 3);
    }

    #[test]
    fn without_a_limit_there_is_one_pdu_however_small_the_buffer() {
        assert_eq!(seen(&sent(&dataset(1_000_001), 0, 4096)).len(), 1);
    }
}
