//! The command line in a terminal: tmux runs it, as a person does.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::harness::{Lab, command, root, with_packages};

/// Longer than a run of these tests takes to show anything.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// A terminal of tmux, on a server of its own. It inherits the lab's settings.
struct Terminal {
    folder: TempDir,
}

impl Terminal {
    fn open(arguments: &str) -> Self {
        let terminal = Self { folder: tempfile::tempdir().unwrap() };
        let program = root().join("target/debug/dicomperf");
        let script = format!("{} {arguments}; echo \"exit code $?\"; exec sleep 3000", program.display());
        let made = terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "50", &script]);
        assert!(made.status.success(), "{made:?}");
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        let socket = self.folder.path().join("socket");
        command("tmux", &[&["-S", socket.to_str().unwrap()], arguments].concat())
    }

    fn press(&self, keys: &[&str]) {
        assert!(self.tmux(&[&["send-keys"], keys].concat()).status.success());
    }

    /// Waits until the screen shows a text, and returns the screen.
    async fn shows(&self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let screen = String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p"]).stdout).into_owned();
            if screen.contains(text) {
                return screen;
            }
            assert!(begun.elapsed() < MAX_WAIT, "never {text:?}: {screen}");
            sleep(Duration::from_millis(300)).await;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}

#[tokio::test]
async fn a_run_is_followed_left_attached_and_aborted_in_a_terminal() {
    let lab = Lab::new().await;
    let folder = tempfile::tempdir().unwrap();
    let request = with_packages(json!({
        "name": "in a terminal", "dataset": { "synthetic": { "instances": 60 } },
        "iterations": 60, "warmup": 0, "rounds": 1,
    }));
    let file = folder.path().join("request.json");
    std::fs::write(&file, request.to_string()).unwrap();

    let terminal = Terminal::open(&format!("run {}", file.display()));
    let screen = terminal.shows("MB/s").await;
    assert!(screen.contains("iteration ") && screen.contains("min left"), "{screen}");
    terminal.press(&["C-c"]);
    terminal.shows("Leave the run running (l)").await;
    terminal.press(&["l", "Enter"]);
    let screen = terminal.shows("exit code 1").await;
    let id = screen.split("dicomperf attach ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(!lab.hosts_of(&id).await.is_empty(), "the run goes on");
    drop(terminal);

    let terminal = Terminal::open(&format!("attach {id}"));
    terminal.shows("MB/s").await;
    terminal.press(&["C-c"]);
    terminal.shows("Leave the run running (l)").await;
    terminal.press(&["a", "Enter"]);
    terminal.shows("no host is left").await;
    terminal.shows("exit code 1").await;
    assert_eq!(lab.hosts_of(&id).await, Vec::<String>::new());
}
