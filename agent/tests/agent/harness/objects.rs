//! Small made-up objects of any SOP class and transfer syntax.

use std::fs;

use dicom_core::value::{PixelFragmentSequence, PrimitiveValue};
use dicom_core::{DataElement, VR};
use dicom_dictionary_std::tags;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dicomperf_agent::client::dataset::{self, Dataset, Instance};
use dicomperf_model::dataset::{Part, inspect};

use super::Run;

/// Sequences inside each other: as many as make DCMTK 3.6.7 overflow its stack.
const NESTED: usize = 100_000;

/// An object without pixel data. No two numbers have the same SOP Instance UID.
pub fn object(class: &str, syntax: &str, number: usize) -> Vec<u8> {
    write(dataset(class, number), class, syntax, number)
}

/// An object with one fragment of compressed pixel data.
pub fn compressed_object(class: &str, syntax: &str, number: usize) -> Vec<u8> {
    let mut object = dataset(class, number);
    let pixels = PixelFragmentSequence::new_fragments(vec![vec![0xFF, 0x4F, 0xFF, 0xD9]]);
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, pixels));
    write(object, class, syntax, number)
}

/// An object with 100,000 nested sequences, in Explicit VR Little Endian.
pub fn nested_object(class: &str, number: usize) -> Vec<u8> {
    let mut bytes = object(class, "1.2.840.10008.1.2.1", number);
    // (0040,A730) SQ and an item, both of undefined length, and their ends.
    let begin = [0x40, 0x00, 0x30, 0xA7, b'S', b'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x00, 0xE0];
    for _ in 0..NESTED {
        bytes.extend(begin);
        bytes.extend([0xFF; 4]);
    }
    for _ in 0..NESTED {
        bytes.extend([0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    }
    bytes
}

fn uid(number: usize) -> String {
    format!("2.25.{}", 4_000_000 + number)
}

fn dataset(class: &str, number: usize) -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    for (tag, vr, value) in [
        (tags::SOP_CLASS_UID, VR::UI, class),
        (tags::SOP_INSTANCE_UID, VR::UI, &uid(number)),
        (tags::PATIENT_ID, VR::LO, "MADEUP"),
        (tags::STUDY_INSTANCE_UID, VR::UI, "2.25.81"),
        (tags::SERIES_INSTANCE_UID, VR::UI, "2.25.82"),
    ] {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
    }
    object
}

fn write(object: InMemDicomObject, class: &str, syntax: &str, number: usize) -> Vec<u8> {
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(class)
        .media_storage_sop_instance_uid(uid(number))
        .transfer_syntax(syntax);
    let mut bytes = Vec::new();
    object.with_meta(meta).unwrap().write_all(&mut bytes).unwrap();
    bytes
}

impl Run {
    /// A run whose client has these objects as 000001.dcm and so on, as if they had been downloaded.
    pub fn with_objects(objects: &[Vec<u8>]) -> Self {
        let run = Self::new();
        let directory = run.home("dataset");
        fs::create_dir_all(&directory).unwrap();
        for (bytes, number) in objects.iter().zip(1..) {
            fs::write(directory.join(format!("{number:06}.dcm")), bytes).unwrap();
        }
        let dataset = dataset::prove(&directory, str::to_owned, |_| Ok(())).unwrap().dataset;
        fs::write(run.home("dataset.json"), serde_json::to_vec(&dataset).unwrap()).unwrap();
        run
    }

    /// Adds an object that the agent itself would refuse to read.
    pub fn add_unread_object(&self, class: &str, syntax: &str, number: usize, bytes: &[u8]) {
        let path = self.home("dataset.json");
        let mut dataset: Dataset = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let file = format!("{:06}.dcm", dataset.instances.len() + 1);
        fs::write(self.home("dataset").join(&file), bytes).unwrap();
        let readable = object(class, syntax, number);
        let part = Part { size: readable.len() as u64, is_whole: true };
        let data_set_at = inspect(readable.as_slice(), part, true).unwrap().data_set_at;
        dataset.instances.push(Instance {
            file,
            bytes: bytes.len() as u64,
            sop_instance_uid: uid(number),
            sop_class_uid: class.to_owned(),
            study_instance_uid: "1.2.3.1".to_owned(),
            series_instance_uid: "1.2.3.2".to_owned(),
            transfer_syntax_uid: syntax.to_owned(),
            data_set_at,
            sent_file: None,
        });
        fs::write(&path, serde_json::to_vec(&dataset).unwrap()).unwrap();
    }
}
