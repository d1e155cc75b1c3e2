use std::io::Cursor;

use dicom_core::header::Header as _;
use dicom_core::{Tag, VR};
use dicom_object::{InMemDicomObject, OpenFileOptions};
use proptest::prelude::*;

use super::*;
use crate::dataset::encode;
use crate::dataset::{Part, inspect, new_uid};

const STUDY: &str = "1.2.3";
const SERIES: &str = "1.2.3.40";
const INSTANCE: &str = "1.2.3.40.5";
/// Another instance of the dataset.
const OTHER: &str = "1.2.3.40.6";
const FOREIGN: &str = "1.2.99";
/// Explicit VR Big Endian, which is retired.
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
const SYNTAXES: [&str; 4] = [
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    BIG_ENDIAN,
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
];

/// An element of a made-up data set.
#[derive(Debug, Clone)]
enum Node {
    Value(Tag, VR, Vec<u8>),
    /// A sequence of items, each of a known length or not.
    Sequence {
        tag: Tag,
        items: Vec<Vec<Node>>,
        has_lengths: bool,
    },
    Raw(Vec<u8>),
}

fn value(tag: Tag, vr: VR, text: &str) -> Node {
    Node::Value(tag, vr, text.into())
}

fn sequence(tag: Tag, has_lengths: bool, items: Vec<Vec<Node>>) -> Node {
    Node::Sequence { tag, items, has_lengths }
}

fn encode(nodes: &[Node], encoding: Encoding) -> Vec<u8> {
    let is_big_endian = encoding == Encoding::ExplicitBig;
    let delimiter = |element: u16, length: u32| {
        if is_big_endian {
            [&[0xFF, 0xFE][..], &element.to_be_bytes(), &length.to_be_bytes()].concat()
        } else {
            [&[0xFE, 0xFF][..], &element.to_le_bytes(), &length.to_le_bytes()].concat()
        }
    };
    let mut bytes = Vec::new();
    for node in nodes {
        match node {
            Node::Raw(raw) => bytes.extend(raw),
            Node::Value(tag, vr, value) => bytes.extend(encode::element(encoding, *tag, *vr, value).0),
            Node::Sequence { tag, items, has_lengths } => {
                let mut content = Vec::new();
                for item in items {
                    let item = encode(item, encoding);
                    let length = if *has_lengths { u32::try_from(item.len()).expect("small") } else { u32::MAX };
                    content.extend(delimiter(0xE000, length));
                    content.extend(item);
                    if !has_lengths {
                        content.extend(delimiter(0xE00D, 0));
                    }
                }
                let (mut header, value_at) = encode::element(encoding, *tag, VR::SQ, &content);
                if !has_lengths {
                    header[value_at - 4..value_at].fill(0xFF);
                    header.extend(delimiter(0xE0DD, 0));
                }
                bytes.extend(header);
            }
        }
    }
    bytes
}

/// A file with a file meta group and these elements.
fn file(syntax: &str, nodes: &[Node]) -> Vec<u8> {
    let explicit = Encoding::ExplicitLittle;
    let encoding = match syntax {
        uids::IMPLICIT_VR_LITTLE_ENDIAN => Encoding::ImplicitLittle,
        BIG_ENDIAN => Encoding::ExplicitBig,
        _ => explicit,
    };
    let group = encode(
        &[
            Node::Value(Tag(2, 1), VR::OB, vec![0, 1]),
            value(tags::MEDIA_STORAGE_SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
            value(tags::MEDIA_STORAGE_SOP_INSTANCE_UID, VR::UI, INSTANCE),
            value(tags::TRANSFER_SYNTAX_UID, VR::UI, syntax),
            value(tags::IMPLEMENTATION_CLASS_UID, VR::UI, "1.2.276.1"),
            value(tags::SOURCE_APPLICATION_ENTITY_TITLE, VR::AE, "SCANNER7"),
        ],
        explicit,
    );
    let length = u32::try_from(group.len()).expect("small").to_le_bytes();
    let mut bytes = vec![b'P'; 128];
    bytes.extend(b"DICM");
    bytes.extend(encode::element(explicit, Tag(2, 0), VR::UL, &length).0);
    bytes.extend(group);
    let data_set = encode(nodes, encoding);
    if syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        let mut deflater = Deflater::new(&mut bytes, Vec::new());
        deflater.write_all(&data_set).expect("written");
        deflater.finish().expect("finished");
    } else {
        bytes.extend(data_set);
    }
    bytes
}

