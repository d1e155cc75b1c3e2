//! What the null SCP and our own SCU put on the wire beside A-ASSOCIATE, which dicom-ul encodes.

pub mod command;
pub mod pdu;
