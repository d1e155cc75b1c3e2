use std::io::Write as _;

use dicom_core::{DataElement, PrimitiveValue};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use super::super::walk::MAX_DEPTH;
use super::*;

/// Returns a file with these attributes and some study and series, in Explicit VR Little Endian.
fn file(attributes: &[(Tag, VR, &str)]) -> Vec<u8> {
    let mut object = InMemDicomObject::new_empty();
    let place = [(tags::STUDY_INSTANCE_UID, VR::UI, "1.2.1"), (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.2")];
    for (tag, vr, value) in place.iter().chain(attributes) {
        object.put(DataElement::new(*tag, *vr, *value));
    }
    write(object, uids::EXPLICIT_VR_LITTLE_ENDIAN)
}

fn write(object: InMemDicomObject, syntax: &str) -> Vec<u8> {
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
        .media_storage_sop_instance_uid("1.2.3")
        .transfer_syntax(syntax);
    let mut bytes = Vec::new();
    object.with_meta(meta).expect("a file meta group").write_all(&mut bytes).expect("written");
    bytes
}

const CLASS: (Tag, VR, &str) = (tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE);
const INSTANCE: (Tag, VR, &str) = (tags::SOP_INSTANCE_UID, VR::UI, "1.2.3");

fn whole(bytes: &[u8]) -> Result<Inspected, String> {
    inspect(bytes, Part { size: bytes.len() as u64, is_whole: true }, false)
}

fn beginning(bytes: &[u8], size: usize) -> Result<Inspected, String> {
    inspect(bytes, Part { size: size as u64, is_whole: false }, false)
}

fn refusal(bytes: &[u8]) -> String {
    whole(bytes).expect_err("refused")
}

/// Returns the bytes of the data set after the object's repairs.
fn repaired(bytes: &[u8]) -> Vec<u8> {
    let inspected = whole(bytes).expect("accepted");
    let mut repaired = Vec::new();
    inspected.repairs.apply(bytes, &mut repaired).expect("repaired");
    repaired
}

#[test]
fn an_instance_without_a_patient_passes() {
    let bytes = file(&[CLASS, INSTANCE]);
    let inspected = whole(&bytes).expect("accepted");
    assert_eq!(inspected.sop_instance_uid, "1.2.3");
    assert_eq!(inspected.sop_class_uid, uids::CT_IMAGE_STORAGE);
    assert_eq!(inspected.transfer_syntax_uid, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert!(inspected.repairs.is_empty());
    let first = usize::try_from(inspected.data_set_at).expect("small");
    assert_eq!(bytes[first..first + 4], [8, 0, 0x16, 0]);
}

#[test]
fn what_is_no_dicom_is_refused() {
    for bytes in [&b""[..], b"text", &[0; 4096]] {
        assert!(refusal(bytes).starts_with("not DICOM: no DICM"), "{}", refusal(bytes));
    }
    let whole = file(&[CLASS, INSTANCE, (tags::IMAGE_COMMENTS, VR::LT, "cut in the middle of this")]);
    let reason = refusal(&whole[..whole.len() - 9]);
    assert_eq!(reason, "not DICOM: it ends within element (0020,4000) of 26 bytes");
}

#[test]
fn an_archive_and_a_bare_data_set_are_called_that() {
    assert!(refusal(b"PK\x03\x04rest").contains("a ZIP archive; extract it"));
    assert!(refusal(b"\x1f\x8b\x08rest").contains("a gzip file; decompress it"));
    let bytes = file(&[CLASS, INSTANCE]);
    let data_set_at = usize::try_from(whole(&bytes).expect("accepted").data_set_at).expect("small");
    assert!(refusal(&bytes[data_set_at..]).contains("a bare data set"), "{}", refusal(&bytes[data_set_at..]));
    assert!(refusal(&bytes[132..]).contains("a bare data set"), "{}", refusal(&bytes[132..]));
}

#[test]
fn an_element_that_claims_to_be_huge_takes_no_memory() {
    let mut bytes = file(&[CLASS, INSTANCE]);
    // (0021,0010) OB of 4,294,967,294 bytes.
    bytes.extend([0x21, 0x00, 0x10, 0x00, b'O', b'B', 0, 0, 0xFE, 0xFF, 0xFF, 0xFF]);
    assert_eq!(refusal(&bytes), "not DICOM: it ends within element (0021,0010) of 4294967294 bytes");
}

#[test]
fn sequences_are_read_to_a_bounded_depth() {
    let nested = |depth| {
        let mut bytes = file(&[CLASS, INSTANCE]);
        for _ in 0..depth {
            bytes.extend([0x40, 0x00, 0x30, 0xA7, b'S', b'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
            bytes.extend([0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
        }
        for _ in 0..depth {
            bytes.extend([0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
        }
        bytes
    };
    whole(&nested(MAX_DEPTH)).expect("accepted");
    let reason = refusal(&nested(100_000));
    assert_eq!(reason, "not DICOM: more than 128 sequences are inside each other, which ends DCMTK and Orthanc");
}

#[test]
fn a_beginning_is_read_up_to_the_pixel_data_and_a_whole_object_to_its_end() {
    let bytes = file(&[CLASS, INSTANCE, (tags::PIXEL_DATA, VR::OB, "0123456789")]);
    beginning(&bytes[..bytes.len() - 9], bytes.len()).expect("accepted");
    // An element that ends after the object is refused before its bytes are read.
    let cut = &bytes[..bytes.len() - 9];
    assert_eq!(refusal(cut), "not DICOM: it ends within element (7FE0,0010) of 10 bytes");
}

#[test]
fn bytes_after_the_data_set_are_found() {
    let mut bytes = file(&[CLASS, INSTANCE]);
    bytes.extend([0; 5]);
    assert_eq!(refusal(&bytes), "not DICOM: it has 5 bytes after its last element that are not DICOM");
    bytes.extend(b"<html>error 502</html>");
    assert!(refusal(&bytes).contains("value representation"), "{}", refusal(&bytes));
}

#[test]
fn values_of_odd_length_are_padded() {
    let mut bytes = file(&[CLASS, INSTANCE]);
    let even = bytes.len();
    // (0021,0010) LO of 3 bytes, then (7FE0,0010) OB of 5 bytes.
    bytes.extend([0x21, 0, 0x10, 0, b'L', b'O', 3, 0, b'a', b'b', b'c']);
    bytes.extend([0xE0, 0x7F, 0x10, 0, b'O', b'B', 0, 0, 5, 0, 0, 0, 1, 2, 3, 4, 5]);
    let mut expected = bytes[..even].to_vec();
    expected.extend([0x21, 0, 0x10, 0, b'L', b'O', 4, 0, b'a', b'b', b'c', b' ']);
    expected.extend([0xE0, 0x7F, 0x10, 0, b'O', b'B', 0, 0, 6, 0, 0, 0, 1, 2, 3, 4, 5, 0]);
    assert_eq!(repaired(&bytes), expected);
    assert!(whole(&expected).expect("accepted").repairs.is_empty());
}

#[test]
fn a_sequence_with_a_length_grows_with_its_odd_values() {
    let mut bytes = file(&[CLASS, INSTANCE]);
    let odd = [0x08, 0, 0x00, 0x01, b'S', b'H', 1, 0, b'x'];
    // (0040,A730) SQ with one item, which has two values of odd length.
    bytes.extend([0x40, 0, 0x30, 0xA7, b'S', b'Q', 0, 0, 26, 0, 0, 0]);
    bytes.extend([0xFE, 0xFF, 0x00, 0xE0, 18, 0, 0, 0]);
    bytes.extend(odd);
    bytes.extend(odd);
    let repaired = repaired(&bytes);
    assert_eq!(repaired.len(), bytes.len() + 2);
    assert!(whole(&repaired).expect("accepted").repairs.is_empty());
}

#[test]
fn group_2_in_the_data_set_is_not_sent() {
    let bytes = file(&[CLASS, INSTANCE]);
    let inspected = whole(&bytes).expect("accepted");
    let mut with = bytes.clone();
    with.extend([0x02, 0, 0x10, 0, b'U', b'I', 4, 0, b'1', b'.', b'2', 0]);
    assert_eq!(repaired(&with), bytes);
    // A group length that is too short leaves its last element in the data set.
    let last = bytes.windows(4).position(|tag| tag == [2, 0, 0x13, 0]).expect("Implementation Version Name");
    let mut short = bytes.clone();
    // The group length counts from byte 144 on.
    short[140] = u8::try_from(last - 144).expect("small");
    let found = whole(&short).expect("accepted");
    assert!(found.data_set_at < inspected.data_set_at && !found.repairs.is_empty());
    let data_set = &repaired(&short)[usize::try_from(found.data_set_at).expect("small")..];
    assert_eq!(data_set, &bytes[usize::try_from(inspected.data_set_at).expect("small")..]);
}

#[test]
fn a_deflated_data_set_is_read_and_padded_as_a_whole() {
    let mut object = InMemDicomObject::new_empty();
    for (tag, vr, value) in [
        CLASS,
        INSTANCE,
        (tags::STUDY_INSTANCE_UID, VR::UI, "1.2.1"),
        (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.2"),
        (tags::PIXEL_DATA, VR::OB, "0123456789"),
    ] {
        object.put(DataElement::new(tag, vr, value));
    }
    let bytes = write(object, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN);
    let inspected = whole(&bytes).expect("accepted");
    let data_set_bytes = bytes.len() as u64 - inspected.data_set_at;
    assert_eq!(inspected.repairs.is_empty(), data_set_bytes.is_multiple_of(2));
    let mut odd = bytes.clone();
    odd.push(0);
    assert_ne!(whole(&odd).expect("accepted").repairs.is_empty(), data_set_bytes.is_multiple_of(2));
    whole(&bytes[..bytes.len() - 12]).expect_err("cut short");
}

#[test]
fn a_deflated_data_set_that_inflates_without_end_is_refused() {
    let mut object = InMemDicomObject::new_empty();
    object.put(DataElement::new(Tag(0x0021, 0x0010), VR::OB, PrimitiveValue::from(vec![0_u8; 80 << 20])));
    let bytes = write(object, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN);
    let reason = beginning(&bytes, bytes.len()).expect_err("refused");
    assert_eq!(reason, "not DICOM: its deflated data set has more than 64 MiB");
}

#[test]
fn what_is_not_stored_is_refused() {
    assert_eq!(refusal(&file(&[INSTANCE])), "no storage SOP class: SOP Class UID is missing");
    let class = |uid| whole(&file(&[(tags::SOP_CLASS_UID, VR::UI, uid), INSTANCE]));
    let reason = "no storage SOP class: 1.2.840.10008.1.1 (Verification SOP Class)";
    assert_eq!(class("1.2.840.10008.1.1").expect_err("refused"), reason);
    let commitment = class("1.2.840.10008.1.20.1").expect_err("refused");
    assert!(commitment.contains("Storage Commitment Push Model"), "{commitment}");
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(uids::MEDIA_STORAGE_DIRECTORY_STORAGE)
        .media_storage_sop_instance_uid("1.2.3")
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let mut directory = Vec::new();
    let object = InMemDicomObject::new_empty().with_meta(meta).expect("a file meta group");
    object.write_all(&mut directory).expect("written");
    assert!(refusal(&directory).contains("a DICOMDIR"), "{}", refusal(&directory));
    let unknown = class("1.2.840.10008.5.1.4.1.1.999").expect_err("refused");
    assert!(unknown.contains("not in PS3.6"), "{unknown}");
}

#[test]
fn retired_and_private_classes_are_stored() {
    for uid in ["1.2.840.10008.5.1.1.29", "1.2.840.10008.5.1.1.30", "1.3.12.2.1107.5.9.1"] {
        whole(&file(&[(tags::SOP_CLASS_UID, VR::UI, uid), INSTANCE])).expect(uid);
    }
    assert!(is_storage("1.2.840.10008.5.1.1.29") && !is_private("1.2.840.10008.5.1.1.29"));
    assert!(is_private("1.3.12.2.1107.5.9.1") && !is_storage("1.3.12.2.1107.5.9.1"));
}

#[test]
fn what_a_server_could_not_file_is_refused() {
    for (tag, name) in [
        (tags::SOP_INSTANCE_UID, "SOP Instance UID"),
        (tags::STUDY_INSTANCE_UID, "Study Instance UID"),
        (tags::SERIES_INSTANCE_UID, "Series Instance UID"),
    ] {
        assert_eq!(refusal(&file(&[CLASS, INSTANCE, (tag, VR::UI, "")])), format!("not DICOM: {name} is missing"));
    }
}

#[test]
fn a_uid_that_dcmtk_would_cut_off_is_refused() {
    let with =
        |length: usize| file(&[CLASS, (tags::SOP_INSTANCE_UID, VR::UI, &format!("1.{}", "2".repeat(length - 2)))]);
    whole(&with(64)).expect("accepted");
    assert_eq!(refusal(&with(65)), "not DICOM: SOP Instance UID has 65 characters, and 64 are allowed");
}

#[test]
fn a_patient_is_refused_unless_removed_or_allowed() {
    let name = (tags::PATIENT_NAME, VR::PN, "Doe^Jane");
    let birth = (tags::PATIENT_BIRTH_DATE, VR::DA, "19700101");
    let identified = file(&[CLASS, INSTANCE, name, birth]);
    assert_eq!(
        refusal(&identified),
        "identified: Patient's Name, Patient's Birth Date present and no Patient Identity Removed = YES"
    );
    inspect(identified.as_slice(), Part { size: identified.len() as u64, is_whole: true }, true).expect("allowed");
    let removed = (tags::PATIENT_IDENTITY_REMOVED, VR::CS, "YES");
    whole(&file(&[CLASS, INSTANCE, name, removed])).expect("removed");
    let empty = [(tags::PATIENT_NAME, VR::PN, ""), (tags::PATIENT_ID, VR::LO, " ")];
    whole(&file(&[CLASS, INSTANCE, empty[0], empty[1]])).expect("empty");
}

#[test]
fn implicit_and_big_endian_are_read() {
    for syntax in [uids::IMPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.2"] {
        let mut object = InMemDicomObject::new_empty();
        for (tag, vr, value) in
            [CLASS, INSTANCE, (tags::STUDY_INSTANCE_UID, VR::UI, "1.2.1"), (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.2")]
        {
            object.put(DataElement::new(tag, vr, value));
        }
        let inspected = whole(&write(object, syntax)).expect(syntax);
        assert_eq!((inspected.sop_instance_uid.as_str(), inspected.repairs.is_empty()), ("1.2.3", true));
    }
}

#[test]
fn an_unknown_element_without_a_length_holds_implicit_items() {
    let mut bytes = file(&[CLASS, INSTANCE]);
    bytes.extend([0x21, 0, 0x10, 0, b'U', b'N', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    bytes.extend([0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
    // (0008,0100) in Implicit VR.
    bytes.write_all(&[0x08, 0, 0x00, 0x01, 2, 0, 0, 0, b'x', b' ']).expect("written");
    bytes.extend([0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    whole(&bytes).expect("accepted");
}

#[test]
fn every_small_change_to_a_file_is_read_or_refused() {
    let bytes = file(&[CLASS, INSTANCE, (tags::PIXEL_DATA, VR::OB, "0123456789")]);
    for position in 128..bytes.len() {
        for value in [0, 1, 0x7F, 0xFE, 0xFF] {
            let mut changed = bytes.clone();
            changed[position] = value;
            if let Ok(inspected) = whole(&changed) {
                let mut repaired = Vec::new();
                inspected.repairs.apply(changed.as_slice(), &mut repaired).expect("repaired");
                let again = whole(&repaired).expect("accepted");
                assert!(again.repairs.is_empty(), "{position} {value}");
            }
        }
        let _ = whole(&bytes[..position]);
    }
}