/// The elements of an ordinary object, with these between the patient and the pixels.
fn ordinary(more: Vec<Node>) -> Vec<Node> {
    let mut nodes = vec![
        value(tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
        value(tags::SOP_INSTANCE_UID, VR::UI, INSTANCE),
        value(tags::MODALITY, VR::CS, "CT"),
        value(tags::PATIENT_NAME, VR::PN, "Doe^Jane"),
        value(tags::PATIENT_ID, VR::LO, "P-12345"),
        value(tags::STUDY_INSTANCE_UID, VR::UI, STUDY),
        value(tags::SERIES_INSTANCE_UID, VR::UI, SERIES),
    ];
    nodes.splice(3..3, more);
    nodes.push(Node::Value(tags::PIXEL_DATA, VR::OW, (0..=255).cycle().take(5000).collect()));
    nodes
}

/// References inside each other, to the dataset's own instances and to others.
fn references(has_lengths: bool) -> Vec<Node> {
    let reference = |uid| value(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, uid);
    let inner = vec![vec![reference(OTHER)], vec![reference(FOREIGN)]];
    let series = vec![
        sequence(tags::REFERENCED_INSTANCE_SEQUENCE, !has_lengths, inner),
        value(tags::SERIES_INSTANCE_UID, VR::UI, SERIES),
    ];
    vec![
        // Several UIDs in one value, though not of this attribute.
        value(tags::RELATED_GENERAL_SOP_CLASS_UID, VR::UI, &format!("{OTHER}\\{FOREIGN}\\{STUDY}")),
        sequence(tags::REFERENCED_SERIES_SEQUENCE, has_lengths, vec![series, Vec::new()]),
        sequence(tags::REFERENCED_IMAGE_SEQUENCE, has_lengths, vec![vec![reference(INSTANCE)]]),
    ]
}

fn own() -> HashSet<String> {
    [STUDY, SERIES, INSTANCE, OTHER].map(str::to_owned).into()
}

fn rewrite(bytes: &[u8], changes: &Changes<'_>) -> (Vec<u8>, Rewritten) {
    let rewrite = Rewrite::plan(Cursor::new(bytes), bytes.len() as u64, changes).expect("planned");
    if let Some(unchanged) = rewrite.unchanged(bytes.len() as u64) {
        return (bytes.to_vec(), unchanged);
    }
    let mut new = Vec::new();
    let rewritten = rewrite.apply(bytes, &mut new).expect("rewritten");
    assert_eq!(rewritten.bytes, new.len() as u64);
    let inspected = inspect(new.as_slice(), Part { size: rewritten.bytes, is_whole: true }, true).expect("an object");
    assert!(inspected.repairs.is_empty(), "{:?}", inspected.repairs);
    assert_eq!(inspected.data_set_at, rewritten.data_set_at);
    (new, rewritten)
}

/// Every value of a file as dicom-object reads it, with the tags of its sequences.
fn read(bytes: &[u8]) -> Vec<(Vec<Tag>, String)> {
    let object = OpenFileOptions::new().from_reader(Cursor::new(bytes)).expect("DICOM");
    let mut values = vec![(vec![Tag(2, 3)], object.meta().media_storage_sop_instance_uid().to_owned())];
    flatten(&object, &mut Vec::new(), &mut values);
    values
}

fn flatten(object: &InMemDicomObject, path: &mut Vec<Tag>, values: &mut Vec<(Vec<Tag>, String)>) {
    for element in object.iter() {
        path.push(element.tag());
        match element.items() {
            Some(items) => {
                values.push((path.clone(), format!("{} items", items.len())));
                items.iter().for_each(|item| flatten(item, path, values));
            }
            None => {
                let text = element.to_str().map(|text| text.trim_end_matches(['\0', ' ']).to_owned());
                values.push((path.clone(), text.unwrap_or_else(|_| format!("{:?}", element.value()))));
            }
        }
        path.pop();
    }
}

/// The values with these UIDs replaced, and this Patient ID.
fn expected(values: &[(Vec<Tag>, String)], new: impl Fn(&str) -> String, patient_id: &str) -> Vec<(Vec<Tag>, String)> {
    let uids = |value: &String| value.split('\\').map(&new).collect::<Vec<_>>().join("\\");
    let change = |(path, value): &(Vec<Tag>, String)| match path[..] {
        [tags::PATIENT_ID] => (path.clone(), patient_id.to_owned()),
        _ => (path.clone(), uids(value)),
    };
    values.iter().map(change).collect()
}

/// Writes other UIDs to their places.
fn renew(bytes: &mut [u8], places: &[UidPlace]) -> std::collections::HashMap<String, String> {
    let mut random = rand::make_rng::<rand::rngs::StdRng>();
    let mut map = std::collections::HashMap::new();
    for UidPlace { at, uid } in places {
        let new = map.entry(uid.clone()).or_insert_with(|| new_uid(&mut random));
        let at = usize::try_from(*at).expect("small");
        bytes[at..at + UID_CHARACTERS].copy_from_slice(new.as_bytes());
    }
    map
}

/// Rewrites a file, renews its UIDs in place, and checks every value by dicom-object. Returns the number of places.
fn check_renewal(bytes: &[u8]) -> usize {
    let (own, before) = (own(), read(bytes));
    let replacement = UidReplacement { salt: [3; 32], copy: 1 };
    let changes = Changes { own: &own, uids: Some(replacement), patient_id: Some("DICOMPERF"), deidentify: false };
    let (mut new, rewritten) = rewrite(bytes, &changes);
    let replaced = |uid: &str| if own.contains(uid) { replacement.replace(uid) } else { uid.to_owned() };
    let after = expected(&before, replaced, "DICOMPERF");
    assert_eq!(read(&new), after);

    // The places are found in a file as it is, too.
    let new_own = own.iter().map(|uid| replacement.replace(uid)).collect();
    let as_it_is = Changes { own: &new_own, uids: None, patient_id: None, deidentify: false };
    let again = rewrite(&new, &as_it_is);
    assert_eq!(read(&again.0), after);
    assert_eq!(again.1.uids.len(), rewritten.uids.len());

    let renewed = renew(&mut new, &rewritten.uids);
    let renewed = |uid: &str| renewed.get(uid).cloned().unwrap_or_else(|| uid.to_owned());
    assert_eq!(read(&new), expected(&after, renewed, "DICOMPERF"));
    rewritten.uids.len()
}

#[test]
fn only_uids_and_the_patient_change_in_every_syntax() {
    for syntax in SYNTAXES {
        for has_lengths in [true, false] {
            let mut nodes = ordinary(references(has_lengths));
            nodes.insert(2, value(tags::STUDY_DESCRIPTION, VR::LO, "odd"));
            // Three references in sequences, two of several UIDs, one of the image sequence, and four of the object itself.
            assert_eq!(check_renewal(&file(syntax, &nodes)), 9, "{syntax}, lengths: {has_lengths}");
        }
    }
}

#[test]
fn fragments_of_pixel_data_stay_as_they_are() {
    let mut nodes = ordinary(Vec::new());
    nodes.pop();
    let mut pixels = vec![0xE0, 0x7F, 0x10, 0x00, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF];
    for fragment in [&[][..], &[1, 2, 3, 4], &[5; 7000]] {
        pixels.extend([0xFE, 0xFF, 0x00, 0xE0]);
        pixels.extend(u32::try_from(fragment.len()).expect("small").to_le_bytes());
        pixels.extend(fragment);
    }
    pixels.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    nodes.push(Node::Raw(pixels));
    assert_eq!(check_renewal(&file(uids::JPEG2000_LOSSLESS, &nodes)), 4);
}

#[test]
fn values_of_odd_length_and_group_lengths_are_made_valid() {
    let mut nodes = ordinary(references(true));
    // (0008,0000) UL, and a description of three bytes.
    nodes.insert(0, Node::Value(Tag(8, 0), VR::UL, vec![99, 0, 0, 0]));
    nodes.insert(4, Node::Raw(vec![0x08, 0, 0x30, 0x10, b'L', b'O', 3, 0, b'o', b'd', b'd']));
    let bytes = file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &nodes);
    let own = own();
    let replacement = Some(UidReplacement { salt: [3; 32], copy: 1 });
    let (new, _) =
        rewrite(&bytes, &Changes { own: &own, uids: replacement, patient_id: Some("DICOMPERF"), deidentify: false });
    let values = read(&new);
    assert!(values.iter().all(|(path, _)| path[0] != Tag(8, 0)));
    assert!(values.contains(&(vec![tags::STUDY_DESCRIPTION], "odd".to_owned())));
}

