//! The sink against DCMTK's senders, and against bytes that are not DICOM.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use dicom_dictionary_std::uids;
use dicom_ul::pdu::{AssociationRQ, PresentationContextProposed, UserVariableItem};
use dicom_ul::{IMPLEMENTATION_CLASS_UID, Pdu};
use dicomperf_agent::native::SendDocument;
use dicomperf_agent::sink::SinkDocument;
use dicomperf_agent::upper_layer::pdu;

use crate::harness::sender::{Instances, send};
use crate::harness::sink::{SinkProcess, plain};

fn dcmtk(program: &str, sink: &SinkProcess, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments).env("TCP_NODELAY", "1");
    let port = sink.document.dicom_port.to_string();
    command.args(["127.0.0.1", &port]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
}

pub fn assert_holds(sink: &SinkProcess, instances: &Instances) {
    let counted = sink.counted();
    let mut uids = counted.sop_instance_uids;
    uids.sort();
    assert_eq!(uids, instances.uids());
    assert_eq!(counted.count, instances.all.len() as u64);
    // Each file without its preamble and file meta group, which has a few hundred bytes.
    let files: u64 = instances.all.iter().map(|instance| instance.bytes).sum();
    let overhead = (files - counted.dataset_bytes) / counted.count;
    assert!((200..600).contains(&overhead), "{overhead}");
    sink.clear();
    assert_eq!(sink.counted().count, 0);
}

#[test]
fn dcmtk_and_our_own_scu_are_served() {
    let instances = Instances::explicit(5);
    let directory = instances.directory().to_str().unwrap();
    for max_pdu in [0, 4096, 131_072] {
        let sink = SinkProcess::start(SinkDocument { max_pdu, ..plain() });
        let port = sink.document.dicom_port.to_string();
        dcmtk("echoscu", &sink, &[]);
        let sends = |program: &str, options: &[&str]| {
            let mut command = Command::new(program);
            command.env("TCP_NODELAY", "1").args(options).args(["127.0.0.1", &port, directory]);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{program}: {output:?}");
            assert_holds(&sink, &instances);
        };
        sends("storescu", &["+sd"]);
        sends("dcmsend", &["+sd"]);
        send(&SendDocument { max_pdu: 0, ..instances.document(sink.document.dicom_port, 3) }).succeeds();
        assert_holds(&sink, &instances);
    }
}

#[test]
fn it_serves_over_tls() {
    let instances = Instances::explicit(4);
    let sink = SinkProcess::start(SinkDocument { tls: true, ..plain() });
    dcmtk("echoscu", &sink, &["--anonymous-tls", "--ignore-peer-cert"]);
    let document = SendDocument { tls: true, max_pdu: 0, ..instances.document(sink.document.dicom_port, 2) };
    send(&document).succeeds();
    assert_holds(&sink, &instances);
}

#[test]
fn its_counts_are_for_those_with_the_password() {
    let sink = SinkProcess::start(plain());
    for authorization in ["", "Basic d3Jvbmc6d3Jvbmc="] {
        let error = ureq::get(sink.url()).header("Authorization", authorization).call().unwrap_err();
        assert!(matches!(error, ureq::Error::StatusCode(401)), "{error}");
        let error = ureq::delete(sink.url()).header("Authorization", authorization).call().unwrap_err();
        assert!(matches!(error, ureq::Error::StatusCode(401)), "{error}");
    }
    let error = ureq::get(sink.url().replace("instances", "else"))
        .header("Authorization", sink.authorization())
        .call()
        .unwrap_err();
    assert!(matches!(error, ureq::Error::StatusCode(404)), "{error}");
}

fn request(transfer_syntax: &str) -> Vec<u8> {
    pdu::encode(&Pdu::AssociationRQ(AssociationRQ {
        protocol_version: 1,
        calling_ae_title: "TEST".to_owned(),
        called_ae_title: "SINK".to_owned(),
        application_context_name: "1.2.840.10008.3.1.1.1".to_owned(),
        presentation_contexts: vec![PresentationContextProposed {
            id: 1,
            abstract_syntax: uids::CT_IMAGE_STORAGE.to_owned(),
            transfer_syntaxes: vec![transfer_syntax.to_owned(), uids::IMPLICIT_VR_LITTLE_ENDIAN.to_owned()],
        }],
        user_variables: vec![
            UserVariableItem::MaxLength(16_384),
            UserVariableItem::ImplementationClassUID(IMPLEMENTATION_CLASS_UID.to_owned()),
        ],
    }))
    .unwrap()
}

/// The sink's answer to these bytes, until it closes the connection or falls silent.
fn answer(sink: &SinkProcess, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", sink.document.dicom_port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    // The sink may close the connection before all bytes are sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn the_transfer_syntax_that_is_proposed_first_is_accepted() {
    let sink = SinkProcess::start(plain());
    for syntax in [uids::JPEG2000_LOSSLESS, "2.25.42"] {
        let Pdu::AssociationAC(accepted) = pdu::decode(&answer(&sink, &request(syntax))).unwrap() else {
            panic!("not accepted")
        };
        assert_eq!(accepted.presentation_contexts[0].transfer_syntax, syntax);
    }
}

#[test]
fn garbage_aborts_its_own_association_and_no_other() {
    let sink = SinkProcess::start(SinkDocument { max_pdu: 16_384, ..plain() });
    let request = request(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let aborts = |bytes: &[u8]| {
        let answer = answer(&sink, bytes);
        assert_eq!(answer.get(answer.len().saturating_sub(10)), Some(&pdu::ABORT), "{bytes:02X?}: {answer:02X?}");
    };
    aborts(&[0xFF; 4096]);
    aborts(&pdu::p_data_header(1, 0, 100));
    // An A-ASSOCIATE-RQ that announces 4 GB.
    aborts(&[1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1]);
    let after = |bytes: &[u8]| [&request[..], bytes].concat();
    // A P-DATA-TF longer than agreed, a value longer than its PDU, a context that was not proposed.
    aborts(&after(&pdu::p_data_header(1, pdu::COMMAND_FLAG, 16_400)));
    aborts(&after(&[4, 0, 0, 0, 0, 6, 0xFF, 0xFF, 0xFF, 0xFF, 1, 3]));
    aborts(&after(&pdu::p_data_header(3, pdu::COMMAND_FLAG, 10)));
    // A dataset without a command, a malformed command set, a second request.
    aborts(&after(&pdu::p_data_header(1, 0, 10)));
    aborts(&after(&[&pdu::p_data_header(1, pdu::COMMAND_FLAG | pdu::LAST_FLAG, 10)[..], &[0xAB; 10]].concat()));
    aborts(&after(&request));

    // Each byte of a request and of the following bytes is changed in turn.
    let mut whole = after(&pdu::p_data_header(1, pdu::COMMAND_FLAG | pdu::LAST_FLAG, 12));
    whole.extend([0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
    for index in 0..whole.len() {
        for value in [0x00, 0x7F, 0xFF] {
            let mut bytes = whole.clone();
            bytes[index] = value;
            answer(&sink, &bytes);
        }
    }
    assert!(sink.peak_memory() < 64_000_000, "{}", sink.peak_memory());
    let instances = Instances::explicit(3);
    send(&instances.document(sink.document.dicom_port, 1)).succeeds();
    assert_holds(&sink, &instances);
    // The signal itself ended it, not a panic.
    use std::os::unix::process::ExitStatusExt as _;
    assert_eq!(sink.terminate().signal(), Some(15));
}
