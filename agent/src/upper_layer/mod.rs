//! Everything that the sink and native send except A-ASSOCIATE, which dicom-ul encodes.
//!
//! dicom-ul's P-DATA writer is not used: it copies each dataset into a buffer of its own and makes one system call per
//! PDU. native reads a file into the gaps between headers that are written already, and sends the whole buffer with one
//! call. The sink skips fragments in its receive buffer, and dicom-ul would copy them. `make bench-native` compares the
//! two senders.

pub mod command;
pub mod contexts;
pub mod pdu;
