//! Objects as people have them, from the plan's inspection to the server, by all three senders.

use std::fs;
use std::path::Path;

use dicom_dictionary_std::uids;
use dicomperf_model::dataset::{Part, PlannedObject, Refused, inspect, without_duplicates, without_unsendable};
use dicomperf_model::measurement::Iteration;
use dicomperf_model::request::{Request, Sender};
use dicomperf_model::settings::Settings;
use dicomperf_model::step::MeasureBlock;
use dicomperf_testkit::{Cause, not_tested, pydicom_files};
use serde_json::{Value, json};

use crate::harness::objects::{compressed_object, nested_object, object};
use crate::harness::orthanc::settings;
use crate::harness::run::{block, measurement_of};
use crate::harness::{OrthancProcess, Run};
use crate::senders::{all_valid, sink_for, variants};

const CT: &str = uids::CT_IMAGE_STORAGE;
const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;
/// The bytes of a large object that the plan reads.
const BEGINNING: usize = 256 * 1024;

/// The made-up files that the fuzz tests start from.
fn made_up(name: &str) -> (String, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/model/tests/fuzz/corpus").join(name);
    (name.to_owned(), fs::read(path).unwrap())
}

/// Objects that any sender sends and any server takes.
fn ordinary() -> Vec<(String, Vec<u8>)> {
    (1..=4).map(|number| (format!("ordinary-{number}.dcm"), object(CT, EXPLICIT, number))).collect()
}

/// Inspects objects as the plan of a request does. Returns those that are sent, and the others with their reasons.
fn plan(request: &Value, objects: &[(String, Vec<u8>)]) -> (Vec<Vec<u8>>, Vec<Refused>) {
    let request = Request::from_json(request).unwrap();
    let (mut planned, mut refused) = (Vec::new(), Vec::new());
    for (key, bytes) in objects {
        let size = bytes.len() as u64;
        let part = Part { size, is_whole: bytes.len() <= BEGINNING };
        let beginning = inspect(&bytes[..bytes.len().min(BEGINNING)], part, true);
        // An object without pixel data is all header: the plan then reads more of it.
        match beginning.or_else(|_| inspect(bytes.as_slice(), Part { size, is_whole: true }, true)) {
            Ok(found) => planned.push(PlannedObject {
                key: key.clone(),
                bytes: bytes.len() as u64,
                etag: String::new(),
                sop_instance_uid: found.sop_instance_uid,
                sop_class_uid: found.sop_class_uid,
                transfer_syntax_uid: found.transfer_syntax_uid,
            }),
            Err(reason) => refused.push(Refused { key: key.clone(), reason }),
        }
    }
    let (planned, unsendable) = without_unsendable(&request, planned);
    let (planned, duplicates) = without_duplicates(planned);
    refused.extend(unsendable.into_iter().chain(duplicates));
    let bytes = |object: PlannedObject| objects.iter().find(|(key, _)| *key == object.key).unwrap().1.clone();
    (planned.into_iter().map(bytes).collect(), refused)
}

/// A request with these senders.
fn request(senders: &[Sender]) -> Value {
    json!({ "matrix": { "sender": senders.iter().map(|sender| sender.name()).collect::<Vec<_>>() } })
}

const SENDERS: [Sender; 3] = [Sender::Storescu, Sender::Dcmsend, Sender::Native];

/// Sends objects to Orthanc, and then to the sink, once with each sender.
fn send(objects: &[Vec<u8>], senders: &[Sender], orthanc_keys: &[(&str, Value)]) -> (Vec<Iteration>, Vec<Iteration>) {
    let run = Run::with_objects(objects);
    let orthanc = OrthancProcess::start(settings(true, false, orthanc_keys));
    let mut block = block(&orthanc, &[1], 0, 1);
    let changes = senders.iter().map(|&sender| move |settings: &mut Settings| settings.sender = sender);
    block.scenarios = variants(&block, changes);
    let iterations = |block: MeasureBlock| measurement_of(&run.measure(0, block).succeeds()).iterations.clone();
    let to_orthanc = iterations(block.clone());
    block.ordinal = 1;
    let _sink = sink_for(&mut block, 0);
    (to_orthanc, iterations(block))
}

