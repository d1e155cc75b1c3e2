//! The report of a run to an existing server.

use super::fixtures;
use super::{html, json, markdown, schema};
use dicomperf_model::results::RunStatus;

/// Returns the line of a report that contains a text.
fn line<'a>(report: &'a str, part: &str) -> &'a str {
    report.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part:?} in\n{report}"))
}

fn assert_has(report: &str, parts: &[&str]) {
    for part in parts {
        assert!(report.contains(part), "{part} is missing in\n{report}");
    }
}

#[test]
fn the_json_has_every_study_and_is_what_its_schema_says() {
    let validator = jsonschema::draft202012::new(&schema()).expect("a valid schema");
    for summary in [
        fixtures::existing_server(),
        fixtures::existing_rejected_contexts(),
        fixtures::measured_from_here(),
        fixtures::rejected_from_here(),
    ] {
        let document: serde_json::Value = serde_json::from_str(&json(&summary)).expect("JSON");
        let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        let existing = summary.existing.as_ref().expect("an existing server");
        let listed = document["existing"]["studyInstanceUids"].as_array().map(Vec::len);
        assert_eq!(listed, Some(existing.study_instance_uids.len()));
        let read: dicomperf_model::results::Summary = serde_json::from_value(document).expect("a summary");
        assert_eq!(read.existing, summary.existing);
        assert_eq!(read.negotiated, summary.negotiated);
    }
}

#[test]
fn a_run_without_a_receipt_says_first_that_storage_was_not_proven() {
    let report = markdown(&fixtures::existing_without_proof());
    let first =
        "# dicomperf: pacs\n\n**Passed**, but storage was not proven: all 24 counted iterations are valid, scenario 1";
    assert!(report.starts_with(first), "{report}");
    assert_has(&report, &["\n## Proof of storage\n\n**Storage was not proven.** The request asks for no receipt"]);
    let page = html(&fixtures::existing_without_proof());
    assert_has(&page, &["<header class=\"caution\">", "Passed</span>, but storage was not proven: all"]);

    let failed = markdown(&fixtures::rejected_from_here());
    let sentence = line(&failed, "**Failed**");
    let expected = "**Failed**, and storage was not proven, with AssociationFailed: nothing was measured.";
    assert_eq!(sentence, expected);
}

#[test]
fn a_receipt_is_explained_and_needs_no_word_in_the_first_sentence() {
    let report = markdown(&fixtures::measured_from_here());
    assert!(report.starts_with("# dicomperf: pacs\n\n**Passed**: all 24 counted iterations are valid"), "{report}");
    assert_has(&report, &["## Proof of storage", "C-FIND at the IMAGE level of the Study Root model (PS3.4 C.6.2.1)"]);
}

#[test]
fn the_association_shows_what_the_server_announced_and_rejected() {
    let report = markdown(&fixtures::existing_rejected_contexts());
    assert_has(
        &report,
        &[
            "### Block run 0\n\nThe server accepts 1 of 5 presentation contexts of the dataset.",
            "### Block run 1\n",
            "| Segmentation Storage (1.2.840.10008.5.1.4.1.1.66.4) | Explicit VR Little Endian (1.2.840.10008.1.2.1) | \
             **abstract-syntax-not-supported (provider rejection)** |",
            "**transfer-syntaxes-not-supported (provider rejection)** |",
            "| 1.2.3 | Explicit VR Little Endian (1.2.840.10008.1.2.1) | **user-rejection** |",
            "| longest PDU that the server receives | 4096 bytes |",
            "| longest PDU that the server receives | no limit |",
            "| asynchronous operations | not negotiated: one operation at a time |",
            "| asynchronous operations | any number invoked and 1 performed at once |",
            "- The server receives PDUs of at most 4096 bytes; DCMTK and Orthanc receive 16384 by default.",
        ],
    );
    // One answer needs no heading of its block runs.
    assert!(!markdown(&fixtures::existing_server()).contains("### Block run"));
}

#[test]
fn studies_are_listed_with_the_way_to_delete_them() {
    let summary = fixtures::measured_from_here();
    let uids = &summary.existing.as_ref().expect("an existing server").study_instance_uids;
    assert_eq!(uids.len(), 2 * 2 * 7 * 61);
    let report = markdown(&summary);
    assert_has(
        &report,
        &[
            "The run sent 1708 studies to PACS at 127.0.0.1:11112, with Patient ID DICOMPERF. They are still there: the \
             request asks for no cleanup.",
            "- Orthanc: POST a Study Instance UID to /tools/lookup, and DELETE the Path of the answer.",
            "1688 more are in report.json.",
        ],
    );
    assert_eq!(report.matches("\n- 2.25.1").count(), 20);
    let page = html(&summary);
    assert_has(&page, &["<summary>Study Instance UIDs (1708)</summary>", "708 more are in report.json."]);
    assert_eq!(page.matches("<li>2.25.1").count(), 1000);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn a_deletion_says_what_it_left_and_why() {
    let report = markdown(&fixtures::existing_server());
    let sentence = line(&report, "were deleted afterwards");
    assert!(sentence.contains("26 of 28 studies were deleted afterwards through Orthanc's REST interface. The others"));
    assert!(sentence.contains("403 Forbidden a\\|b"), "{sentence}");
    let mut clean = fixtures::existing_server();
    let outcome = clean.existing.as_mut().and_then(|one| one.cleanup_outcome.as_mut()).expect("an outcome");
    (outcome.deleted, outcome.error) = (28, None);
    let report = markdown(&clean);
    assert_has(&report, &["All were deleted afterwards through Orthanc's REST interface."]);
    assert!(!report.contains("To delete them:"), "{report}");
}

#[test]
fn a_host_that_the_run_does_not_have_is_unknown_or_this_machine() {
    let report = markdown(&fixtures::existing_server());
    assert_has(
        &report,
        &[
            "| host | server | client |",
            "| address | pacs.example.org:104 | – |",
            "| AE title | PACS | DICOMPERF |",
            "| implementation | PACS_1 (1.2.3.4) | – |",
            "| type | unknown | t3.micro, unlimited credits |",
            "| kernel | unknown | 6.8.0-1029-aws |",
            "US dollars at list price",
            "samples of the hosts: [samples/client",
        ],
    );
    for absent in ["server-configure", "samples/server", "| Orthanc |", "iperf3 is not there"] {
        assert!(!report.contains(absent), "{absent} is in\n{report}");
    }
    let report = markdown(&fixtures::measured_from_here());
    assert_has(
        &report,
        &[
            "| host | server | this machine |",
            "How busy this machine was",
            "address of the server, and dataset; the hardware is not known",
            "no host was launched",
            "Beside this report: [report.json](report.json), [report.md](report.md), [measure.log](measure.log)",
        ],
    );
    for absent in ["US dollars", "| type |", "client-measure", "both are gone"] {
        assert!(!report.contains(absent), "{absent} is in\n{report}");
    }
}

#[test]
fn a_run_from_here_that_measured_nothing_names_the_studies_and_no_hosts() {
    let summary = fixtures::rejected_from_here();
    assert_eq!(summary.status, RunStatus::Failed);
    let report = markdown(&summary);
    assert_has(&report, &["- Studies on the server: **0**, nothing was left there", "called AE title not recognized"]);
    assert!(!report.contains("Hosts left") && !report.contains("## Studies on the server"), "{report}");
}

#[test]
fn a_finding_says_which_figures_are_missing() {
    let report = markdown(&fixtures::existing_server());
    assert_has(&report, &["**Not known**: The work of the server in this time"]);
}
