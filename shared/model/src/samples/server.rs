//! Samples of the server's side of a failure: its volume, the end of its process, its log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The volume with the server's storage, at one moment (statvfs(3)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSample {
    /// Bytes of the volume: `f_blocks`.
    pub total_bytes: u64,
    /// Bytes that a process without privileges can still write: `f_bavail`.
    pub free_bytes: u64,
}

/// The end of a server's process, as its supervisor saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerEnd {
    /// Time of the end, in ms since 1970-01-01 UTC, by the host's own wall clock.
    pub at_ms: u64,
    /// Time of the start, likewise.
    pub started_at_ms: u64,
    /// Name of the server: `Orthanc` or `sink`.
    pub server: String,
    /// The exit code; absent if a signal ended the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended the process: `SIGKILL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// True if the supervisor was asked to end the server, as it is before every restart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requested: bool,
    /// Processes of the whole host that the kernel killed for lack of memory while the server ran (/proc/vmstat,
    /// `oom_kill`).
    #[serde(default)]
    pub oom_kills: u64,
    /// The same count of the server's own control group (cgroup v2, memory.events, `oom_kill`); absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_oom_kills: Option<u64>,
}

/// A message of the server's log: a warning or an error. The message has no identifiers, because it is one of a list of
/// known messages, or else the place in the server's source code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerLogSample {
    /// Time at which the sampler read it, in ms since 1970-01-01 UTC. The server wrote it up to 200 ms before.
    pub at_ms: u64,
    /// Its level.
    pub level: LogLevel,
    /// The message.
    pub message: String,
    /// The message's meaning for a measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<LogTrouble>,
    /// Number of lines with this message since the sample before.
    pub lines: u32,
}

/// Level of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogLevel {
    /// A warning.
    Warning,
    /// An error.
    Error,
}

/// A message's meaning for a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogTrouble {
    /// A file or the database could not be written.
    WriteFailed,
    /// Memory could not be allocated.
    OutOfMemory,
}

impl ServerEnd {
    /// Returns the server's name in a sentence.
    #[must_use]
    pub fn subject(&self) -> &str {
        if self.server == "sink" { "the sink" } else { &self.server }
    }

    /// Returns the end in words: `Orthanc was ended by SIGKILL, 3.2 s after its start`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let how = match (&self.signal, self.exit_code) {
            (Some(signal), _) => format!("was ended by {signal}"),
            (None, Some(code)) => format!("ended with exit code {code}"),
            (None, None) => "ended".to_owned(),
        };
        format!("{} {how}, {} after its start", self.subject(), seconds(self.at_ms.saturating_sub(self.started_at_ms)))
    }

    /// True if the kernel killed the server for lack of memory. The control group's count is the server's own; the
    /// host's count may be of another program.
    #[must_use]
    pub fn lacked_memory(&self) -> bool {
        self.signal.as_deref() == Some("SIGKILL") && self.cgroup_oom_kills.unwrap_or(self.oom_kills) > 0
    }
}

/// Returns a time in ms as seconds, for a person.
#[must_use]
pub fn seconds(milliseconds: u64) -> String {
    let tenths = milliseconds.saturating_add(50) / 100;
    match tenths {
        0..=99 => format!("{}.{} s", tenths / 10, tenths % 10),
        _ => format!("{} s", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn killed() -> ServerEnd {
        ServerEnd {
            at_ms: 13_240,
            started_at_ms: 10_000,
            server: "Orthanc".to_owned(),
            signal: Some("SIGKILL".to_owned()),
            ..ServerEnd::default()
        }
    }

    #[test]
    fn an_end_is_told_by_its_signal_or_exit_code() {
        assert_eq!(killed().sentence(), "Orthanc was ended by SIGKILL, 3.2 s after its start");
        let exited = ServerEnd { signal: None, exit_code: Some(255), server: "sink".to_owned(), ..killed() };
        assert_eq!(exited.sentence(), "the sink ended with exit code 255, 3.2 s after its start");
    }

    #[test]
    fn only_a_kill_that_the_kernel_counted_is_a_lack_of_memory() {
        assert!(!killed().lacked_memory());
        assert!(ServerEnd { oom_kills: 1, ..killed() }.lacked_memory());
        // The kernel killed another program.
        assert!(!ServerEnd { oom_kills: 1, cgroup_oom_kills: Some(0), ..killed() }.lacked_memory());
        assert!(!ServerEnd { oom_kills: 1, signal: Some("SIGSEGV".to_owned()), ..killed() }.lacked_memory());
    }

    #[test]
    fn long_times_have_no_tenths() {
        assert_eq!((seconds(40), seconds(9_960), seconds(61_000)), ("0.0 s".into(), "10 s".into(), "61 s".into()));
    }
}
