//! A data set under construction. Value representations come from the dictionary.

use dicom_core::dictionary::DataDictionary as _;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;

/// Attributes of an instance, or of an item of a sequence.
pub(super) struct Attributes(InMemDicomObject);

impl Attributes {
    pub(super) fn new() -> Self {
        Self(InMemDicomObject::new_empty())
    }

    /// Returns an item with these attributes.
    pub(super) fn item(texts: &[(Tag, &str)]) -> Self {
        let mut item = Self::new();
        item.texts(texts);
        item
    }

    /// Returns a code (PS3.3 8.8) of SNOMED CT (PS3.16 8.1).
    pub(super) fn snomed(code: &str, meaning: &str) -> Self {
        Self::item(&[(tags::CODE_VALUE, code), (tags::CODING_SCHEME_DESIGNATOR, "SCT"), (tags::CODE_MEANING, meaning)])
    }

    /// Sets attributes that are text in any form. An empty text gives an attribute without a value (type 2).
    pub(super) fn texts(&mut self, texts: &[(Tag, &str)]) {
        for &(tag, text) in texts {
            self.put(tag, if text.is_empty() { PrimitiveValue::Empty } else { PrimitiveValue::from(text) });
        }
    }

    /// Sets attributes that are a 16-bit number.
    pub(super) fn numbers(&mut self, numbers: &[(Tag, u16)]) {
        for &(tag, number) in numbers {
            self.put(tag, PrimitiveValue::from(number));
        }
    }

    /// Sets an attribute of any other form.
    pub(super) fn put(&mut self, tag: Tag, value: PrimitiveValue) {
        let vr = StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr.relaxed());
        self.0.put(DataElement::new(tag, vr, value));
    }

    /// Sets a sequence. It may have no items.
    pub(super) fn sequence(&mut self, tag: Tag, items: impl IntoIterator<Item = Self>) {
        let items: Vec<_> = items.into_iter().map(|item| item.0).collect();
        self.0.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
    }

    /// Returns the attributes with one more sequence, which has one item.
    pub(super) fn with(mut self, tag: Tag, item: Self) -> Self {
        self.sequence(tag, [item]);
        self
    }

    pub(super) fn into_object(self) -> InMemDicomObject {
        self.0
    }
}

/// Writes a length in um as a decimal string of mm.
pub(super) fn millimetres(um: i64) -> String {
    let sign = if um < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", um.abs() / 1000, um.abs() % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millimetres_are_decimal_strings() {
        assert_eq!(millimetres(0), "0.000");
        assert_eq!(millimetres(-1_250), "-1.250");
        assert_eq!(millimetres(-625), "-0.625");
    }
}