/// Asserts that the plan refuses the objects with these names and reasons, and that every sender stores all others.
fn assert_others_are_stored(objects: &[(String, Vec<u8>)], refusals: &[(&str, &str)]) {
    let (planned, refused) = plan(&request(&SENDERS), objects);
    assert_eq!(refused.len(), refusals.len(), "{refused:?}");
    for (name, reason) in refusals {
        let found = refused.iter().find(|one| one.key == *name).unwrap_or_else(|| panic!("{name} is not refused"));
        assert!(found.reason.contains(reason), "{name}: {}", found.reason);
    }
    let (to_orthanc, to_sink) = send(&planned, &SENDERS, &[]);
    all_valid(&to_orthanc);
    all_valid(&to_sink);
    let stored = u32::try_from(objects.len() - refusals.len()).unwrap();
    for iteration in to_orthanc.iter().chain(&to_sink) {
        assert_eq!((iteration.instances_sent, iteration.instances_stored), (stored, Some(stored)));
    }
}

#[test]
fn values_of_odd_length_are_stored_by_every_sender() {
    let mut objects = ordinary();
    objects.push(made_up("odd-pixels.dcm"));
    // (0008,1030) LO of 3 bytes, and after it a sequence of a known length with an odd value.
    let mut in_sequence = object(CT, EXPLICIT, 11);
    in_sequence.extend([0x40, 0, 0x30, 0xA7, b'S', b'Q', 0, 0, 17, 0, 0, 0, 0xFE, 0xFF, 0x00, 0xE0, 9, 0, 0, 0]);
    in_sequence.extend([0x08, 0, 0x00, 0x01, b'S', b'H', 1, 0, b'x']);
    objects.push(("odd-in-sequence.dcm".to_owned(), in_sequence));
    // A deflated stream, whose length is odd or made so by a byte after it.
    let mut deflated = object(CT, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, 12);
    let data_set_at = inspect(deflated.as_slice(), Part { size: deflated.len() as u64, is_whole: true }, true);
    if (deflated.len() as u64 - data_set_at.unwrap().data_set_at).is_multiple_of(2) {
        deflated.push(0);
    }
    objects.push(("odd-deflated.dcm".to_owned(), deflated));
    assert_others_are_stored(&objects, &[]);
}

