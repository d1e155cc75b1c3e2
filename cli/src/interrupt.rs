//! Ctrl-C: SIGINT and SIGTERM, for the commands that follow something in AWS.

use std::io::{self, IsTerminal as _, stderr, stdin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use tokio::sync::oneshot;

/// Time between two looks for a signal: shorter than a person notices.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Signals that this process got and has not yet answered. While it exists, they do not end the process.
pub struct Interrupts {
    pending: Arc<AtomicBool>,
}

/// An answer to the question about a run that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Leave the run running, and end this command.
    Leave,
    /// Abort the run and tear its hosts down.
    Abort,
    /// Follow it further.
    GoOn,
}

impl Interrupts {
    /// Watches for signals from now on.
    pub fn watch() -> io::Result<Self> {
        let pending = Arc::<AtomicBool>::default();
        for signal in [SIGINT, SIGTERM] {
            flag::register(signal, Arc::clone(&pending))?;
        }
        Ok(Self { pending })
    }

    /// Waits for the next signal. One that came before this call counts.
    pub async fn next(&self) {
        while !self.pending.swap(false, Ordering::SeqCst) {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Asks on a terminal what becomes of the run. Without a terminal, or at another signal, the run is left.
    pub async fn choose(&self) -> Choice {
        if !stdin().is_terminal() || !stderr().is_terminal() {
            return Choice::Leave;
        }
        eprint!("\nLeave the run running (l), abort it and tear down its hosts (a), or go on (Enter)? ");
        loop {
            let answer = tokio::select! {
                line = read_line() => line,
                () = self.next() => None,
            };
            let Some(line) = answer else {
                eprintln!();
                return Choice::Leave;
            };
            match choice(&line) {
                Some(choice) => return choice,
                None => eprint!("l, a or Enter? "),
            }
        }
    }
}

/// Asks a question whose answer is yes or no, and returns true for yes. Without a terminal the answer is no.
pub async fn confirm(question: &str) -> bool {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return false;
    }
    eprint!("{question} [y/N] ");
    read_line().await.is_some_and(|line| matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Reads a line of standard input; `None` at its end. A thread reads, because the runtime waits at its end for a read
/// of its own.
async fn read_line() -> Option<String> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = stdin().read_line(&mut line);
        // The caller may be gone.
        let _ = sender.send(read.ok().filter(|bytes| *bytes > 0).map(|_| line));
    });
    receiver.await.ok().flatten()
}

fn choice(line: &str) -> Option<Choice> {
    match line.trim().to_ascii_lowercase().as_str() {
        "l" => Some(Choice::Leave),
        "a" => Some(Choice::Abort),
        "" => Some(Choice::GoOn),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_none_of_the_three_is_no_choice() {
        for (line, expected) in [
            ("l\n", Some(Choice::Leave)),
            (" A \n", Some(Choice::Abort)),
            ("\n", Some(Choice::GoOn)),
            ("yes\n", None),
            ("la\n", None),
        ] {
            assert_eq!(choice(line), expected, "{line:?}");
        }
    }
}
