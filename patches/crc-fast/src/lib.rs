//! The part of the crate crc-fast that the AWS SDK (aws-smithy-checksums) uses, built on the crate crc.
//!
//! crc-fast adds 0.66 MB of tables for fifty algorithms to every function that uses S3. They do not compress, and no
//! feature removes them. S3 has three CRCs, and this project requests none of them (`WhenRequired` in `dicomperf_aws`).
//! A table of 1 to 2 kB for each, which takes one byte at a time, is therefore fast enough.

use std::fmt;

use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc};

static CRC_32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
static CRC_32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
static CRC_64: Crc<u64> = Crc::<u64>::new(&CRC_64_NVME);

/// The algorithms that S3 supports, by their names in the catalogue of parametrised CRC algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrcAlgorithm {
    /// S3's CRC32.
    Crc32IsoHdlc,
    /// S3's CRC32C.
    Crc32Iscsi,
    /// S3's CRC64NVME.
    Crc64Nvme,
}

/// Checksum of data that arrives in pieces.
#[derive(Clone)]
pub struct Digest(Width);

#[derive(Clone)]
enum Width {
    Bits32(crc::Digest<'static, u32>),
    Bits64(crc::Digest<'static, u64>),
}

impl Digest {
    /// Returns the checksum of no data.
    #[must_use]
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        Self(match algorithm {
            CrcAlgorithm::Crc32IsoHdlc => Width::Bits32(CRC_32.digest()),
            CrcAlgorithm::Crc32Iscsi => Width::Bits32(CRC_32C.digest()),
            CrcAlgorithm::Crc64Nvme => Width::Bits64(CRC_64.digest()),
        })
    }

    /// Adds the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Width::Bits32(digest) => digest.update(bytes),
            Width::Bits64(digest) => digest.update(bytes),
        }
    }

    /// Returns the checksum of all pieces, in the low bits.
    #[must_use]
    pub fn finalize(self) -> u64 {
        match self.0 {
            Width::Bits32(digest) => digest.finalize().into(),
            Width::Bits64(digest) => digest.finalize(),
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Digest").field(&self.clone().finalize()).finish()
    }
}

/// Returns the checksum of some bytes.
#[must_use]
pub fn checksum(algorithm: CrcAlgorithm, bytes: &[u8]) -> u64 {
    let mut digest = Digest::new(algorithm);
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue, which are the checksums of `123456789`.
    const CHECKS: [(CrcAlgorithm, u64); 3] = [
        (CrcAlgorithm::Crc32IsoHdlc, 0xcbf4_3926),
        (CrcAlgorithm::Crc32Iscsi, 0xe306_9283),
        (CrcAlgorithm::Crc64Nvme, 0xae8b_1486_0a79_9888),
    ];

    #[test]
    fn each_algorithm_gives_its_check_value_in_one_piece_and_in_several() {
        for (algorithm, check) in CHECKS {
            assert_eq!(checksum(algorithm, b"123456789"), check, "{algorithm:?}");
            let mut digest = Digest::new(algorithm);
            for piece in [&b"1234"[..], b"", b"56789"] {
                digest.update(piece);
            }
            assert_eq!(digest.finalize(), check, "{algorithm:?}");
        }
    }
}
