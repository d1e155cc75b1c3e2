//! The Basic Application Level Confidentiality Profile (PS3.15 E.2): the attributes to replace, to empty and to remove.
//!
//! `table-e1-1.tsv` has the rows of PS3.15 2026c table E.1-1 with their action codes. The 617 rows of 2024b come from
//! Innolitics' dicom-standard (confidentiality_profile_attributes.json), and agree with those of the Python package
//! dicom-anonymizer 2.1.0. The 35 newer ones come from that package (dicomfields_2026c.py). The rows for groups of tags
//! are in [`action`].

use std::collections::HashMap;
use std::sync::LazyLock;

use dicom_core::dictionary::DataDictionary as _;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};

/// Tag, action code and name of an attribute.
const TABLE: &str = include_str!("table-e1-1.tsv");
/// De-identification Method (0012,0063).
pub(super) const METHOD: &str = "PS3.15 Basic Application Level Confidentiality Profile";
/// The code of the method (PS3.16 CID 7050): value and meaning, of the scheme DCM.
pub(super) const METHOD_CODE: (&str, &str) = ("113100", "Basic Application Confidentiality Profile");
/// Stands for every text that is replaced.
pub(super) const DUMMY: &str = "DICOMPERF";

/// The most bytes of a value of zeros.
const MAX_DUMMY_BYTES: u32 = 1 << 20;

/// The change to an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// D: a value of the same VR that means nothing. The items of a sequence stay, and all their values are replaced.
    Dummy,
    /// Z: no value.
    Empty,
    /// X: no attribute.
    Remove,
    /// U: a new UID, the same one for the same UID.
    Uid,
}

/// Attributes of every IOD, and the codes that the table has for them.
static CODES: LazyLock<HashMap<Tag, &str>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let mut columns = line.split('\t');
        let number = u32::from_str_radix(columns.next()?, 16).ok()?;
        let [g0, g1, e0, e1] = number.to_be_bytes();
        Some((Tag(u16::from_be_bytes([g0, g1]), u16::from_be_bytes([e0, e1])), columns.next()?))
    };
    TABLE.lines().filter_map(row).collect()
});

/// Returns the change to an attribute, or `None` if it stays as it is.
///
/// The type of an attribute decides between the actions of a code like X/Z/D, and it differs by IOD. A value gets the
/// action that every type allows: the last one. A sequence with such a code is of type 3 or 2 in nearly all IODs, so it is
/// removed or emptied.
pub(super) fn action(tag: Tag, vr: VR) -> Option<Action> {
    let group = tag.group();
    let is_repeating = |first: u16| group & 0xFF00 == first && group <= first + 0x1E;
    // Private attributes, curves, and overlays with all that describes them.
    if group % 2 == 1 || is_repeating(0x5000) || is_repeating(0x6000) {
        return Some(Action::Remove);
    }
    if is_unreadable(tag, vr) {
        return Some(Action::Remove);
    }
    let is_sequence = vr == VR::SQ;
    Some(match *CODES.get(&tag)? {
        "X" => Action::Remove,
        "X/D" | "X/Z/D" if is_sequence => Action::Remove,
        "Z" | "X/Z" => Action::Empty,
        // Its code is D, and its VR is UI.
        "D" if tag == tags::ANNOTATION_GROUP_UID => Action::Uid,
        "D" | "Z/D" | "X/D" | "X/Z/D" => Action::Dummy,
        // The UIDs in the items of a sequence with X/Z/U* have a row of their own.
        "U" => Action::Uid,
        _ => return None,
    })
}

/// True for a value of unknown VR that may have elements inside, which nothing has read.
fn is_unreadable(tag: Tag, vr: VR) -> bool {
    vr == VR::UN && StandardDataDictionary.by_tag(tag).is_none_or(|entry| entry.vr.relaxed() == VR::SQ)
}

/// Returns the value that stands for any value of a VR; `None` for a number that is part of the structure, like a count.
/// `length` is the length of the old value.
pub(super) fn dummy(vr: VR, length: u32) -> Option<Vec<u8>> {
    Some(match vr {
        VR::DA => b"19000101".to_vec(),
        VR::DT => b"19000101000000".to_vec(),
        VR::TM => b"000000".to_vec(),
        VR::AS => b"000Y".to_vec(),
        VR::DS | VR::IS => b"1".to_vec(),
        VR::UR => b"urn:dicomperf".to_vec(),
        VR::AE | VR::CS | VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT => DUMMY.as_bytes().to_vec(),
        VR::OB | VR::OW | VR::UN => vec![0; 2],
        VR::FD | VR::FL | VR::OD | VR::OF | VR::OL | VR::OV => vec![0; length.min(MAX_DUMMY_BYTES) as usize],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_has_an_action() {
        assert_eq!(TABLE.lines().count(), 652);
        assert_eq!(CODES.len(), 652);
        for (&tag, &code) in CODES.iter() {
            let vr = StandardDataDictionary.by_tag(tag).map_or(VR::LO, |entry| entry.vr.relaxed());
            let action = action(tag, vr);
            assert!(action.is_some() || code == "X/Z/U*", "{tag} {code}");
            assert_eq!(action == Some(Action::Uid), vr == VR::UI && code != "X", "{tag} {code} {vr}");
            if action == Some(Action::Dummy) && vr != VR::SQ {
                let value = dummy(vr, 4).unwrap_or_else(|| panic!("{tag} {vr} has a dummy value"));
                assert!(!value.is_empty());
            }
        }
    }

    #[test]
    fn groups_of_tags_are_removed_as_a_whole() {
        for tag in [Tag(0x0009, 0x0010), Tag(0x7FE1, 0x1010), Tag(0x5000, 0x3000), Tag(0x6002, 0x0010)] {
            assert_eq!(action(tag, VR::OB), Some(Action::Remove), "{tag}");
        }
        assert_eq!(action(tags::PIXEL_DATA, VR::OW), None);
        assert_eq!(action(tags::ROWS, VR::US), None);
        // A sequence whose items nobody has read.
        assert_eq!(action(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, VR::UN), Some(Action::Remove));
        assert_eq!(action(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, VR::SQ), None);
    }
}
