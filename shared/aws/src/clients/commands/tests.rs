use std::process::Command;

use super::*;
use dicomperf_model::time_limits::FETCH_SECONDS;

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

/// Runs the script with its files in `home`, so that it needs no root.
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
        use dicomperf_model::hash::sha256_hex;
        sha256_hex(std::fs::read(&agent).expect("read").as_ref())
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
fn an_agent_that_runs_is_not_replaced_by_the_command_that_was_sent_twice() {
    let home = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    // The agent reports if another file has replaced it at its own path.
    let text = "#!/bin/sh\nbefore=$(stat -c %i \"$0\"); sleep 2; [ \"$before\" = \"$(stat -c %i \"$0\")\" ] || echo replaced\n";
    let (agent, document) = (file("agent", text), file("document", "the document"));
    let sha256: String = {
        use dicomperf_model::hash::sha256_hex;
        sha256_hex(text.as_ref())
    };
    let (agent_url, document_url) = (format!("file://{}", agent.display()), format!("file://{}", document.display()));
    let script = script(&invocation(&agent_url, &sha256, &document_url)).expect("a script");
    let script = script.replace("/var/lib/dicomperf", &home.path().display().to_string());
    // The second command's download takes one second more. By then the first one's agent runs.
    let slow = script.replace("curl --fail", "sleep 1; curl --fail");
    assert_ne!(slow, script);
    let start = |script: &str| {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script).stdout(std::process::Stdio::piped()).spawn().expect("a shell")
    };
    let both = [start(&slow), start(&script)];
    for child in both {
        let output = child.wait_with_output().expect("ended");
        assert!(output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    }
}

#[test]
fn a_url_that_does_not_answer_is_said() {
    let home = tempfile::tempdir().expect("a directory");
    let (succeeded, text) = run(home.path(), &invocation("file:///nowhere/agent", "00", DOCUMENT));
    assert!(!succeeded && text.contains("curl:"), "{text}");
}

#[test]
fn the_two_downloads_take_no_longer_than_the_commands_time_has_for_them() {
    let option = |name: &str| {
        let mut words = SCRIPT.split_whitespace().skip_while(|word| *word != name).skip(1);
        words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or_else(|| panic!("{name} is not set"))
    };
    assert_eq!(SCRIPT.matches("fetch \"$").count(), 2);
    assert_eq!(2 * (option("--retry-max-time") + option("--max-time")), FETCH_SECONDS);
}
