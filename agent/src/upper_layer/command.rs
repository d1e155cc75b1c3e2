//! Command sets (PS3.7 6.3.1): always Implicit VR Little Endian, group 0000H only.

use dicom_dictionary_std::uids;

/// C-STORE-RQ (PS3.7 9.3.1.1).
pub const C_STORE_REQUEST: u16 = 0x0001;
/// C-STORE-RSP (PS3.7 9.3.1.2).
pub const C_STORE_RESPONSE: u16 = 0x8001;
/// C-FIND-RQ (PS3.7 9.3.2.1).
pub const C_FIND_REQUEST: u16 = 0x0020;
/// C-FIND-RSP (PS3.7 9.3.2.2).
pub const C_FIND_RESPONSE: u16 = 0x8020;
/// C-ECHO-RQ (PS3.7 9.3.5.1).
pub const C_ECHO_REQUEST: u16 = 0x0030;
/// C-ECHO-RSP (PS3.7 9.3.5.2).
pub const C_ECHO_RESPONSE: u16 = 0x8030;

/// The most bytes of an encoded C-STORE-RQ that native sends. A UID has 64 characters at most (PS3.5 9.1), and there is
/// room for UIDs of 400.
pub const MAX_BYTES: usize = 1000;

/// Elements of group 0000H (PS3.7 E.1).
mod element {
    pub const GROUP_LENGTH: u16 = 0x0000;
    pub const AFFECTED_SOP_CLASS_UID: u16 = 0x0002;
    pub const COMMAND_FIELD: u16 = 0x0100;
    pub const MESSAGE_ID: u16 = 0x0110;
    pub const MESSAGE_ID_BEING_RESPONDED_TO: u16 = 0x0120;
    pub const PRIORITY: u16 = 0x0700;
    pub const COMMAND_DATA_SET_TYPE: u16 = 0x0800;
    pub const STATUS: u16 = 0x0900;
    pub const ERROR_COMMENT: u16 = 0x0902;
    pub const AFFECTED_SOP_INSTANCE_UID: u16 = 0x1000;
}

/// Command Data Set Type: no dataset follows (PS3.7 E.1).
const NO_DATASET: u16 = 0x0101;

/// A request or a response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// Command Field. Bit 15 is set in responses.
    pub field: u16,
    /// Message ID, or in a response, that of the request.
    pub message_id: u16,
    /// True if a dataset follows.
    pub dataset: bool,
    /// Affected SOP Class UID.
    pub sop_class_uid: String,
    /// Affected SOP Instance UID; empty if there is none.
    pub sop_instance_uid: String,
    /// Status; only in a response.
    pub status: u16,
    /// Error Comment; only in a response.
    pub comment: String,
}

impl Command {
    /// A C-STORE-RQ.
    #[must_use]
    pub fn store_request(message_id: u16, sop_class_uid: &str, sop_instance_uid: &str) -> Self {
        Self {
            field: C_STORE_REQUEST,
            message_id,
            dataset: true,
            sop_class_uid: sop_class_uid.to_owned(),
            sop_instance_uid: sop_instance_uid.to_owned(),
            ..Self::default()
        }
    }

    /// A C-FIND-RQ, whose dataset is the identifier.
    #[must_use]
    pub fn find_request(message_id: u16, sop_class_uid: &str) -> Self {
        Self {
            field: C_FIND_REQUEST,
            message_id,
            dataset: true,
            sop_class_uid: sop_class_uid.to_owned(),
            ..Self::default()
        }
    }

    /// A C-ECHO-RQ.
    #[must_use]
    pub fn echo_request(message_id: u16) -> Self {
        Self { field: C_ECHO_REQUEST, message_id, sop_class_uid: uids::VERIFICATION.to_owned(), ..Self::default() }
    }

    /// The response to this request with status Success (0000H).
    #[must_use]
    pub fn success_response(&self) -> Self {
        Self { field: self.field | 0x8000, dataset: false, status: 0, ..self.clone() }
    }

    /// True if it is a response.
    #[must_use]
    pub const fn is_response(&self) -> bool {
        self.field & 0x8000 != 0
    }