#[test]
fn sequences_that_would_end_a_sender_are_refused_and_the_others_are_measured() {
    let mut objects = ordinary();
    objects.push(("nested.dcm".to_owned(), nested_object(CT, 21)));
    // As deep as the limit, and one deeper, in sequences of undefined length.
    for (name, depth, number) in [("deep.dcm", 128, 22), ("deeper.dcm", 129, 23)] {
        let mut bytes = object(CT, EXPLICIT, number);
        for _ in 0..depth {
            bytes.extend([0x40, 0x00, 0x30, 0xA7, b'S', b'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
            bytes.extend([0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
        }
        for _ in 0..depth {
            bytes.extend([0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
        }
        objects.push((name.to_owned(), bytes));
    }
    let reason = "more than 128 sequences are inside each other";
    assert_others_are_stored(&objects, &[("nested.dcm", reason), ("deeper.dcm", reason)]);
}

#[test]
fn a_syntax_that_one_sender_does_not_know_is_refused_for_all_and_native_alone_sends_it() {
    let mut objects = ordinary();
    objects.push(made_up("htj2k.dcm"));
    for (number, syntax) in [(31, "1.2.840.10008.1.2.4.203"), (32, "1.2.840.10008.1.2.4.110")] {
        objects.push((format!("{syntax}.dcm"), compressed_object(CT, syntax, number)));
    }
    let reason = "DCMTK 3.6.7 does not know transfer syntax";
    let refusals: Vec<(String, &str)> = objects[4..].iter().map(|(name, _)| (name.clone(), reason)).collect();
    let refusals: Vec<_> = refusals.iter().map(|(name, reason)| (name.as_str(), *reason)).collect();
    assert_others_are_stored(&objects, &refusals);
    let (planned, refused) = plan(&request(&[Sender::Native]), &objects);
    assert!(refused.is_empty(), "{refused:?}");
    all_valid(&send(&planned, &[Sender::Native], &[]).1);
}

#[test]
fn file_meta_groups_of_many_kinds_are_sent_or_refused() {
    let mut objects = ordinary();
    for name in ["group-2-in-data-set.dcm", "group-length-too-short.dcm", "bare-data-set.dcm", "trailing-garbage.dcm"] {
        objects.push(made_up(name));
    }
    let mut tail = object(CT, EXPLICIT, 41);
    tail.extend([0; 3]);
    objects.push(("three-bytes-more.dcm".to_owned(), tail));
    objects.push(("archive.zip".to_owned(), b"PK\x03\x04 and more".to_vec()));
    assert_others_are_stored(
        &objects,
        &[
            ("bare-data-set.dcm", "a bare data set"),
            ("trailing-garbage.dcm", "not DICOM: "),
            ("three-bytes-more.dcm", "3 bytes after its last element"),
            ("archive.zip", "a ZIP archive; extract it"),
        ],
    );
}

#[test]
fn uids_of_many_kinds_are_sent_or_refused() {
    let mut objects = ordinary();
    for name in
        ["no-patient-id.dcm", "uid-leading-zero.dcm", "uid-65-characters.dcm", "empty-study.dcm", "private-class.dcm"]
    {
        objects.push(made_up(name));
    }
    // A retired class is sent, and a class of another service is not.
    objects.push(("hardcopy.dcm".to_owned(), object("1.2.840.10008.5.1.1.29", EXPLICIT, 51)));
    objects.push(("verification.dcm".to_owned(), object(uids::VERIFICATION, EXPLICIT, 52)));
    assert_others_are_stored(
        &objects,
        &[
            ("uid-65-characters.dcm", "has 65 characters, and 64 are allowed"),
            ("empty-study.dcm", "Study Instance UID is missing"),
            ("private-class.dcm", "UnknownSopClassAccepted = true"),
            ("verification.dcm", "no storage SOP class"),
        ],
    );
}

#[test]
fn a_private_class_is_stored_where_the_server_accepts_it() {
    let mut objects = ordinary();
    objects.push(made_up("private-class.dcm"));
    objects.push(("another.dcm".to_owned(), object("1.2.276.0.7230010.3.1.0.99", EXPLICIT, 61)));
    let accepts = json!({ "UnknownSopClassAccepted": true });
    let mut request = request(&[Sender::Dcmsend, Sender::Native]);
    request["server"] = json!({ "orthanc": accepts });
    let (planned, refused) = plan(&request, &objects);
    assert!(refused.is_empty(), "{refused:?}");
    let keys = [("UnknownSopClassAccepted", json!(true))];
    let (to_orthanc, to_sink) = send(&planned, &[Sender::Dcmsend, Sender::Native], &keys);
    all_valid(&to_orthanc);
    all_valid(&to_sink);
}

#[test]
fn objects_of_classes_that_the_server_rejects_cost_themselves_only_and_read_alike() {
    let mut objects = ordinary();
    // Orthanc 1.10.1 knows none of these classes; the last one is not even in PS3.6.
    objects.insert(1, made_up("segmentation.dcm"));
    objects.insert(3, ("height-map.dcm".to_owned(), object("1.2.840.10008.5.1.4.1.1.66.8", EXPLICIT, 71)));
    objects.push(("waveform.dcm".to_owned(), object("1.2.840.10008.5.1.4.1.1.9.100.2", EXPLICIT, 72)));
    let (planned, refused) = plan(&request(&SENDERS), &objects);
    let sent = u32::try_from(planned.len()).unwrap() - 4;
    assert!(sent >= 2, "{refused:?}");
    let (to_orthanc, to_sink) = send(&planned, &SENDERS, &[]);
    all_valid(&to_sink);
    for iteration in &to_orthanc {
        assert_eq!(iteration.reason, to_orthanc[0].reason);
        let numbers = (iteration.instances_sent, iteration.instances_refused);
        assert_eq!(numbers, (4, sent), "{:?}", iteration.reason);
        assert_eq!((iteration.instances_failed, iteration.instances_not_tried), (0, 0));
        assert!(iteration.failures.iter().all(|one| one.says.starts_with("the server does not accept SOP class ")));
    }
}

#[test]
fn three_senders_agree_on_every_object_of_many_vendors() {
    let Some(files) = pydicom_files() else { return not_tested(Cause::Missing("no pydicom: make install")) };
    let objects: Vec<_> = files.iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect();
    let (planned, refused) = plan(&request(&SENDERS), &objects);
    println!("{} files, {} sent, {} refused", objects.len(), planned.len(), refused.len());
    for Refused { key, reason } in &refused {
        assert!(!reason.trim_end().ends_with(':'), "{key}: {reason}");
        println!("{}: {reason}", Path::new(key).file_name().unwrap().display());
    }
    assert!(planned.len() > 50, "{refused:?}");
    let (to_orthanc, to_sink) = send(&planned, &SENDERS, &[]);
    for iterations in [&to_orthanc, &to_sink] {
        all_valid(iterations);
        assert!(iterations.iter().all(|one| one.instances_stored.map(|stored| stored as usize) == Some(planned.len())));
    }
}
