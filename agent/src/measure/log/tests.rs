use proptest::prelude::*;

use super::*;
use crate::measure::transfer::fixture;

// Written by storescu 3.6.7.
const STORESCU: &str = "\
1795456078.963.830 INFO checking input files ...
1795456078.964.065 INFO Requesting Association
1795456078.966.420 INFO Association Accepted (Max Send PDV: 16372)
1795456078.966.439 INFO Sending file: 000001.dcm
1795456078.966.955 INFO Sending Store Request (MsgID 1, CT)
1795456078.975.847 INFO Received Store Response (Success)
1795456078.975.903 INFO Sending file: 000002.dcm
1795456078.999.998 WARN DcmItem: Length of element (7fe0,0010) is not a multiple of 2 (VR=OW)
1795456078.999.999 INFO Sending Store Request (MsgID 2, CT)
1795456079.000.001 INFO Received Store Response (Refused: OutOfResources)
1795456079.000.050 INFO Sending file: 000003.dcm
1795456079.000.100 ERROR No presentation context for: (unknown SOP class) 1.2.840.10008.5.1.4.1.1.66.7
1795456079.000.150 INFO Sending file: 000004.dcm
1795456079.000.160 INFO Sending Store Request (MsgID 3, CT)
1795456079.000.170 ERROR Store Failed, file: 000004.dcm:
1795456079.000.170 ERROR 0006:020e DIMSE Failed to send message
1795456079.000.180 INFO Sending file: 000005.dcm
1795456079.000.190 ERROR Bad DICOM file: 000005.dcm: I/O suspension or premature end of stream
1795456079.000.200 INFO Releasing Association
";

// Written by dcmsend 3.6.7.
const DCMSEND: &str = "\
1795469858.650.100 ERROR cannot add DICOM file to the transfer list: 000002.dcm: File meta information header missing
1795469858.657.921 INFO Requesting Association
1795469858.658.499 INFO Association Accepted (Max Send PDV: 16372)
1795469858.658.914 INFO Sending C-STORE Request (MsgID 1, CT)
1795469858.707.353 INFO Received C-STORE Response (Success)
1795469858.707.400 ERROR cannot send SOP instance from file: 000003.dcm: I/O suspension or premature end of stream
1795469858.707.854 INFO Sending C-STORE Request (MsgID 2, OT)
1795469858.707.860 ERROR Failed sending C-STORE request: 0006:0101 ASC Bad presentation context ID
1795469858.707.900 INFO Sending C-STORE Request (MsgID 3, CT)
1795469858.751.359 INFO Received C-STORE Response (Unknown Status: 0x110)
1795469858.751.437 INFO Releasing Association
";

// The end of an association, in the words of both.
const ENDED: [&str; 2] = [
    "\
1795456078.964.065 INFO Requesting Association
1795456078.966.420 INFO Association Accepted (Max Send PDV: 16372)
1795456078.966.439 INFO Sending file: 000001.dcm
1795456078.966.955 INFO Sending Store Request (MsgID 1, CT)
1795456078.975.847 INFO Received Store Response (Success)
1795456078.975.903 INFO Sending file: 000002.dcm
1795456078.999.999 INFO Sending Store Request (MsgID 2, CT)
1795456079.000.001 ERROR Store Failed, file: 000002.dcm:
1795456079.000.001 ERROR 0006:0317 Peer aborted Association (or never connected)
1795456079.000.050 INFO Sending file: 000003.dcm
1795456079.000.060 INFO Sending Store Request (MsgID 3, CT)
1795456079.000.070 ERROR Store Failed, file: 000003.dcm:
1795456079.000.070 ERROR 0006:020e DIMSE Failed to send message
1795456079.000.070 ERROR 0006:0303 DUL Finite State Machine Error: No action defined, state 1 event 8
1795456079.000.200 INFO Releasing Association
1795456079.000.210 ERROR Association Release Failed: 0006:0303 DUL Finite State Machine Error: No action defined
",
    "\
1795469858.657.921 INFO Requesting Association
1795469858.658.499 INFO Association Accepted (Max Send PDV: 16372)
1795469858.658.914 INFO Sending C-STORE Request (MsgID 1, CT)
1795469858.707.353 INFO Received C-STORE Response (Success)
1795469858.707.854 INFO Sending C-STORE Request (MsgID 2, CT)
1795469858.708.000 ERROR Failed receiving DIMSE response: 0006:0317 Peer aborted Association (or never connected)
1795469858.708.100 INFO Sending C-STORE Request (MsgID 3, CT)
1795469858.708.200 ERROR Failed sending C-STORE request: 0006:020e DIMSE Failed to send message
1795469858.708.200 ERROR 0006:0303 DUL Finite State Machine Error: No action defined, state 1 event 8
1795469858.751.437 INFO Releasing Association
",
];

fn instances(count: usize) -> Vec<Instance> {
    fixture::dataset(count).instances
}

/// The causes by file, as `FILE: SENTENCE`.
fn failures(log: &Log) -> Vec<String> {
    let failures = log.association.failures.iter();
    failures.map(|failed| format!("{}: {}", failed.file, failed.cause.sentence())).collect()
}

#[test]
fn each_request_is_paired_with_its_response() {
    let log = parse(STORESCU, &instances(5));
    let [first, second] = &log.association.stores[..] else { panic!("two: {:?}", log.association) };
    assert_eq!(first.file, "000001.dcm");
    assert_eq!(first.response.as_ref().map(|response| response.0 - first.requested_us), Some(8_892));
    assert!(first.succeeded() && !second.succeeded());
    assert_eq!(second.response.as_ref().map(|response| response.0 - second.requested_us), Some(2));
}