#[test]
fn a_missing_patient_id_is_inserted_in_its_place() {
    for syntax in SYNTAXES {
        let mut nodes = ordinary(Vec::new());
        nodes.retain(|node| !matches!(node, Node::Value(tags::PATIENT_ID, ..)));
        let own = own();
        let changes = Changes { own: &own, uids: None, patient_id: Some("DICOMPERF-0001"), deidentify: false };
        let (new, _) = rewrite(&file(syntax, &nodes), &changes);
        let values = read(&new);
        let at = values.iter().position(|(path, _)| path[..] == [tags::PATIENT_ID]).expect("inserted");
        assert_eq!(values[at].1, "DICOMPERF-0001");
        assert_eq!(values[at - 1].0, [tags::PATIENT_NAME], "{syntax}");
    }
}

/// Elements of any kind inside each other, in the order of their tags.
fn any_nodes() -> impl Strategy<Value = Vec<Node>> {
    let uid = prop::sample::select(vec![STUDY, SERIES, INSTANCE, OTHER, FOREIGN, ""]);
    let leaf = prop::collection::vec((prop::bool::ANY, prop::bool::ANY, uid, "[A-Z]{0,9}"), 0..3).prop_map(|values| {
        let mut nodes = Vec::new();
        for (has_text, has_uid, uid, text) in values.into_iter().take(1) {
            if has_uid {
                nodes.push(value(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, uid));
            }
            if has_text {
                nodes.push(value(tags::CODE_MEANING, VR::LO, &text));
            }
        }
        nodes
    });
    leaf.prop_recursive(4, 40, 4, |inner| {
        (prop::collection::vec(inner.clone(), 0..3), prop::bool::ANY, inner).prop_map(
            |(items, has_lengths, mut nodes)| {
                nodes.retain(|node| !matches!(node, Node::Sequence { .. }));
                nodes.push(sequence(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, has_lengths, items));
                nodes
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_tree_of_sequences_is_renewed_and_loses_its_identity(
        item in any_nodes(),
        has_lengths in prop::bool::ANY,
        syntax in prop::sample::select(SYNTAXES.to_vec()),
    ) {
        let nodes = ordinary(vec![sequence(tags::REFERENCED_IMAGE_SEQUENCE, has_lengths, vec![item])]);
        let bytes = file(syntax, &nodes);
        check_renewal(&bytes);
        let (own, uids) = (own(), Some(UidReplacement { salt: [4; 32], copy: 0 }));
        let changes = Changes { own: &own, uids, patient_id: Some("DICOMPERF"), deidentify: true };
        for (path, value) in read(&rewrite(&bytes, &changes).0) {
            prop_assert!(![STUDY, SERIES, INSTANCE, OTHER, FOREIGN, "P-12345", "Doe^Jane"].contains(&&*value), "{path:?}");
        }
    }
}

mod identity;
