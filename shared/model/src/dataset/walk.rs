//! A walk over the elements of a data set, in the order of the file.
//!
//! The walk is not recursive and reads no value, so its time and memory do not depend on the lengths and the depth that
//! a file claims. dicom-object reads nested sequences recursively, and a file of 3.6 MB can end a process with it.

use std::io::{self, ErrorKind, Read};

use dicom_core::dictionary::DataDictionary as _;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

/// Sequences inside each other at most. The deepest trees of structured reports have some tens of levels (PS3.3
/// C.17.3). DCMTK and Orthanc read sequences recursively, and end with a stack overflow at some ten thousand levels.
pub const MAX_DEPTH: usize = 128;
/// A length that is not known beforehand: a delimiter ends the value (PS3.5 7.1.1).
const UNDEFINED_LENGTH: u32 = 0xFFFF_FFFF;

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_DELIMITER: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_DELIMITER: Tag = Tag(0xFFFE, 0xE0DD);

/// The encoding of element headers (PS3.5 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    ImplicitLittle,
    ExplicitLittle,
    ExplicitBig,
}

/// The content of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A value, which the walk skips unless the caller reads it.
    Value,
    /// A sequence. Its items follow.
    Sequence,
    /// Pixel data in fragments (PS3.5 A.4). They follow.
    Fragments,
    /// A fragment, which the walk skips.
    Fragment,
}

/// The header of an element or fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub tag: Tag,
    /// The value representation, by the header or by the dictionary.
    pub vr: VR,
    pub kind: Kind,
    /// The length in the header.
    pub length: u32,
    /// Number of open sequences, itself not included.
    pub depth: usize,
    /// Position of the header.
    pub at: u64,
    /// Position of the value.
    pub value_at: u64,
    /// Place of the length field.
    pub length_field: LengthField,
}

/// The place of a length in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LengthField {
    pub at: u64,
    /// 2 or 4.
    pub bytes: u8,
    pub is_big_endian: bool,
}

/// The end of a step of the walk.
enum Step {
    Element(Element),
    /// The begin or the end of an item, or the end of a sequence.
    Boundary,
    /// The end of the data set.
    End,
}

/// A sequence or an item whose end the walk has not reached.
#[derive(Debug, Clone, Copy)]
struct Open {
    is_item: bool,
    has_fragments: bool,
    /// The position after its content; `None` if a delimiter ends it.
    end: Option<u64>,
    length: u32,
    length_field: LengthField,
    /// The encoding outside, which its end restores.
    outside: Encoding,
}

/// The walk. Positions count from `start`.
pub(super) struct Walk<R> {
    source: R,
    encoding: Encoding,
    /// Bytes that were read, and `start`.
    position: u64,
    /// The position after the data set, if it is known.
    size: Option<u64>,
    /// Bytes of the last value that were not read.
    unread: u64,
    last: Option<Element>,
    open: Vec<Open>,
}

impl<R: Read> Walk<R> {
    /// A walk that begins at the position `start`. `size` is the position after the last element, if it is known.
    pub fn new(source: R, encoding: Encoding, start: u64, size: Option<u64>) -> Self {
        Self { source, encoding, position: start, size, unread: 0, last: None, open: Vec::new() }
    }

    /// Returns the next element, or `None` at the end of the data set.
    pub fn next(&mut self) -> Result<Option<Element>, String> {
        loop {
            match self.step()? {
                Step::Element(element) => return Ok(Some(element)),
                Step::Boundary => {}
                Step::End => return Ok(None),
            }
        }
    }

    /// Skips the content of the last element, whatever its kind. Returns the position after it.
    pub fn skip_content(&mut self, element: &Element) -> Result<u64, String> {
        self.skip_value()?;
        if matches!(element.kind, Kind::Sequence | Kind::Fragments) {
            let outside = self.open.len().saturating_sub(1);
            while self.open.len() > outside {
                if matches!(self.step()?, Step::End) {
                    return Err(self.cut());
                }
            }
        }
        Ok(self.position)
    }

