//! QIDO-RS as servers differ in it: limits of their own, an offset that is ignored, answers without a match.

use std::sync::{Arc, Mutex};
use std::thread;

use dicomperf_model::request::Receipt;
use dicomperf_model::step::{MeasureBlock, StepId, Work};
use serde_json::json;
use tiny_http::{Header, Request, Response, Server};

use super::iteration;
use crate::harness::Run;
use crate::harness::archive::{Archive, Peculiarity};
use crate::harness::existing::block_with;
use crate::harness::proxy::Proxy;

const INSTANCES: u32 = 7;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Web {
    /// At most three matches in an answer, and 204 without one (PS3.18 8.3.4.4.1).
    HasLimit,
    /// Every answer has all matches; an empty list without one.
    IgnoresOffset,
    /// 404 for a series of which it knows no instance.
    KnowsNone,
}

/// A DICOMweb server with the instances of an archive. Returns its URL and the queries that it has answered.
fn serve(archive: Archive, kind: Web) -> (String, Arc<Mutex<Vec<String>>>) {
    let server = Server::http("127.0.0.1:0").unwrap();
    let url = format!("http://{}/web", server.server_addr());
    let queries = Arc::new(Mutex::new(Vec::new()));
    let seen = queries.clone();
    thread::spawn(move || {
        for request in server.incoming_requests() {
            seen.lock().unwrap().push(request.url().to_owned());
            let accepts = request.headers().iter().find(|header| header.field.equiv("Accept"));
            assert_eq!(accepts.unwrap().value.as_str(), "application/dicom+json");
            answer(request, &archive, kind);
        }
    });
    (url, queries)
}

fn answer(request: Request, archive: &Archive, kind: Web) {
    let parameter = |name: &str| {
        let (_, query) = request.url().split_once('?').unwrap();
        let value = query.split('&').find_map(|one| one.strip_prefix(&format!("{name}=")));
        value.map_or(0, |value| value.parse::<usize>().unwrap())
    };
    let is_of_series = request.url().contains("/series/");
    let uids = if is_of_series { archive.uids() } else { Vec::new() };
    let (offset, most) = match kind {
        Web::HasLimit => (parameter("offset"), 3.min(parameter("limit"))),
        Web::IgnoresOffset => (0, usize::MAX),
        Web::KnowsNone => (0, 0),
    };
    let row = |uid: &String| json!({ "00080018": { "vr": "UI", "Value": [uid] }, "00200013": { "vr": "IS" } });
    let rows: Vec<_> = uids.iter().skip(offset).take(most).map(row).collect();
    let empty = |status| Response::from_string(String::new()).with_status_code(status);
    let response = match (rows.is_empty(), kind) {
        (true, Web::HasLimit) => empty(204),
        (true, Web::KnowsNone) if is_of_series => empty(404),
        _ => Response::from_string(json!(rows).to_string()),
    };
    let _ = request.respond(response);
}

fn block_at(port: u16, url: String) -> MeasureBlock {
    block_with(port, "ARCHIVE", |existing| (existing.receipt, existing.url) = (Receipt::Qido, Some(url)))
}

#[test]
fn every_page_is_asked_for_until_one_is_empty_or_repeated() {
    for (kind, pages) in [(Web::HasLimit, 4), (Web::IgnoresOffset, 2)] {
        let run = Run::with_new_instances(INSTANCES);
        let archive = Archive::start(Peculiarity::None);
        let port = archive.port;
        let (url, queries) = serve(archive, kind);
        let iteration = iteration(&run, block_at(port, url));
        assert!(iteration.valid, "{kind:?}: {:?}", iteration.reason);
        assert_eq!(iteration.instances_stored, Some(INSTANCES));
        let queries = queries.lock().unwrap();
        assert!(queries[0].starts_with("/web/studies?StudyInstanceUID="), "{queries:?}");
        let study = &iteration.study_instance_uids[0];
        assert!(queries[1].starts_with(&format!("/web/studies/{study}/series/")), "{queries:?}");
        assert_eq!(queries.len(), 1 + pages, "{queries:?}");
    }
}

#[test]
fn a_series_that_is_not_found_lacks_every_instance() {
    let run = Run::with_new_instances(INSTANCES);
    let archive = Archive::start(Peculiarity::None);
    let port = archive.port;
    let (url, _) = serve(archive, Web::KnowsNone);
    let iteration = iteration(&run, block_at(port, url));
    assert!(!iteration.valid);
    assert_eq!((iteration.instances_sent, iteration.instances_stored), (INSTANCES, Some(0)));
    assert!(iteration.reason.unwrap().starts_with("the server lacks 7 instances that were sent, like "));
}

/// A redirect would lead past the stack's list of allowed servers.
#[test]
fn a_redirect_is_not_followed() {
    let run = Run::with_new_instances(1);
    let archive = Archive::start(Peculiarity::None);
    let (elsewhere, asked) = serve(Archive::start(Peculiarity::None), Web::KnowsNone);
    let server = Server::http("127.0.0.1:0").unwrap();
    let url = format!("http://{}/web", server.server_addr());
    thread::spawn(move || {
        for request in server.incoming_requests() {
            let location = Header::from_bytes("Location", elsewhere.as_str()).unwrap();
            let _ = request.respond(Response::empty(302).with_header(location));
        }
    });
    let error = run.measure(0, block_at(archive.port, url)).fails_with("ServerUnreachable").error.unwrap();
    assert!(error.message.contains("answers 302 Found"), "{}", error.message);
    assert_eq!((asked.lock().unwrap().len(), archive.received()), (0, 0));
}

#[test]
fn a_certificate_that_this_host_does_not_trust_is_found_before_anything_is_sent() {
    let run = Run::with_new_instances(1);
    let archive = Archive::start(Peculiarity::None);
    let proxy = Proxy::start("127.0.0.1", "pacs.example.com", b"[]".to_vec());
    let mut block = block_at(archive.port, "https://pacs.example.com/dicom-web".to_owned());
    let mut measure = |ordinal: u32, store: Option<&std::path::Path>| {
        block.ordinal = ordinal;
        block.samples_url = run.bucket.url("samples");
        let step = StepId::Measure { ordinal, part: 0 };
        let mut command = run.command(step.clone(), Work::Measure(block.clone()));
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        command.env("https_proxy", proxy.url()).env("no_proxy", "127.0.0.1");
        command.envs(store.map(|store| ("SSL_CERT_FILE", store)));
        command.output().unwrap();
        run.bucket.reports(&step.to_string()).pop().expect("a report")
    };
    let error = measure(0, None).error.expect("an error");
    assert_eq!(error.name, "ServerUnreachable");
    let words = "does not trust the issuer of the certificate of pacs.example.com";
    assert!(error.message.starts_with("DICOMweb at https://pacs.example.com/dicom-web/studies?"), "{}", error.message);
    assert!(error.message.contains(words), "{}", error.message);
    assert_eq!(archive.received(), 0);
    // With the issuer in the host's store, the server is asked, and has nothing.
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store.pem");
    std::fs::write(&store, &proxy.ca).unwrap();
    let report = measure(1, Some(&store));
    assert_eq!(report.error, None);
    assert_eq!(archive.received(), 1);
}
