//! native against a real Orthanc, DCMTK's storescp and the sink.

use std::fs;
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::path::Path;
use std::thread;

use dicom_dictionary_std::uids;
use dicomperf_agent::native::SendDocument;
use dicomperf_agent::timeline::Association;
use dicomperf_model::request::Arrival;
use dicomperf_model::settings::ServerSettings;

use crate::harness::orthanc::settings;
use crate::harness::sender::{Instances, send};
use crate::harness::sink::{SinkProcess, plain};
use crate::harness::storescp::Storescp;
use crate::harness::{OrthancProcess, free_port};

/// Sends to an empty Orthanc, and checks that it stores exactly these instances.
fn send_and_check(orthanc: &OrthancProcess, instances: &Instances, document: &SendDocument) -> Vec<Association> {
    orthanc.rest().empty().unwrap();
    let associations = send(document).succeeds();
    let mut held: Vec<_> =
        orthanc.rest().instances().unwrap().into_iter().map(|stored| stored.sop_instance_uid).collect();
    held.sort();
    assert_eq!(held, instances.uids());
    associations
}

fn is_in_order(association: &Association) -> bool {
    let ends = [association.requested_us, association.accepted_us];
    let stores = association.stores.iter();
    let middle =
        stores.flat_map(|store| [Some(store.requested_us), store.response.as_ref().map(|response| response.0)]);
    let times: Option<Vec<u64>> =
        ends.into_iter().chain(middle).chain([association.release_requested_us, association.released_us]).collect();
    times.is_some_and(|times| times.is_sorted())
}

#[test]
fn orthanc_stores_everything_at_any_pdu_size_and_number_of_associations() {
    let instances = Instances::explicit_and_implicit(10);
    for max_pdu in [4096, 131_072] {
        let orthanc = OrthancProcess::start(ServerSettings { max_pdu, ..settings(true, false, &[]) });
        for lanes in [1, 4] {
            // First Orthanc's announced length is the limit, then ours, then both are equal.
            for ours in [0, 4096, max_pdu] {
                let document = SendDocument { max_pdu: ours, ..instances.document(orthanc.address.dicom_port, lanes) };
                let associations = send_and_check(&orthanc, &instances, &document);
                assert_eq!(associations.len(), lanes);
                assert!(associations.iter().all(is_in_order), "{associations:?}");
            }
        }
    }
}

#[test]
fn orthanc_stores_everything_over_tls() {
    let instances = Instances::explicit(10);
    let orthanc = OrthancProcess::start(settings(true, true, &[]));
    for lanes in [1, 4] {
        let document = SendDocument { tls: true, ..instances.document(orthanc.address.dicom_port, lanes) };
        let associations = send_and_check(&orthanc, &instances, &document);
        assert!(associations.iter().all(is_in_order), "{associations:?}");
    }
    let sent = send(&instances.document(orthanc.address.dicom_port, 1));
    assert_eq!(sent.output.status.code(), Some(1));
    assert!(sent.stderr().starts_with("request an association: "), "{}", sent.stderr());
}

#[test]
fn an_association_has_its_share_and_is_released() {
    let instances = Instances::explicit(11);
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let share = NonZeroU32::new(2);
    let document =
        SendDocument { instances_per_association: share, ..instances.document(orthanc.address.dicom_port, 2) };
    let associations = send_and_check(&orthanc, &instances, &document);
    let shares: Vec<_> = associations.iter().map(|association| association.stores.len()).collect();
    assert_eq!(shares, [2, 2, 2, 2, 2, 1]);
    assert!(associations.iter().all(is_in_order), "{associations:?}");
    // The associations of a lane follow one another.
    assert!(associations[0].released_us <= associations[1].requested_us);
}

/// The bytes after the file meta group.
fn dataset(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let length = u32::from_le_bytes(bytes[140..144].try_into().unwrap());
    bytes[144 + length as usize..].to_vec()
}

#[test]
fn storescp_receives_every_byte_of_every_dataset() {
    let instances = Instances::explicit_and_implicit(5);
    for max_pdu in ["4096", "16384", "131072"] {
        let received = tempfile::tempdir().unwrap();
        let storescp = Storescp::start(received.path(), &["+B", "+xa", "--max-pdu", max_pdu]);
        send(&SendDocument { max_pdu: 0, ..instances.document(storescp.port, 1) }).succeeds();
        let mut files = 0;
        for entry in fs::read_dir(received.path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let instance = instances.all.iter().find(|one| name.ends_with(&one.sop_instance_uid)).unwrap();
            assert!(dataset(&path) == dataset(&instances.path(instance)), "{name}");
            files += 1;
        }
        assert_eq!(files, 5);
    }
}

