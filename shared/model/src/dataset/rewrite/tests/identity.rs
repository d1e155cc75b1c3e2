//! The profile of PS3.15 E.2.

use super::*;

/// Values that identify somebody, none of which may be left.
const SECRETS: [&str; 14] = [
    "Doe^Jane",
    "P-12345",
    "19500102",
    "20240102",
    "031415",
    "Dr^Who",
    "St. Elsewhere",
    "secret",
    "SCANNER7",
    "Jane",
    "C-5551234",
    "SN-77",
    STUDY,
    FOREIGN,
];

fn identified(has_lengths: bool) -> Vec<Node> {
    let person = vec![value(tags::CODE_VALUE, VR::SH, "C-5551234"), value(tags::CODE_MEANING, VR::LO, "Dr^Who")];
    let text = vec![
        value(tags::RELATIONSHIP_TYPE, VR::CS, "CONTAINS"),
        value(tags::VALUE_TYPE, VR::CS, "TEXT"),
        value(tags::TEXT_VALUE, VR::UT, "Jane has a secret"),
        sequence(
            tags::CONTENT_SEQUENCE,
            has_lengths,
            vec![vec![value(tags::VALUE_TYPE, VR::CS, "PNAME"), value(tags::PERSON_NAME, VR::PN, "Dr^Who")]],
        ),
    ];
    let mut nodes = ordinary(vec![
        value(tags::STUDY_DATE, VR::DA, "20240102"),
        value(tags::ACQUISITION_DATE_TIME, VR::DT, "20240102031415"),
        value(tags::STUDY_TIME, VR::TM, "031415"),
        value(tags::INSTITUTION_NAME, VR::LO, "St. Elsewhere"),
        value(tags::REFERRING_PHYSICIAN_NAME, VR::PN, "Dr^Who"),
        sequence(tags::INSTITUTION_CODE_SEQUENCE, has_lengths, vec![person.clone()]),
        sequence(
            tags::REFERENCED_IMAGE_SEQUENCE,
            has_lengths,
            vec![vec![
                value(tags::REFERENCED_SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
                value(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, FOREIGN),
            ]],
        ),
        value(Tag(0x0009, 0x0010), VR::LO, "secret"),
        sequence(Tag(0x0009, 0x1001), has_lengths, vec![vec![value(tags::PATIENT_NAME, VR::PN, "Doe^Jane")]]),
    ]);
    let pixels = nodes.pop().expect("pixels");
    let position = nodes.iter().position(|node| matches!(node, Node::Value(tags::STUDY_INSTANCE_UID, ..)));
    nodes.splice(
        position.expect("a study")..position.expect("a study"),
        [value(tags::PATIENT_BIRTH_DATE, VR::DA, "19500102"), value(tags::DEVICE_SERIAL_NUMBER, VR::LO, "SN-77")],
    );
    nodes.extend([
        value(tags::FRAME_OF_REFERENCE_UID, VR::UI, FOREIGN),
        sequence(
            tags::VERIFYING_OBSERVER_SEQUENCE,
            has_lengths,
            vec![vec![
                value(tags::VERIFYING_ORGANIZATION, VR::LO, "St. Elsewhere"),
                value(tags::VERIFYING_OBSERVER_NAME, VR::PN, "Dr^Who"),
            ]],
        ),
        sequence(tags::PERSON_IDENTIFICATION_CODE_SEQUENCE, has_lengths, vec![person]),
        sequence(tags::CONTENT_SEQUENCE, has_lengths, vec![text]),
        Node::Value(Tag(0x6000, 0x0010), VR::US, vec![4, 0]),
        value(Tag(0x6000, 0x4000), VR::LT, "Jane"),
        pixels,
    ]);
    nodes
}

#[test]
fn nothing_of_the_table_keeps_its_value_in_any_syntax() {
    for syntax in SYNTAXES {
        for has_lengths in [true, false] {
            let bytes = file(syntax, &identified(has_lengths));
            let (own, replacement) = (own(), Some(UidReplacement { salt: [5; 32], copy: 0 }));
            let changes = Changes { own: &own, uids: replacement, patient_id: Some("DICOMPERF"), deidentify: true };
            let (new, rewritten) = rewrite(&bytes, &changes);
            let values = read(&new);
            for secret in SECRETS {
                let left = values.iter().find(|(_, value)| value.contains(secret));
                assert_eq!(left, None, "{syntax}: {secret}");
                let is_there = new.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!is_there, "{syntax}: {secret} is in the bytes");
            }
            assert!(
                values.iter().all(|(path, _)| path.iter().all(|tag| tag.group() % 2 == 0 && tag.group() != 0x6000))
            );
            let of = |path: &[Tag]| values.iter().find(|(found, _)| found == path).map(|(_, value)| value.as_str());
            assert_eq!(of(&[tags::PATIENT_ID]), Some("DICOMPERF"));
            assert_eq!(of(&[tags::PATIENT_NAME]), Some("DICOMPERF"));
            assert_eq!(of(&[tags::PATIENT_IDENTITY_REMOVED]), Some("YES"));
            assert_eq!(of(&[tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE, tags::CODE_VALUE]), Some("113100"));
            assert_eq!(of(&[tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED]), Some("REMOVED"));
            assert_eq!(of(&[tags::STUDY_DATE]), Some(""));
            assert_eq!(of(&[tags::ACQUISITION_DATE_TIME]), Some("19000101000000"));
            assert_eq!(of(&[tags::CONTENT_SEQUENCE, tags::VALUE_TYPE]), Some("TEXT"));
            assert_eq!(of(&[tags::CONTENT_SEQUENCE, tags::TEXT_VALUE]), Some("DICOMPERF"));
            assert_eq!(of(&[tags::INSTITUTION_CODE_SEQUENCE]), None);
            // The same UID has the same successor everywhere, and the place of none but the dataset's own is recorded.
            let frame = of(&[tags::FRAME_OF_REFERENCE_UID]).expect("a UID");
            assert_eq!(of(&[tags::REFERENCED_IMAGE_SEQUENCE, tags::REFERENCED_SOP_INSTANCE_UID]), Some(frame));
            let class = of(&[tags::REFERENCED_IMAGE_SEQUENCE, tags::REFERENCED_SOP_CLASS_UID]);
            assert_eq!(class, Some(uids::CT_IMAGE_STORAGE));
            assert_eq!(rewritten.uids.len(), 4);
        }
    }
}

#[test]
fn a_value_of_unknown_representation_with_elements_inside_is_removed() {
    let hidden = encode(&[value(tags::PATIENT_NAME, VR::PN, "Doe^Jane")], Encoding::ImplicitLittle);
    let mut nodes = ordinary(Vec::new());
    nodes.insert(7, Node::Value(tags::REQUEST_ATTRIBUTES_SEQUENCE, VR::UN, hidden));
    let own = own();
    let replacement = Some(UidReplacement { salt: [5; 32], copy: 0 });
    let changes = Changes { own: &own, uids: replacement, patient_id: Some("DICOMPERF"), deidentify: true };
    let (new, _) = rewrite(&file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &nodes), &changes);
    assert!(!new.windows(8).any(|window| window == b"Doe^Jane"));
}
