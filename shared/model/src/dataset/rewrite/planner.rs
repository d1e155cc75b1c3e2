//! The first pass over a file: the changes to each element, and the places of UIDs after them.

use std::io::Read;

use dicom_core::dictionary::DataDictionary as _;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};

use super::{Changes, IDENTIFYING_META, UidPlace};
use crate::dataset::deidentify::{self, Action};
use crate::dataset::edits::Edits;
use crate::dataset::uids::UID_CHARACTERS;
use crate::dataset::walk::{Element, Encoding, Kind, Walk};
use crate::dataset::{encode, meta, repairs};

/// The most bytes of a UID's value. Explicit VR has no longer ones (PS3.5 7.1.2).
const MAX_UID_BYTES: u32 = 0xFFFF;
/// UIDs that DICOM itself defines (PS3.5 9.1) identify nobody.
const DICOM_ROOT: &str = "1.2.840.10008.";

/// Plans the changes to the file meta group, or to the data set.
pub(super) struct Planner<'a> {
    changes: &'a Changes<'a>,
    is_data_set: bool,
    /// The encoding outside of sequences.
    encoding: Encoding,
    pub edits: Edits,
    /// Bytes by which the file has grown up to here.
    pub growth: i64,
    pub uids: Vec<UidPlace>,
    /// Attributes that the data set gets, in the order of their tags, with the position of the next one.
    insertions: Vec<(Tag, VR, Vec<u8>)>,
    next: usize,
    /// The depth of a sequence whose values are all replaced.
    dummy_depth: Option<usize>,
}

/// The change to one element.
enum Change {
    Keep,
    Remove,
    Replace(VR, Vec<u8>),
    /// Replaces every UID that identifies something, not only those of the dataset.
    Uids,
}

impl<'a> Planner<'a> {
    pub fn new(encoding: Encoding, changes: &'a Changes<'a>, is_data_set: bool) -> Self {
        let insertions = if is_data_set { insertions(changes, encoding) } else { Vec::new() };
        let (edits, uids) = (Edits::default(), Vec::new());
        Self { changes, is_data_set, encoding, edits, growth: 0, uids, insertions, next: 0, dummy_depth: None }
    }

    /// Plans the changes to the file meta group. Its length (0002,0000) becomes the true one.
    pub fn plan_meta<R: Read>(&mut self, mut walk: Walk<R>) -> Result<(), String> {
        let mut group_length = None;
        let preamble = std::mem::take(&mut self.edits);
        while let Some(element) = walk.next()? {
            match element.tag {
                Tag(meta::GROUP, 0) if element.length == 4 => group_length = Some((element, walk.value(4)?)),
                tag if self.changes.deidentify && IDENTIFYING_META.contains(&tag) => {
                    self.remove(&mut walk, &element)?
                }
                tags::MEDIA_STORAGE_SOP_INSTANCE_UID => self.replace_uids(&mut walk, &element, false)?,
                _ => {}
            }
        }
        let changes = std::mem::replace(&mut self.edits, preamble);
        if let Some((element, old)) = group_length {
            let end = walk.position().saturating_add_signed(self.growth);
            let length = u32::try_from(end - (element.value_at + 4)).map_err(|error| error.to_string())?;
            if old != length.to_le_bytes() && !changes.is_empty() {
                self.edits.splice(element.value_at, 4, &length.to_le_bytes())?;
            }
        }
        self.edits.append(changes);
        Ok(())
    }

    /// Plans the changes to the data set.
    pub fn plan<R: Read>(&mut self, mut walk: Walk<R>) -> Result<(), String> {
        while let Some(element) = walk.next()? {
            if element.depth == 0 {
                self.insert_before(Some(element.tag), element.at)?;
            }
            match self.change(&element) {
                Change::Keep if value_representation(&element) == VR::UI && !is_meta(&element) => {
                    self.replace_uids(&mut walk, &element, false)?;
                }
                Change::Keep => self.repair(&walk, &element)?,
                Change::Remove => self.remove(&mut walk, &element)?,
                Change::Replace(vr, value) => {
                    self.replace(&mut walk, &element, vr, &value)?;
                }
                Change::Uids => self.replace_uids(&mut walk, &element, true)?,
            }
        }
        self.insert_before(None, walk.position())
    }

