use std::process::Command;

use super::*;

const DOCUMENT: &str = "/documents/step";

fn invocation<'a>(agent_url: &'a str, agent_sha256: &'a str, document_url: &'a str) -> Invocation<'a> {
    Invocation { run_id: "run-1", step: &StepId::ConfigureClient, agent_url, agent_sha256, document_url }
}

#[test]
fn what_could_end_its_quotes_is_not_sent() {
    for url in ["https://a/'; reboot; '", "https://a/\n", "https://a/\u{0}", "https://a/ b", "https://ä"] {
        assert!(script(&invocation(url, "00", DOCUMENT)).is_err(), "{url:?}");
        assert!(script(&invocation("https://a", "00", url)).is_err(), "{url:?}");
    }
}

/// Runs the script with its home in `home`, where it is not root's.
fn run(home: &std::path::Path, invocation: &Invocation<'_>) -> (bool, String) {
    let script = script(invocation).expect("a script").replace("/var/lib/dicomperf", &home.display().to_string());
    let output = Command::new("/bin/sh").arg("-c").arg(script).output().expect("a shell");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn the_agent_is_fetched_once_checked_and_given_the_document() {
    let home = tempfile::tempdir().expect("a directory");
    let agent = home.path().join("agent");
    std::fs::write(&agent, "#!/bin/sh\necho \"$1 $(cat \"$2\")\"\n").expect("written");
    let document = home.path().join("document");
    std::fs::write(&document, "the document").expect("written");
    let sha256 = "c64e8ef3b5ac61ff9bc66ec0f12d9f4b8f1a1ec3ab27fc5f8c2b7b5cd7ee0a3e";
    let (agent_url, document_url) = (format!("file://{}", agent.display()), format!("file://{}", document.display()));

    let (succeeded, text) = run(home.path(), &invocation(&agent_url, sha256, &document_url));
    assert!(!succeeded && text.contains("SHA-256 differs"), "{text}");

    let sha256: String = {
        use sha2::{Digest as _, Sha256};
        Sha256::digest(std::fs::read(&agent).expect("read")).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let (succeeded, text) = run(home.path(), &invocation(&agent_url, &sha256, &document_url));
    assert!(succeeded, "{text}");
    assert_eq!(text, "step the document\n");

    std::fs::remove_file(&agent).expect("removed");
    let (succeeded, text) = run(home.path(), &invocation(&agent_url, &sha256, &document_url));
    assert!(succeeded, "it is not fetched again: {text}");
    let left = std::fs::read_dir(home.path().join("bin")).expect("a directory").count();
    assert_eq!(left, 1, "nothing partial is left");
}

#[test]
fn a_url_that_does_not_answer_is_said() {
    let home = tempfile::tempdir().expect("a directory");
    let (succeeded, text) = run(home.path(), &invocation("file:///nowhere/agent", "00", DOCUMENT));
    assert!(!succeeded && text.contains("curl:"), "{text}");
}