#[test]
fn an_instance_whose_context_is_rejected_is_named_and_the_rest_goes_on() {
    let mut instances = Instances::explicit(3);
    let sink = SinkProcess::start(plain());
    instances.all[1].sop_class_uid = uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND.to_owned();
    let sent = send(&instances.document(sink.document.dicom_port, 1));
    assert!(sent.output.status.success(), "{}", sent.stderr());
    let [association] = &sent.associations[..] else { panic!("one association") };
    assert!(association.stores.len() == 2 && association.stores.iter().all(|store| store.succeeded()));
    let [failed] = &association.failures[..] else { panic!("one failure") };
    assert_eq!(failed.file, instances.all[1].file);
    let sentence = failed.cause.sentence();
    assert!(sentence.contains("does not accept SOP class") && sentence.contains("5.1.4.1.2.2.1"), "{sentence}");
    assert_eq!(sink.counted().count, 2);
}

#[test]
fn what_fails_is_said_on_stderr_and_in_the_association() {
    let instances = Instances::explicit(3);
    let fails = |document: &SendDocument, words: &str| {
        let sent = send(document);
        assert_eq!(sent.output.status.code(), Some(1));
        let [association] = &sent.associations[..] else { panic!("one association") };
        assert!(association.complaints[0].contains(words), "{association:?}");
        assert!(sent.stderr().contains(words), "{}", sent.stderr());
        association.stores.len()
    };
    assert_eq!(fails(&instances.document(free_port(), 1), "connect: Connection refused"), 0);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = thread::spawn(move || drop(listener.accept()));
    assert_eq!(fails(&instances.document(port, 1), "request an association: "), 0);
    peer.join().unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_rest_goes_on() {
    let instances = Instances::explicit(3);
    let sink = SinkProcess::start(plain());
    let mut document = instances.document(sink.document.dicom_port, 1);
    document.lanes[0][1].file = "gone.dcm".to_owned();
    let sent = send(&document);
    assert!(sent.output.status.success(), "{}", sent.stderr());
    let [association] = &sent.associations[..] else { panic!("one association") };
    let [failed] = &association.failures[..] else { panic!("one failure") };
    assert_eq!(failed.file, "gone.dcm");
    assert!(failed.cause.sentence().starts_with("the sender cannot send the object: No such file"), "{failed:?}");
    assert_eq!(sink.counted().count, 2);
}

#[test]
fn a_copy_of_even_length_is_sent_in_place_of_the_file() {
    let instances = Instances::explicit(2);
    let sink = SinkProcess::start(plain());
    let mut document = instances.document(sink.document.dicom_port, 1);
    let name = instances.directory().file_name().unwrap().to_str().unwrap();
    let padded = instances.directory().with_file_name(format!("{name}-padded"));
    fs::create_dir(&padded).unwrap();
    let mut bytes = fs::read(instances.path(&instances.all[0])).unwrap();
    bytes.extend([0xFC, 0xFF, 0xFC, 0xFF, b'O', b'B', 0, 0, 2, 0, 0, 0, 0, 0]);
    fs::write(padded.join("copy.dcm"), bytes).unwrap();
    document.lanes[0][0].sent_file = Some("copy.dcm".to_owned());
    let before = {
        send(&instances.document(sink.document.dicom_port, 1)).succeeds();
        sink.counted().dataset_bytes
    };
    sink.clear();
    let associations = send(&document).succeeds();
    fs::remove_dir_all(padded).unwrap();
    assert_eq!(sink.counted().dataset_bytes, before + 14);
    // The record has the name that everybody knows.
    assert_eq!(associations[0].stores[0].file, instances.all[0].file);
}

#[test]
fn uids_are_sent_as_they_are() {
    let mut instances = Instances::explicit(3);
    let sink = SinkProcess::start(plain());
    instances.all[0].sop_instance_uid = "1.02.3".to_owned();
    instances.all[1].sop_instance_uid = format!("1.{}", "2".repeat(63));
    // A private SOP class is the server's to accept.
    instances.all[2].sop_class_uid = "1.3.12.2.1107.5.9.1".to_owned();
    send(&instances.document(sink.document.dicom_port, 1)).succeeds();
    let mut expected = instances.uids();
    expected.sort();
    let mut received = sink.counted().sop_instance_uids;
    received.sort();
    assert_eq!(received, expected);
}

/// The delays of each instance's request and response after its scheduled time, in us.
pub fn lateness(associations: &[Association]) -> Vec<(u64, u64)> {
    let stores = associations.iter().flat_map(|association| &association.stores);
    let late = stores.map(|store| {
        let scheduled = store.scheduled_us.expect("a schedule");
        (store.requested_us.checked_sub(scheduled).expect("not early"), store.response.as_ref().unwrap().0 - scheduled)
    });
    late.collect()
}

#[test]
fn a_stall_counts_from_when_an_instance_was_due() {
    let instances = Instances::explicit(10);
    let sink = SinkProcess::start(dicomperf_agent::sink::SinkDocument { delay_us: 50_000, ..plain() });
    let document = SendDocument { arrival: Arrival::Open(100.0), ..instances.document(sink.document.dicom_port, 1) };
    let late = lateness(&send(&document).succeeds());
    // Each C-STORE takes 50 ms, and one is due every 10 ms.
    for (index, (_, answered)) in (0_u64..).zip(&late) {
        assert!(*answered >= 50_000 * (index + 1) - 10_000 * index, "{late:?}");
    }
}
