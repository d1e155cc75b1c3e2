//! The question before the first instance to a new server, on a terminal.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use dicomperf_testkit::{Cause, not_tested};

use crate::harness::Measure;
use crate::harness::archive::{Archive, Peculiarity};

/// Measures on a terminal, on which the user types an answer. Returns the exit code and all that the terminal showed;
/// `None` without script(1).
fn on_a_terminal(measure: &Measure, answer: &str) -> Option<(i32, String)> {
    let command = measure.command();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let log = measure.temporary().join("typescript");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--flush", "--command", &words.join(" ")]).arg(&log);
    script.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh");
    let mut process = script.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    process.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    let code = process.wait().unwrap().code().unwrap();
    let shown = fs::read_to_string(&log).unwrap();
    fs::remove_file(log).unwrap();
    Some((code, shown))
}

#[test]
fn a_new_server_gets_nothing_before_the_user_agrees_and_a_known_one_is_not_asked_about() {
    let archive = Archive::start(Peculiarity::None);
    let measure = Measure::new("ARCHIVE", archive.port).with(&["--receipt", "none"]);
    let Some((code, shown)) = on_a_terminal(&measure, "n\n") else {
        return not_tested(Cause::Missing("no script: util-linux"));
    };
    assert_eq!((code, archive.received()), (1, 0), "{shown}");
    for words in [
        &format!("You have not measured ARCHIVE@127.0.0.1:{} before", archive.port),
        "40 instances (",
        "stay on the server, under Patient ID DICOMPERF",
        "Go on? [y/N]",
        "nothing was sent",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let (code, shown) = on_a_terminal(&measure, "y\n").unwrap();
    assert_eq!((code, archive.received()), (0, 40), "{shown}");
    let (code, shown) = on_a_terminal(&measure, "").unwrap();
    assert_eq!((code, archive.received()), (0, 80), "{shown}");
    assert!(!shown.contains("Go on?"), "{shown}");
}

#[test]
fn yes_skips_the_question() {
    let archive = Archive::start(Peculiarity::None);
    let measure = Measure::new("ARCHIVE", archive.port).with(&["--receipt", "none", "--yes"]);
    let Some((code, shown)) = on_a_terminal(&measure, "") else {
        return not_tested(Cause::Missing("no script: util-linux"));
    };
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("Go on?"), "{shown}");
}