    /// Reads up to the next element, or to the next boundary of an item or a sequence.
    fn step(&mut self) -> Result<Step, String> {
        self.skip_value()?;
        if let Some(open) = self.open.last().copied()
            && let Some(end) = open.end
        {
            if self.position > end {
                return Err(format!("an element ends after its {}", name_of(open)));
            }
            if self.position == end {
                self.close();
                return Ok(Step::Boundary);
            }
        }
        let Some(element) = self.read_header()? else { return Ok(Step::End) };
        match self.open.last().copied() {
            Some(open) if !open.is_item => Ok(self.enter_item(element, open)?.map_or(Step::Boundary, Step::Element)),
            _ if element.tag == ITEM_DELIMITER && self.open.last().is_some_and(|open| open.end.is_none()) => {
                self.close();
                Ok(Step::Boundary)
            }
            _ if element.tag.group() == ITEM.group() => Err(format!("{} stands where no item can be", element.tag)),
            _ => self.enter(element).map(Step::Element),
        }
    }

    /// Reads the beginning of the last element's value, at most `max` bytes.
    pub fn value(&mut self, max: u64) -> Result<Vec<u8>, String> {
        let mut value = Vec::new();
        let wanted = self.unread.min(max);
        let read = self.source.by_ref().take(wanted).read_to_end(&mut value).map_err(|error| error.to_string())?;
        self.position += read as u64;
        self.unread -= read as u64;
        if read as u64 == wanted { Ok(value) } else { Err(self.cut()) }
    }

    /// The length fields of the open sequences and items that have a length, the outermost first.
    pub fn enclosing_lengths(&self) -> impl Iterator<Item = (LengthField, u32)> {
        self.open.iter().filter(|open| open.end.is_some()).map(|open| (open.length_field, open.length))
    }