    /// Encodes the command, with its elements in order and without the comment.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        put(&mut bytes, element::GROUP_LENGTH, &0_u32.to_le_bytes());
        put_uid(&mut bytes, element::AFFECTED_SOP_CLASS_UID, &self.sop_class_uid);
        put(&mut bytes, element::COMMAND_FIELD, &self.field.to_le_bytes());
        if self.is_response() {
            put(&mut bytes, element::MESSAGE_ID_BEING_RESPONDED_TO, &self.message_id.to_le_bytes());
        } else {
            put(&mut bytes, element::MESSAGE_ID, &self.message_id.to_le_bytes());
        }
        if matches!(self.field, C_STORE_REQUEST | C_FIND_REQUEST) {
            // MEDIUM (PS3.7 9.3.1.1, 9.3.2.1).
            put(&mut bytes, element::PRIORITY, &0_u16.to_le_bytes());
        }
        let dataset = if self.dataset { 0 } else { NO_DATASET };
        put(&mut bytes, element::COMMAND_DATA_SET_TYPE, &dataset.to_le_bytes());
        if self.is_response() {
            put(&mut bytes, element::STATUS, &self.status.to_le_bytes());
        }
        if !self.sop_instance_uid.is_empty() {
            put_uid(&mut bytes, element::AFFECTED_SOP_INSTANCE_UID, &self.sop_instance_uid);
        }
        // The group length does not count its own element, which takes 12 bytes.
        let length = u32::try_from(bytes.len() - 12).unwrap_or(u32::MAX);
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    /// Decodes a command. `None` if it is malformed.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut command = Self { dataset: true, ..Self::default() };
        let mut has_field = false;
        while let Some((header, rest)) = bytes.split_first_chunk::<8>() {
            let [g0, g1, e0, e1, l0, l1, l2, l3] = *header;
            let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?;
            let (value, rest) = rest.split_at_checked(length)?;
            bytes = rest;
            if u16::from_le_bytes([g0, g1]) != 0 {
                return None;
            }
            match u16::from_le_bytes([e0, e1]) {
                element::AFFECTED_SOP_CLASS_UID => command.sop_class_uid = text(value),
                element::COMMAND_FIELD => (command.field, has_field) = (number(value)?, true),
                element::MESSAGE_ID | element::MESSAGE_ID_BEING_RESPONDED_TO => command.message_id = number(value)?,
                element::COMMAND_DATA_SET_TYPE => command.dataset = number(value)? != NO_DATASET,
                element::STATUS => command.status = number(value)?,
                element::ERROR_COMMENT => command.comment = text(value),
                element::AFFECTED_SOP_INSTANCE_UID => command.sop_instance_uid = text(value),
                _ => {}
            }
        }
        (bytes.is_empty() && has_field).then_some(command)
    }
}

fn put(bytes: &mut Vec<u8>, element: u16, value: &[u8]) {
    bytes.extend([0, 0]);
    bytes.extend(element.to_le_bytes());
    bytes.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(value);
}

/// Appends a UID, padded with NUL to an even length (PS3.5 9.1).
fn put_uid(bytes: &mut Vec<u8>, element: u16, uid: &str) {
    let mut value = uid.as_bytes().to_vec();
    if value.len() % 2 == 1 {
        value.push(0);
    }
    put(bytes, element, &value);
}

fn number(value: &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes(value.try_into().ok()?))
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches(['\0', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use dicom_dictionary_std::{tags, uids};
    use dicom_object::InMemDicomObject;
    use dicom_transfer_syntax_registry::entries::IMPLICIT_VR_LITTLE_ENDIAN;

    use super::*;

    #[test]
    fn dicom_object_reads_what_is_encoded() {
        let request = Command::store_request(7, uids::CT_IMAGE_STORAGE, "2.25.123");
        let bytes = request.encode();
        let read = InMemDicomObject::read_dataset_with_ts(&bytes[..], &IMPLICIT_VR_LITTLE_ENDIAN.erased())
            .expect("a command set");
        let value = |tag| read.element(tag).expect("an element").to_str().expect("a value").into_owned();
        assert_eq!(value(tags::COMMAND_GROUP_LENGTH), (bytes.len() - 12).to_string());
        assert_eq!(value(tags::AFFECTED_SOP_CLASS_UID), uids::CT_IMAGE_STORAGE);
        assert_eq!(value(tags::AFFECTED_SOP_INSTANCE_UID), "2.25.123");
        assert_eq!(value(tags::COMMAND_FIELD), "1");
        assert_eq!(value(tags::MESSAGE_ID), "7");
        assert_eq!(value(tags::PRIORITY), "0");
        assert_eq!(Command::decode(&bytes), Some(request.clone()));
        assert_eq!(Command::decode(&request.success_response().encode()), Some(request.success_response()));
    }

    #[test]
    fn dicom_object_reads_an_echo_request_too() {
        let bytes = Command::echo_request(1).encode();
        let read = InMemDicomObject::read_dataset_with_ts(&bytes[..], &IMPLICIT_VR_LITTLE_ENDIAN.erased())
            .expect("a command set");
        let value = |tag| read.element(tag).expect("an element").to_str().expect("a value").into_owned();
        assert_eq!(value(tags::AFFECTED_SOP_CLASS_UID), uids::VERIFICATION);
        assert_eq!(value(tags::COMMAND_FIELD), "48");
        assert_eq!(value(tags::COMMAND_DATA_SET_TYPE), "257");
        assert!(read.element(tags::AFFECTED_SOP_INSTANCE_UID).is_err() && read.element(tags::PRIORITY).is_err());
    }

    #[test]
    fn the_longest_is_what_the_longest_uids_give() {
        let uid = "1".repeat(400);
        assert!(Command::store_request(1, &uid, &uid).encode().len() <= MAX_BYTES);
    }

    #[test]
    fn what_is_cut_or_of_another_group_is_none() {
        let bytes = Command::store_request(7, uids::CT_IMAGE_STORAGE, "2.25.123").encode();
        for length in 0..bytes.len() {
            // A command that is cut between two elements may still decode, but not without a Command Field.
            if let Some(command) = Command::decode(&bytes[..length]) {
                assert_eq!(command.field, C_STORE_REQUEST);
            }
        }
        assert_eq!(Command::decode(&[]), None);
        assert_eq!(Command::decode(&[8, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(Command::decode(&[0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 1]), None);
    }
}