#[test]
fn every_file_of_storescu_has_its_outcome() {
    let log = parse(STORESCU, &instances(5));
    assert_eq!(
        failures(&log),
        [
            "000002.dcm: the server answered with status A7xxH, Refused: Out of Resources",
            "000003.dcm: the server rejected the presentation context of SOP class CT Image Storage \
             (1.2.840.10008.5.1.4.1.1.2) in transfer syntax Explicit VR Little Endian (1.2.840.10008.1.2.1)",
            "000004.dcm: the sender cannot send the object: DIMSE Failed to send message",
            "000005.dcm: the sender cannot send the object: I/O suspension or premature end of stream",
        ]
    );
    assert_eq!((log.known, log.lost), (vec![true; 5], None));
}

#[test]
fn every_file_of_dcmsend_has_its_outcome_although_it_names_few() {
    let log = parse(DCMSEND, &instances(5));
    let files: Vec<_> = log.association.stores.iter().map(|store| (store.file.as_str(), store.succeeded())).collect();
    assert_eq!(files, [("000001.dcm", true), ("000005.dcm", false)]);
    let failures = failures(&log);
    assert_eq!(failures.len(), 4);
    assert_eq!(failures[0], "000002.dcm: the sender cannot send the object: File meta information header missing");
    assert!(failures[1].starts_with("000003.dcm: the sender cannot send the object: I/O suspension"), "{failures:?}");
    assert!(failures[2].starts_with("000004.dcm: the server rejected the presentation context"), "{failures:?}");
    assert_eq!(failures[3], "000005.dcm: the server answered with status 0110H, Failure: Processing failure");
    assert_eq!(log.known, [true; 5]);
}

#[test]
fn what_follows_the_end_of_an_association_was_not_tried() {
    for text in ENDED {
        let log = parse(text, &instances(4));
        assert_eq!(failures(&log), ["000002.dcm: the server aborted the association or closed the connection"]);
        assert_eq!(log.association.stores.len(), 2, "{:?}", log.association);
        assert_eq!(log.known, [true, true, false, false]);
        assert_eq!(log.lost.map(|(cause, _)| cause), Some(FailureCause::AssociationEnded));
    }
}

#[test]
fn an_association_is_requested_accepted_and_released() {
    for text in [STORESCU, DCMSEND] {
        let association = parse(text, &instances(5)).association;
        let accepted = association.accepted_us.expect("accepted");
        assert!(association.requested_us.expect("requested") < accepted);
        assert!(association.release_requested_us.expect("released") > association.stores[1].requested_us);
        assert_eq!(association.released_us, None);
    }
}

#[test]
fn an_association_that_is_not_opened_fails_every_file() {
    let refused = "1.2.3 INFO Requesting Association\n\
                   1.2.4 FATAL Association Request Failed: 0006:031c TCP Initialization Error: Connection refused\n";
    let rejected = "1.2.3 INFO Requesting Association\n\
                    1.2.4 FATAL Association Rejected:\n\
                    1.2.4 FATAL Result: Rejected Permanent, Source: Service User\n\
                    1.2.4 FATAL Reason: Called AE Title Not Recognized\n";
    let none = "1.2.3 INFO Requesting Association\n1.2.4 FATAL No Acceptable Presentation Contexts\n";
    for (text, sentence) in [
        (refused, "the server's host refused the connection"),
        (rejected, "the server rejected the association permanently: called AE title not recognized (service user)"),
        (none, "the server rejected the presentation context of SOP class"),
    ] {
        let log = parse(text, &instances(2));
        let failures = failures(&log);
        assert_eq!((failures.len(), log.known), (2, vec![true; 2]));
        assert!(failures.iter().all(|failure| failure.contains(sentence)), "{failures:?}");
    }
}

#[test]
fn a_request_without_a_response_stays_open() {
    let cut = STORESCU.lines().take(9).collect::<Vec<_>>().join("\n");
    let log = parse(&cut, &instances(5));
    assert_eq!(log.association.stores[1].response, None);
    assert_eq!((log.current, &log.known[..2]), (Some(1), &[true, false][..]));
}

#[test]
fn text_that_is_no_log_has_nothing_in_it() {
    let log = parse("no.log at all\n\n1.2 x\n18446744073709551615.1.1 INFO x", &instances(1));
    assert_eq!(log.association, Association::default());
}

/// A log whose lines were cut, repeated, joined and exchanged.
fn mutated_log() -> impl Strategy<Value = String> {
    let lines: Vec<String> =
        [STORESCU, DCMSEND, ENDED[0], ENDED[1]].iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
    let line = (proptest::sample::select(lines), any::<prop::sample::Index>(), 0..6_u8, "\\PC{0,12}").prop_map(
        |(line, at, how, other)| {
            let at =
                (0..=line.len()).rev().filter(|at| line.is_char_boundary(*at)).nth(at.index(line.len())).unwrap_or(0);
            match how {
                0 => line[..at].to_owned(),
                1 => line[at..].to_owned(),
                2 => format!("{}{other}{}", &line[..at], &line[at..]),
                3 => format!("{line}{line}"),
                _ => line,
            }
        },
    );
    proptest::collection::vec(line, 0..60).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_log_is_read_with_an_outcome_for_each_file_at_most(text in mutated_log()) {
        let instances = instances(6);
        let log = parse(&text, &instances);
        prop_assert_eq!(log.known.len(), instances.len());
        // Memory grows with the log and with the number of files, and no faster.
        let association = &log.association;
        let words = association.complaints.iter().map(String::len).sum::<usize>();
        prop_assert!(words <= 3 * text.len());
        prop_assert!(association.stores.len() <= text.lines().count());
        prop_assert!(association.failures.len() <= text.lines().count() + instances.len());
        for store in &association.stores {
            prop_assert!(instances.iter().any(|instance| instance.file == store.file));
        }
    }
}
