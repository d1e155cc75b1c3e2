//! Files with other UIDs, another patient or no identity. A first pass walks the elements and plans the changes, a second
//! one copies the file, so that a file of any size needs little memory.

mod planner;

use std::collections::HashSet;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use dicom_dictionary_std::{tags, uids};
use dicom_encoding::{Codec, Endianness};
use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};
use flate2::read::DeflateDecoder;

use super::deflate::Deflater;
use super::edits::Edits;
use super::inspect::MAX_INFLATED_BYTES;
use super::meta;
use super::uids::{UID_CHARACTERS, UidReplacement};
use super::walk::{Encoding, Walk};
use planner::Planner;

/// Bytes without meaning before `DICM` (PS3.10 7.1).
const PREAMBLE: [u8; 128] = [0; 128];

/// The changes to a file.
#[derive(Debug, Clone, Copy)]
pub struct Changes<'a> {
    /// The Study, Series and SOP Instance UIDs of the dataset. Their places in the file are found.
    pub own: &'a HashSet<String>,
    /// The replacement of these UIDs. Without one they stay as they are.
    pub uids: Option<UidReplacement>,
    /// Patient ID (0010,0020). Without one it stays as it is.
    pub patient_id: Option<&'a str>,
    /// True to apply the Basic Application Level Confidentiality Profile (PS3.15 E.2). It needs `uids` and `patient_id`,
    /// which is the Patient's Name too.
    pub deidentify: bool,
}

/// A UID in a file. It can be replaced in place by one of the same length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UidPlace {
    /// Position of its first character in the file.
    pub at: u64,
    /// The UID.
    pub uid: String,
}

/// The planned changes to a file.
#[derive(Debug)]
pub struct Rewrite {
    /// Changes before the data set.
    head: Edits,
    /// Changes to the data set. If it is deflated, the positions are those of the inflated one.
    data_set: Edits,
    data_set_at: u64,
    is_deflated: bool,
    /// Places in the file meta group.
    head_uids: Vec<UidPlace>,
    /// Places in the new data set, counted as its positions are.
    uids: Vec<UidPlace>,
}

/// A file after its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// Size in bytes.
    pub bytes: u64,
    /// Position of the data set.
    pub data_set_at: u64,
    /// Every place of a UID of the dataset.
    pub uids: Vec<UidPlace>,
}

impl Changes<'_> {
    /// True if the file stays as it is, apart from lengths that are not valid.
    fn is_none(&self) -> bool {
        self.uids.is_none() && self.patient_id.is_none() && !self.deidentify
    }
}

impl Rewrite {
    /// Plans the changes to a file of this size, from its first byte on. The result has valid lengths too.
    ///
    /// # Errors
    /// The reason why the file cannot be changed.
    pub fn plan(mut source: impl Read + Seek, size: u64, changes: &Changes<'_>) -> Result<Self, String> {
        let words = |error: io::Error| error.to_string();
        let preamble = meta::check_preamble(&mut source)?;
        let meta = meta::read(&mut source, preamble)?;
        let data_set_at = meta.data_set_at;
        source.seek(SeekFrom::Start(preamble)).map_err(words)?;
        let group = source.by_ref().take(data_set_at - preamble);
        let mut head = Planner::new(Encoding::ExplicitLittle, changes, false);
        if changes.deidentify {
            head.edits.splice(0, PREAMBLE.len() as u64, &PREAMBLE)?;
        }
        head.plan_meta(Walk::new(group, Encoding::ExplicitLittle, preamble, Some(data_set_at)))?;

        source.seek(SeekFrom::Start(data_set_at)).map_err(words)?;
        let syntax = TransferSyntaxRegistry.get(&meta.transfer_syntax_uid).ok_or("its transfer syntax is not known")?;
        let is_deflated = matches!(syntax.codec(), Codec::Dataset(_));
        let encoding = if syntax.uid() == uids::IMPLICIT_VR_LITTLE_ENDIAN {
            Encoding::ImplicitLittle
        } else if syntax.endianness() == Endianness::Big {
            Encoding::ExplicitBig
        } else {
            Encoding::ExplicitLittle
        };
        let mut planner = Planner::new(encoding, changes, true);
        if is_deflated {
            let inflated = DeflateDecoder::new(source).take(MAX_INFLATED_BYTES);
            planner.plan(Walk::new(inflated, encoding, 0, None))?;
        } else {
            planner.plan(Walk::new(source, encoding, data_set_at, Some(size)))?;
        }
        let moved = |place: UidPlace| UidPlace { at: place.at.saturating_add_signed(head.growth), ..place };
        let uids = if is_deflated { planner.uids } else { planner.uids.into_iter().map(moved).collect() };
        Ok(Self { head: head.edits, data_set: planner.edits, data_set_at, is_deflated, head_uids: head.uids, uids })
    }

    /// Returns the file as it is if its UIDs can be replaced in place without any change. `size` is its size.
    #[must_use]
    pub fn unchanged(&self, size: u64) -> Option<Rewritten> {
        let is_unchanged = self.head.is_empty() && self.data_set.is_empty() && !self.is_deflated;
        let uids = || self.head_uids.iter().chain(&self.uids).cloned().collect();
        is_unchanged.then(|| Rewritten { bytes: size, data_set_at: self.data_set_at, uids: uids() })
    }

    /// Copies the file and makes the changes.
    ///
    /// # Errors
    /// Those of reading and writing, and a file that has become shorter.
    pub fn apply(&self, mut from: impl Read, mut to: impl Write) -> io::Result<Rewritten> {
        let data_set_at = self.head.apply(from.by_ref().take(self.data_set_at), &mut to, 0)?;
        let mut uids = self.head_uids.clone();
        if !self.is_deflated {
            let bytes = self.data_set.apply(from, &mut to, self.data_set_at)?;
            to.flush()?;
            uids.extend_from_slice(&self.uids);
            return Ok(Rewritten { bytes: data_set_at + bytes, data_set_at, uids });
        }
        let characters = u16::try_from(UID_CHARACTERS).map_err(io::Error::other)?;
        let mut deflater = Deflater::new(to, self.uids.iter().map(|place| (place.at, characters)).collect());
        let inflated = BufReader::new(DeflateDecoder::new(from)).take(MAX_INFLATED_BYTES);
        self.data_set.apply(inflated, &mut deflater, 0)?;
        let (bytes, places) = deflater.finish()?;
        let at_new_place = |(place, at): (&UidPlace, u64)| UidPlace { at: data_set_at + at, uid: place.uid.clone() };
        uids.extend(self.uids.iter().zip(places).map(at_new_place));
        Ok(Rewritten { bytes: data_set_at + bytes, data_set_at, uids })
    }
}

/// Attributes of the file meta group that name machines or hold private information (PS3.10 7.1).
const IDENTIFYING_META: [dicom_core::Tag; 8] = [
    tags::SOURCE_APPLICATION_ENTITY_TITLE,
    tags::SENDING_APPLICATION_ENTITY_TITLE,
    tags::RECEIVING_APPLICATION_ENTITY_TITLE,
    tags::SOURCE_PRESENTATION_ADDRESS,
    tags::SENDING_PRESENTATION_ADDRESS,
    tags::RECEIVING_PRESENTATION_ADDRESS,
    tags::PRIVATE_INFORMATION_CREATOR_UID,
    tags::PRIVATE_INFORMATION,
];

#[cfg(test)]
mod tests;