    /// The position after the part that was read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The encoding of the next element.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            self.encoding = open.outside;
        }
    }

    /// Enters an item, or ends its sequence. Returns a fragment.
    fn enter_item(&mut self, element: Element, sequence: Open) -> Result<Option<Element>, String> {
        match element.tag {
            SEQUENCE_DELIMITER if sequence.end.is_none() => {
                self.close();
                Ok(None)
            }
            ITEM if sequence.has_fragments && element.length == UNDEFINED_LENGTH => {
                Err("a fragment of pixel data has no length".to_owned())
            }
            ITEM if sequence.has_fragments => {
                let fragment = Element { kind: Kind::Fragment, ..element };
                self.expect_value(fragment)?;
                Ok(Some(fragment))
            }
            ITEM => {
                self.push(element, true, false, self.encoding)?;
                Ok(None)
            }
            tag => Err(format!("{tag} stands in a sequence outside its items")),
        }
    }

    /// Enters an element of the data set or of an item.
    fn enter(&mut self, element: Element) -> Result<Element, String> {
        let is_undefined = element.length == UNDEFINED_LENGTH;
        let kind = match element.vr {
            VR::SQ => Kind::Sequence,
            // The content of an unknown element without a length is a sequence in Implicit VR (PS3.5 6.2.2, note 2).
            VR::UN if is_undefined => Kind::Sequence,
            _ if is_undefined => Kind::Fragments,
            _ => Kind::Value,
        };
        let element = Element { kind, ..element };
        match kind {
            Kind::Value | Kind::Fragment => self.expect_value(element)?,
            Kind::Fragments => self.push(element, false, true, self.encoding)?,
            Kind::Sequence if element.vr == VR::UN => self.push(element, false, false, Encoding::ImplicitLittle)?,
            Kind::Sequence => self.push(element, false, false, self.encoding)?,
        }
        Ok(element)
    }

    fn push(&mut self, element: Element, is_item: bool, has_fragments: bool, inside: Encoding) -> Result<(), String> {
        let Element { length, length_field, .. } = element;
        let end = (length != UNDEFINED_LENGTH).then(|| self.position + u64::from(length));
        if let (Some(end), Some(size)) = (end, self.size)
            && end > size
        {
            return Err(cut_within(&element));
        }
        if !is_item && self.depth() >= MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} sequences are inside each other, which ends DCMTK and Orthanc"));
        }
        self.open.push(Open { is_item, has_fragments, end, length, length_field, outside: self.encoding });
        self.encoding = inside;
        Ok(())
    }

    fn expect_value(&mut self, element: Element) -> Result<(), String> {
        if self.size.is_some_and(|size| self.position + u64::from(element.length) > size) {
            return Err(cut_within(&element));
        }
        self.unread = element.length.into();
        self.last = Some(element);
        Ok(())
    }

    /// Skips the rest of the last element's value.
    pub fn skip_value(&mut self) -> Result<(), String> {
        let skipped = io::copy(&mut self.source.by_ref().take(self.unread), &mut io::sink());
        let skipped = skipped.map_err(|error| error.to_string())?;
        self.position += skipped;
        if skipped < self.unread {
            return Err(self.cut());
        }
        self.unread = 0;
        Ok(())
    }

    fn cut(&self) -> String {
        self.last.as_ref().map_or_else(|| "it ends too early".to_owned(), cut_within)
    }

    fn depth(&self) -> usize {
        self.open.iter().filter(|open| !open.is_item).count()
    }

    /// Reads the header of an element. Returns `None` at the end of the data set.
    fn read_header(&mut self) -> Result<Option<Element>, String> {
        let at = self.position;
        let mut bytes = [0; 12];
        let first = self.fill(&mut bytes[..8])?;
        match first {
            8 => {}
            0 if self.open.is_empty() => return Ok(None),
            0 => return Err("it ends within a sequence".to_owned()),
            rest if self.open.is_empty() => {
                return Err(format!("it has {rest} bytes after its last element that are not DICOM"));
            }
            _ => return Err("it ends within the header of an element".to_owned()),
        }
        let is_big_endian = self.encoding == Encoding::ExplicitBig;
        let short = |bytes: [u8; 2]| if is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        let long = |bytes: [u8; 4]| if is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let [g0, g1, e0, e1, v0, v1, l0, l1, ..] = bytes;
        let tag = Tag(short([g0, g1]), short([e0, e1]));
        let (vr, length, length_bytes) = if self.encoding == Encoding::ImplicitLittle || tag.group() == ITEM.group() {
            let vr = StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr.relaxed());
            (vr, long([v0, v1, l0, l1]), 4)
        } else {
            let vr = VR::from_binary([v0, v1]).ok_or_else(|| {
                let name = [v0, v1].escape_ascii().to_string();
                format!("at byte {at} is {tag} with the value representation {name:?}, which does not exist")
            })?;
            if has_short_length(vr) {
                (vr, short([l0, l1]).into(), 2)
            } else {
                if self.fill(&mut bytes[8..])? < 4 {
                    return Err("it ends within the header of an element".to_owned());
                }
                let [.., m0, m1, m2, m3] = bytes;
                (vr, long([m0, m1, m2, m3]), 4)
            }
        };
        let length_field =
            LengthField { at: self.position - u64::from(length_bytes), bytes: length_bytes, is_big_endian };
        let (depth, value_at) = (self.depth(), self.position);
        Ok(Some(Element { tag, vr, kind: Kind::Value, length, depth, at, value_at, length_field }))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, String> {
        let filled = fill(&mut self.source, buffer).map_err(|error| error.to_string())?;
        self.position += filled as u64;
        Ok(filled)
    }
}

/// Reads until the buffer is full or the source ends. Returns the number of bytes.
pub(super) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// True if the length field has 16 bits in Explicit VR (PS3.5 7.1.2).
pub(super) const fn has_short_length(vr: VR) -> bool {
    !matches!(
        vr,
        VR::OB
            | VR::OD
            | VR::OF
            | VR::OL
            | VR::OV
            | VR::OW
            | VR::SQ
            | VR::SV
            | VR::UC
            | VR::UN
            | VR::UR
            | VR::UT
            | VR::UV
    )
}

fn cut_within(element: &Element) -> String {
    let Element { tag, length, .. } = element;
    match element.kind {
        Kind::Fragment => format!("it ends within a fragment of {length} bytes"),
        _ => format!("it ends within element {tag} of {length} bytes"),
    }
}

fn name_of(open: Open) -> &'static str {
    if open.is_item { "item" } else { "sequence" }
}