    /// Decides on the change to an element.
    fn change(&mut self, element: &Element) -> Change {
        let (tag, vr) = (element.tag, value_representation(element));
        if self.dummy_depth.is_some_and(|depth| element.depth <= depth) {
            self.dummy_depth = None;
        }
        if self.changes.is_none() || element.kind == Kind::Fragment || is_meta(element) {
            return Change::Keep;
        }
        if element.depth == 0
            && let Some(position) = self.insertions.iter().position(|(inserted, ..)| *inserted == tag)
        {
            // A tag out of order was inserted before.
            if position < self.next {
                return Change::Remove;
            }
            self.next = position + 1;
            let (_, vr, value) = &self.insertions[position];
            return Change::Replace(*vr, value.clone());
        }
        // A group length (PS3.5 7.2, retired) would be wrong.
        if tag.element() == 0 && tag.group() > meta::GROUP {
            return Change::Remove;
        }
        if self.changes.deidentify { self.deidentified(element, tag, vr) } else { Change::Keep }
    }

    fn deidentified(&mut self, element: &Element, tag: Tag, vr: VR) -> Change {
        let is_in_dummy = self.dummy_depth.is_some();
        match deidentify::action(tag, vr) {
            Some(Action::Remove) => Change::Remove,
            Some(Action::Empty) => Change::Replace(vr, Vec::new()),
            Some(Action::Uid) => Change::Uids,
            Some(Action::Dummy) if vr == VR::SQ => {
                self.dummy_depth = self.dummy_depth.or(Some(element.depth));
                Change::Keep
            }
            // Code strings belong to the structure: the kind of a content item, its relationship.
            None if !is_in_dummy || vr == VR::CS => Change::Keep,
            Some(Action::Dummy) | None => match element.kind {
                Kind::Fragments => Change::Remove,
                _ => deidentify::dummy(vr, element.length).map_or(Change::Keep, |value| Change::Replace(vr, value)),
            },
        }
    }

    /// Inserts the attributes that stand before this tag, or all that are left.
    fn insert_before(&mut self, tag: Option<Tag>, at: u64) -> Result<(), String> {
        while let Some((inserted, vr, value)) = self.insertions.get(self.next)
            && tag.is_none_or(|tag| *inserted < tag)
        {
            let (bytes, _) = encode::element(self.encoding, *inserted, *vr, value);
            self.edits.splice(at, 0, &bytes)?;
            self.growth += signed(bytes.len() as u64);
            self.next += 1;
        }
        Ok(())
    }

    /// Makes the length of an element even, and removes file meta information from the data set.
    fn repair<R: Read>(&mut self, walk: &Walk<R>, element: &Element) -> Result<(), String> {
        if self.is_data_set {
            self.growth += repairs::repair(&mut self.edits, element, walk.enclosing_lengths())?;
        }
        Ok(())
    }

    fn remove<R: Read>(&mut self, walk: &mut Walk<R>, element: &Element) -> Result<(), String> {
        let bytes = walk.skip_content(element)? - element.at;
        self.edits.splice(element.at, bytes, &[])?;
        self.grow(walk, -signed(bytes))
    }

    /// Replaces an element. Returns the position of its value in the new file.
    fn replace<R: Read>(&mut self, walk: &mut Walk<R>, element: &Element, vr: VR, value: &[u8]) -> Result<u64, String> {
        let removed = walk.skip_content(element)? - element.at;
        let (bytes, value_at) = encode::element(walk.encoding(), element.tag, vr, value);
        let value_at = (element.at + value_at as u64).saturating_add_signed(self.growth);
        self.edits.splice(element.at, removed, &bytes)?;
        self.grow(walk, signed(bytes.len() as u64) - signed(removed))?;
        Ok(value_at)
    }

    fn grow<R: Read>(&mut self, walk: &Walk<R>, by: i64) -> Result<(), String> {
        self.growth += by;
        self.edits.lengthen(walk.enclosing_lengths(), by)
    }

