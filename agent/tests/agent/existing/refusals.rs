//! Servers with which there is no association: each says why, and what to do.

use dicomperf_agent::sink::SinkDocument;
use dicomperf_model::request::Receipt;
use serde_json::json;

use super::fails_before_sending;
use crate::harness::archive::{Archive, Peculiarity};
use crate::harness::archives::ArchiveProcess;
use crate::harness::existing::{address, block_to, block_with};
use crate::harness::orthanc::settings;
use crate::harness::sink::{SinkProcess, plain};
use crate::harness::storescp::Storescp;
use crate::harness::{OrthancProcess, free_port};

fn refused(block: dicomperf_model::step::MeasureBlock, words: &[&str]) {
    let message = fails_before_sending(block, "AssociationFailed");
    for words in words {
        assert!(message.contains(words), "{message:?} lacks {words:?}");
    }
}

#[test]
fn dcmqrscp_that_does_not_know_us_or_is_called_by_another_name_says_what_to_check() {
    // DCMTK 3.6.7 gives the same reason for both.
    for (peers, called) in [("other", "PACS"), ("ANY", "OTHERPACS")] {
        let archive = ArchiveProcess::dcmqrscp(peers);
        refused(
            block_to(&address(archive.port, called)),
            &[
                &format!("no association with {called} at 127.0.0.1:{}, called from DICOMPERF: C-ECHO: ", archive.port),
                "the server rejected the association permanently: called AE title not recognized (service user) \
                 (request an association: A-ASSOCIATE-RJ: result 1, source 1, reason 7)",
                &format!("check that {called} is the server's AE title"),
                "ask its administrator to add DICOMPERF with this machine's address",
            ],
        );
        assert_eq!(archive.files().len(), 0);
    }
}

#[test]
fn orthanc_that_does_not_know_us_names_the_ae_title() {
    let keys = [("DicomCheckModalityHost", json!(true)), ("DicomAlwaysAllowEcho", json!(false))];
    let orthanc = OrthancProcess::start(settings(true, false, &keys));
    refused(block_to(&address(orthanc.address.dicom_port, "ORTHANC")), &["DICOMPERF"]);
}

#[test]
fn orthanc_that_allows_us_no_c_find_says_so_before_anything_is_sent() {
    let orthanc = OrthancProcess::start(settings(true, false, &[]));
    let message = fails_before_sending(block_to(&address(orthanc.address.dicom_port, "ORTHANC")), "ServerUnreachable");
    assert!(message.contains("allows DICOMPERF no C-FIND") && message.contains("DicomAlwaysAllowFind"), "{message}");
    assert_eq!(orthanc.rest().statistics().unwrap().count_instances, 0);
}

#[test]
fn each_reason_of_a_rejection_is_in_the_words_of_the_standard() {
    for ((result, source, reason), words) in [
        ((2, 3, 2), ["transiently: local limit exceeded (service provider, presentation)", "use fewer associations"]),
        ((2, 3, 1), ["transiently: temporary congestion", "try again later"]),
        (
            (1, 1, 3),
            [
                "permanently: calling AE title not recognized (service user)",
                "ask the server's administrator to add the AE title DICOMPERF with this machine's address to the \
                 server's list of AE titles",
            ],
        ),
        ((1, 1, 1), ["permanently: no reason given (service user)", "look for DICOMPERF in the server's log"]),
        ((1, 2, 2), ["permanently: protocol version not supported", "server's log"]),
    ] {
        let archive = Archive::start(Peculiarity::Rejects(result, source, reason));
        refused(block_to(&address(archive.port, "ARCHIVE")), &words);
    }
}

#[test]
fn a_port_without_a_server_refuses_the_connection() {
    refused(block_to(&address(free_port(), "PACS")), &["refused the connection", "check the port"]);
}

#[test]
fn a_name_without_an_address_is_named() {
    let mut address = address(104, "PACS");
    // No name below .invalid exists (RFC 6761).
    address.address = "pacs.invalid".to_owned();
    refused(block_to(&address), &["the name pacs.invalid has no address", "check the name of the server's host"]);
}

#[test]
fn tls_to_a_server_without_it_and_none_to_a_server_with_it_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let storescp = Storescp::start(directory.path(), &[]);
    let mut block = block_with(storescp.port, "STORESCP", |existing| existing.receipt = Receipt::None);
    block.settings.tls = true;
    block.scenarios[0].settings.tls = true;
    refused(block, &["TLS handshake: ", "check that the server uses DICOM over TLS on this port"]);
    let orthanc = OrthancProcess::start(settings(true, true, &[]));
    refused(block_to(&address(orthanc.address.dicom_port, "ORTHANC")), &["where it expects TLS"]);
    let sink = SinkProcess::start(SinkDocument { tls: true, ..plain() });
    refused(block_to(&address(sink.document.dicom_port, "SINK")), &["sent a TLS alert", "expects TLS: set tls"]);
}

#[test]
fn a_server_that_accepts_and_never_answers_is_given_up() {
    let archive = Archive::start(Peculiarity::Mute);
    let block = block_to(&address(archive.port, "ARCHIVE"));
    let words = ["C-ECHO: the server did not answer (request an association: no data for 10 s)", "port for DICOM"];
    refused(block.clone(), &words);
    let mut with_tls = block;
    with_tls.settings.tls = true;
    refused(with_tls, &["TLS handshake: no data for 10 s"]);
}
