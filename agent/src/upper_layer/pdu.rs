//! PDUs (PS3.8 9.3): their headers, and the whole of the short ones.

use std::io;

use dicom_ul::Pdu;
use dicom_ul::pdu::MAXIMUM_PDU_SIZE;

use crate::failure::with_causes;

/// Bytes of a PDU's header: type, reserved, length (PS3.8 9.3.1).
pub const HEADER_BYTES: usize = 6;
/// Bytes of a presentation data value's header: length, presentation context, message control header (PS3.8 9.3.5.1).
pub const VALUE_HEADER_BYTES: usize = 6;
/// Bytes before the fragment in a P-DATA-TF of one presentation data value.
pub const P_DATA_HEADER_BYTES: usize = HEADER_BYTES + VALUE_HEADER_BYTES;

/// A-ASSOCIATE-RQ (PS3.8 9.3.2).
pub const ASSOCIATE_REQUEST: u8 = 0x01;
/// P-DATA-TF (PS3.8 9.3.5).
pub const P_DATA: u8 = 0x04;
/// A-RELEASE-RQ (PS3.8 9.3.6).
pub const RELEASE_REQUEST: u8 = 0x05;
/// A-RELEASE-RP (PS3.8 9.3.7).
pub const RELEASE_RESPONSE: u8 = 0x06;
/// A-ABORT (PS3.8 9.3.8).
pub const ABORT: u8 = 0x07;

/// Message control header: the fragment belongs to a command set, else to a dataset (PS3.8 E.2).
pub const COMMAND_FLAG: u8 = 0x01;
/// Message control header: the fragment is the last one (PS3.8 E.2).
pub const LAST_FLAG: u8 = 0x02;

/// The longest PDU, except P-DATA-TF, that is read. 128 presentation contexts with every transfer syntax need less.
pub const MAX_BYTES: u32 = 1 << 20;

/// The header of a PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The PDU's type.
    pub kind: u8,
    /// Bytes that follow.
    pub length: u32,
}

/// The source and the reason of an abort (PS3.8 9.3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum AbortReason {
    /// The service user's own decision, which has no reason.
    ServiceUser,
    /// A type of PDU that does not exist.
    UnrecognizedPdu = 1,
    /// A PDU that is not allowed at this point.
    UnexpectedPdu = 2,
    /// A parameter with an invalid value.
    InvalidParameter = 6,
}

impl Header {
    /// Parses a header.
    #[must_use]
    pub const fn parse(bytes: [u8; HEADER_BYTES]) -> Self {
        Self { kind: bytes[0], length: u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]) }
    }

    const fn bytes(self) -> [u8; HEADER_BYTES] {
        let [a, b, c, d] = self.length.to_be_bytes();
        [self.kind, 0, a, b, c, d]
    }
}

/// The bytes before the fragment in a P-DATA-TF of one presentation data value. A fragment has at most
/// [`max_fragment`] bytes.
#[must_use]
pub fn p_data_header(context: u8, control: u8, fragment: u32) -> [u8; P_DATA_HEADER_BYTES] {
    let mut bytes = [0; P_DATA_HEADER_BYTES];
    bytes[..HEADER_BYTES].copy_from_slice(&Header { kind: P_DATA, length: fragment + 6 }.bytes());
    bytes[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&(fragment + 2).to_be_bytes());
    bytes[HEADER_BYTES + 4] = context;
    bytes[HEADER_BYTES + 5] = control;
    bytes
}

/// The most bytes of a fragment for a maximum length of a P-DATA-TF (PS3.8 D.1; 0: no limit). A fragment has an even
/// number of bytes (PS3.8 9.3.5.1).
#[must_use]
pub const fn max_fragment(max_pdu: u32) -> u32 {
    let max_pdu = if max_pdu == 0 || max_pdu > MAXIMUM_PDU_SIZE { MAXIMUM_PDU_SIZE } else { max_pdu };
    max_pdu.saturating_sub(6) & !1
}

/// An A-RELEASE-RQ or A-RELEASE-RP.
#[must_use]
pub const fn release(kind: u8) -> [u8; 10] {
    [kind, 0, 0, 0, 0, 4, 0, 0, 0, 0]
}

/// An A-ABORT.
#[must_use]
pub const fn abort(reason: AbortReason) -> [u8; 10] {
    let (source, reason) = match reason {
        AbortReason::ServiceUser => (0, 0),
        provider => (2, provider as u8),
    };
    [ABORT, 0, 0, 0, 0, 4, 0, 0, source, reason]
}

/// Encodes A-ASSOCIATE.
///
/// # Errors
/// A name or a list that is too long for its length field.
pub fn encode(pdu: &Pdu) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    dicom_ul::pdu::write_pdu(&mut bytes, pdu).map_err(io::Error::other)?;
    Ok(bytes)
}

/// Decodes a whole PDU, header included.
///
/// # Errors
/// A malformed PDU.
pub fn decode(bytes: &[u8]) -> io::Result<Pdu> {
    let malformed = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    match dicom_ul::pdu::read_pdu(bytes, MAXIMUM_PDU_SIZE, false) {
        Ok(Some(pdu)) => Ok(pdu),
        Ok(None) => Err(malformed("a PDU shorter than its length field".to_owned())),
        Err(error) => Err(malformed(with_causes(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_what_follows_them() {
        assert_eq!(p_data_header(3, LAST_FLAG, 100), [4, 0, 0, 0, 0, 106, 0, 0, 0, 102, 3, 2]);
    }

    #[test]
    fn a_fragment_fills_its_pdu_with_an_even_number_of_bytes() {
        assert_eq!(max_fragment(16_384), 16_378);
        assert_eq!(max_fragment(4_097), 4_090);
        assert_eq!(max_fragment(0), max_fragment(u32::MAX));
        // The length field of the longest PDU does not overflow.
        assert!(max_fragment(0).checked_add(6).is_some());
    }
}