    /// Replaces the UIDs of the dataset in an element, or with `all` every UID that identifies something. Records the
    /// places of those of the dataset.
    fn replace_uids<R: Read>(&mut self, walk: &mut Walk<R>, element: &Element, all: bool) -> Result<(), String> {
        if element.kind != Kind::Value || element.length > MAX_UID_BYTES {
            return self.repair(walk, element);
        }
        let value = walk.value(MAX_UID_BYTES.into())?;
        let text = String::from_utf8_lossy(&value);
        let text = text.trim_end_matches(['\0', ' ']);
        let mut new_value = String::new();
        let (mut found, mut is_changed) = (Vec::new(), false);
        for (number, uid) in text.split('\\').enumerate() {
            if number > 0 {
                new_value.push('\\');
            }
            // The inspection reads a UID without these, too.
            let uid = uid.trim_matches([' ', '\0', '^']);
            let is_own = self.changes.own.contains(uid);
            let is_replaced = is_own || (all && !uid.is_empty() && !uid.starts_with(DICOM_ROOT));
            let new = match &self.changes.uids {
                Some(replacement) if is_replaced => replacement.replace(uid),
                _ => uid.to_owned(),
            };
            if is_own && new.len() == UID_CHARACTERS {
                found.push((new_value.len() as u64, new.clone()));
            }
            is_changed |= new != uid;
            new_value.push_str(&new);
        }
        let is_same = value.starts_with(new_value.as_bytes()) && new_value == text;
        let value_at = if is_same || (found.is_empty() && !is_changed) {
            let value_at = element.value_at.saturating_add_signed(self.growth);
            self.repair(walk, element)?;
            value_at
        } else {
            self.replace(walk, element, VR::UI, new_value.as_bytes())?
        };
        self.uids.extend(found.into_iter().map(|(at, uid)| UidPlace { at: value_at + at, uid }));
        Ok(())
    }
}

/// Returns the attributes that a data set gets, in the order of their tags.
fn insertions(changes: &Changes<'_>, encoding: Encoding) -> Vec<(Tag, VR, Vec<u8>)> {
    let mut insertions = Vec::new();
    if let Some(patient_id) = changes.patient_id {
        let patient_id = patient_id.as_bytes().to_vec();
        if changes.deidentify {
            insertions.push((tags::PATIENT_NAME, VR::PN, patient_id.clone()));
        }
        insertions.push((tags::PATIENT_ID, VR::LO, patient_id));
    }
    if changes.deidentify {
        let (code, meaning) = deidentify::METHOD_CODE;
        let code = encode::item(
            encoding,
            &[
                (tags::CODE_VALUE, VR::SH, code),
                (tags::CODING_SCHEME_DESIGNATOR, VR::SH, "DCM"),
                (tags::CODE_MEANING, VR::LO, meaning),
            ],
        );
        insertions.push((tags::PATIENT_IDENTITY_REMOVED, VR::CS, b"YES".to_vec()));
        insertions.push((tags::DEIDENTIFICATION_METHOD, VR::LO, deidentify::METHOD.into()));
        insertions.push((tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE, VR::SQ, code));
        // PS3.15 E.2 requires it.
        insertions.push((tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED, VR::CS, b"REMOVED".to_vec()));
    }
    insertions
}

/// True for file meta information in the data set, where it does not belong.
fn is_meta(element: &Element) -> bool {
    element.depth == 0 && element.tag.group() == meta::GROUP
}

/// Returns the VR of an element. For an unknown one (PS3.5 6.2.2) it is that of the dictionary. The UIDs that name the
/// instance are UIDs even if their header is wrong.
fn value_representation(element: &Element) -> VR {
    if matches!(element.tag, tags::STUDY_INSTANCE_UID | tags::SERIES_INSTANCE_UID | tags::SOP_INSTANCE_UID) {
        return VR::UI;
    }
    match element.vr {
        VR::UN if element.kind == Kind::Value => match StandardDataDictionary.by_tag(element.tag) {
            Some(entry) if entry.vr.relaxed() != VR::SQ => entry.vr.relaxed(),
            _ => VR::UN,
        },
        // A sequence of unknown VR without a length.
        VR::UN => VR::SQ,
        vr => vr,
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
