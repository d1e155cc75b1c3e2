//! Everything that the sink and native put on the wire beside A-ASSOCIATE, which dicom-ul encodes.
//!
//! dicom-ul's P-DATA writer is not used: it copies each dataset into a buffer of its own and makes one system call a PDU.
//! native reads a file into the gaps between headers that are written already, and sends all of it with one call. The
//! sink steps over fragments where they lie, and dicom-ul would copy them. `make bench-native` compares the two senders.

pub mod command;
pub mod pdu;
