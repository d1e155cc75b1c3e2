//! Real terminals: tmux runs the command and shows its screen.

use std::process::{Command, Output};

use dicomperf_testkit::{Cause, not_tested};

use crate::aws::{Aws, wait_until};

/// A terminal of tmux, on a server of its own.
struct Terminal {
    socket: String,
    _directory: tempfile::TempDir,
}

impl Terminal {
    /// Runs the command line in a new terminal. Its exit code stays on the screen. `None` without tmux.
    fn open(aws: &Aws, arguments: &str) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            not_tested(Cause::Missing("tmux is not installed"));
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let terminal = Self { socket: directory.path().join("tmux").display().to_string(), _directory: directory };
        let variables = aws.environment().into_iter().map(|(name, value)| format!("{name}={value}"));
        let variables: Vec<_> = variables.collect();
        let program = env!("CARGO_BIN_EXE_dicomperf");
        let script =
            format!("env {} {program} {arguments}; echo \"exit code $?\"; exec sleep 1000", variables.join(" "));
        let made = terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "150", "-y", "40", &script]);
        assert!(made.status.success(), "{made:?}");
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        Command::new("tmux").args(["-S", &self.socket]).args(arguments).output().unwrap()
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p"]).stdout).into_owned()
    }

    fn press(&self, keys: &[&str]) {
        assert!(self.tmux(&[&["send-keys"], keys].concat()).status.success());
    }

    fn shows(&self, text: &str) {
        let mut screen = String::new();
        wait_until(text, || {
            screen = self.screen();
            screen.contains(text)
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}

#[test]
fn ctrl_c_asks_and_the_run_is_left_attached_again_and_aborted() {
    let aws = Aws::start();
    let Some(terminal) = Terminal::open(&aws, "attach run-1") else { return };
    terminal.shows("Teardown");
    terminal.press(&["C-c"]);
    terminal.shows("Leave the run running (l)");
    // Another answer asks again, and Enter goes on.
    terminal.press(&["x", "Enter"]);
    terminal.shows("l, a or Enter?");
    terminal.press(&["Enter"]);
    let looks = aws.state.lock().unwrap().calls.len();
    wait_until("follows on", || aws.state.lock().unwrap().calls.len() > looks + 3);
    terminal.press(&["C-c"]);
    wait_until("asked twice", || terminal.screen().matches("Leave the run running").count() == 2);
    terminal.press(&["l", "Enter"]);
    terminal.shows("dicomperf attach run-1");
    terminal.shows("exit code 1");
    assert_eq!(aws.state.lock().unwrap().status, "RUNNING");

    let Some(terminal) = Terminal::open(&aws, "attach run-1") else { return };
    terminal.shows("Teardown");
    terminal.press(&["C-c"]);
    terminal.shows("Leave the run running (l)");
    terminal.press(&["a", "Enter"]);
    terminal.shows("no host is left");
    terminal.shows("exit code 1");
    assert_eq!(aws.state.lock().unwrap().status, "ABORTED");
}

#[test]
fn a_second_ctrl_c_leaves_the_run_and_abort_asks() {
    let aws = Aws::start();
    let Some(terminal) = Terminal::open(&aws, "attach run-1") else { return };
    terminal.shows("Teardown");
    terminal.press(&["C-c"]);
    terminal.shows("Leave the run running (l)");
    terminal.press(&["C-c"]);
    terminal.shows("exit code 1");
    assert_eq!(aws.state.lock().unwrap().status, "RUNNING");

    let Some(terminal) = Terminal::open(&aws, "abort run-1") else { return };
    terminal.shows("Abort run run-1 and tear down its hosts? [y/N]");
    terminal.press(&["y", "Enter"]);
    terminal.shows("no host is left");
    terminal.shows("exit code 0");
    assert_eq!(aws.state.lock().unwrap().status, "ABORTED");
}
