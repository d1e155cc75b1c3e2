//! The log of DCMTK's senders for one association: the times of its request and of each C-STORE's request and response,
//! and the outcome of each file.
//!
//! Run with `--no-halt`, both senders write one line or more for each file, in the order of the files. storescu names
//! each file. dcmsend names only the files that it cannot read, so the others are counted.

mod words;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use dicomperf_model::sending::{FailureCause, StatusClass};

use crate::client::dataset::Instance;
use crate::timeline::{Association, Failed, SUCCESS, Store};
pub(super) use words::NO_ANSWER;

/// A log that was read.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub association: Association,
    /// The cause why the association could not be opened, or ended before its release.
    pub lost: Option<(FailureCause, String)>,
    /// True if the server accepted the association, with or without a presentation context.
    pub accepted: bool,
    /// The position of the file that the sender worked on when the log ended.
    pub current: Option<usize>,
    /// For each file, true if its outcome is known.
    pub known: Vec<bool>,
}

/// Reads a log with the pattern `%D{%s.%Q} %p %m%n`: `SECONDS.MILLISECONDS.MICROSECONDS LEVEL MESSAGE`. DCMTK writes
/// each line of a longer message with its own time and level.
#[must_use]
pub(super) fn parse(log: &str, instances: &[Instance]) -> Log {
    let mut reader = Reader::new(instances);
    let mut complaint: Option<(u64, String)> = None;
    for line in log.lines() {
        let entry = parse_entry(line);
        if let Some((time_us, words)) = &mut complaint {
            match entry {
                // A line without a time continues any message.
                None => append(words, line),
                Some((time, level, message)) if time == *time_us && is_error(level) && continues(message) => {
                    append(words, message);
                }
                Some(_) => {
                    reader.complain(words);
                    complaint = None;
                }
            }
        }
        match entry {
            Some((time_us, level, message)) if complaint.is_none() && is_error(level) => {
                complaint = Some((time_us, message.to_owned()));
            }
            Some((time_us, level, message)) if !is_error(level) => reader.inform(time_us, message),
            _ => {}
        }
    }
    if let Some((_, words)) = complaint {
        reader.complain(&words);
    }
    reader.log
}

/// True if a log reports that its association could not be opened, or ended before its release.
pub(super) fn has_lost_association(path: &Path) -> bool {
    parse(&read_text(path), &[]).lost.is_some()
}

/// The text of a file; empty if the file cannot be read.
pub(super) fn read_text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn is_error(level: &str) -> bool {
    matches!(level, "ERROR" | "FATAL")
}

/// True for the second and later lines of DCMTK's messages of more than one line.
fn continues(message: &str) -> bool {
    words::is_numbered(message) || message.starts_with("Result: ") || message.starts_with("Reason: ")
}

fn append(words: &mut String, line: &str) {
    let line = words::without_number(line.trim());
    if !words.ends_with(' ') {
        words.push_str(if words.ends_with(':') { " " } else { ": " });
    }
    words.push_str(line);
}

fn parse_entry(line: &str) -> Option<(u64, &str, &str)> {
    let mut words = line.splitn(3, ' ');
    let mut parts = words.next()?.split('.').map(str::parse::<u64>);
    let mut part = || parts.next()?.ok();
    let seconds = part()?.checked_mul(1_000_000)?;
    let time_us = seconds.checked_add(part()?.checked_mul(1000)?)?.checked_add(part()?)?;
    Some((time_us, words.next()?, words.next()?))
}

struct Reader<'a> {
    instances: &'a [Instance],
    /// The position of each file.
    positions: HashMap<&'a str, usize>,
    /// The next file in order.
    next: usize,
    log: Log,
}

impl<'a> Reader<'a> {
    fn new(instances: &'a [Instance]) -> Self {
        let positions = instances.iter().enumerate().map(|(index, one)| (one.file.as_str(), index)).collect();
        let log = Log { known: vec![false; instances.len()], ..Log::default() };
        Self { instances, positions, next: 0, log }
    }

    /// Handles a message that is not an error.
    fn inform(&mut self, time_us: u64, message: &str) {
        let association = &mut self.log.association;
        if message == "Requesting Association" {
            association.requested_us = Some(time_us);
        } else if message.starts_with("Association Accepted") {
            association.accepted_us = Some(time_us);
            self.log.accepted = true;
        } else if message == "Releasing Association" {
            association.release_requested_us = Some(time_us);
        } else if let Some(name) = message.strip_prefix("Sending file: ") {
            self.log.current = self.positions.get(name).copied();
        } else if message.starts_with("Sending Store Request") || message.starts_with("Sending C-STORE Request") {
            self.begin_store(time_us);
        } else if let Some(status) = status(message) {
            self.end_store(time_us, status);
        }
    }

    fn begin_store(&mut self, time_us: u64) {
        // storescu has named the file, or it is the next one.
        let Some(position) =
            self.log.current.filter(|&position| !self.log.known[position]).or_else(|| self.take_next())
        else {
            return;
        };
        self.log.current = Some(position);
        let file = self.instances[position].file.clone();
        let store = Store { file, scheduled_us: None, requested_us: time_us, response: None };
        self.log.association.stores.push(store);
    }

    fn end_store(&mut self, time_us: u64, words: &str) {
        let Some(position) = self.log.current.take() else { return };
        let Some(store) = self.log.association.stores.last_mut().filter(|store| store.response.is_none()) else {
            return;
        };
        self.log.known[position] = true;
        let Some(code) = words::status_code(words) else {
            store.response = Some((time_us, words.to_owned()));
            return self.fail(position, FailureCause::ProtocolBroken, words);
        };
        match FailureCause::from_status(code) {
            None => store.response = Some((time_us, SUCCESS.to_owned())),
            Some(cause) => {
                store.response = Some((time_us, StatusClass::from_code(code).to_string()));
                self.fail(position, cause, words);
            }
        }
    }

    /// Handles an error of one line or more.
    fn complain(&mut self, message: &str) {
        self.log.association.complaints.push(message.to_owned());
        if let Some((position, words)) = self.unreadable(message) {
            let cause = FailureCause::Unsendable { words: words.to_owned() };
            self.log.current = None;
            self.fail(position, cause, words);
        } else if message.starts_with("No presentation context for: ")
            || message.starts_with("No presentation context found for sending C-STORE")
            || message.contains("Bad presentation context ID")
        {
            self.reject_current(message);
        } else if message.starts_with("No Acceptable Presentation Contexts") {
            self.log.accepted = true;
            self.log.current = None;
            self.remaining().for_each(|position| self.reject(position, message));
        } else if message.starts_with("Association Rejected")
            || message.starts_with("Association Request Failed")
            || message.starts_with("cannot negotiate network association")
        {
            self.lose_unopened(message);
        } else if let Some(words) = ["Failed sending C-STORE request: ", "Failed receiving DIMSE response: "]
            .iter()
            .find_map(|start| message.strip_prefix(start))
        {
            self.fail_current(words);
        } else if let Some((position, words)) = self.named(message, "Store Failed, file: ") {
            self.log.current = Some(position);
            self.fail_current(words);
        }
    }

    /// The file that the sender cannot read, and its words.
    fn unreadable<'m>(&self, message: &'m str) -> Option<(usize, &'m str)> {
        const BEGINNINGS: [&str; 4] = [
            "Bad DICOM file: ",
            "cannot access file: ",
            "cannot add DICOM file to the transfer list: ",
            "cannot send SOP instance from file: ",
        ];
        BEGINNINGS.iter().find_map(|start| self.named(message, start)).or_else(|| {
            let name = message.strip_prefix("No SOP Class or Instance UID in file: ")?;
            Some((*self.positions.get(name)?, "it has no SOP Class or Instance UID"))
        })
    }

    /// The position of a file in a message `START NAME: WORDS`, and the words.
    fn named<'m>(&self, message: &'m str, start: &str) -> Option<(usize, &'m str)> {
        let rest = message.strip_prefix(start)?;
        let found = rest.match_indices(':').find_map(|(end, _)| {
            let position = self.positions.get(&rest[..end])?;
            Some((*position, rest[end + 1..].trim()))
        });
        found.or_else(|| Some((*self.positions.get(rest)?, rest)))
    }

    /// The server rejected the presentation context of the current file.
    fn reject_current(&mut self, words: &str) {
        let Some(position) = self.log.current.take().or_else(|| self.take_next()) else { return };
        // dcmsend logs a request that it does not send.
        self.drop_open_store(position);
        self.reject(position, words);
    }

    fn reject(&mut self, position: usize, words: &str) {
        let (class, syntax) = self.instances[position].presentation_context();
        if let Some(cause) = FailureCause::from_context_result(2, class, syntax) {
            self.fail(position, cause, words);
        }
    }

    /// The exchange of the current file failed.
    fn fail_current(&mut self, words: &str) {
        let Some(position) = self.log.current.take().or_else(|| self.take_next()) else { return };
        if self.log.lost.is_some() {
            // The association had ended before, so the sender tried nothing.
            return self.drop_open_store(position);
        }
        let words = words::without_number(words);
        let cause = words::loss(words);
        if let Some(cause) = &cause {
            self.log.lost = Some((cause.clone(), words.to_owned()));
        } else {
            self.drop_open_store(position);
        }
        self.fail(position, cause.unwrap_or_else(|| FailureCause::Unsendable { words: words.to_owned() }), words);
    }

    fn lose_unopened(&mut self, message: &str) {
        if self.log.accepted || self.log.lost.is_some() {
            return;
        }
        let cause = words::unopened(message);
        self.log.lost = Some((cause.clone(), message.to_owned()));
        self.log.current = None;
        self.remaining().for_each(|position| self.fail(position, cause.clone(), message));
    }

    fn fail(&mut self, position: usize, cause: FailureCause, words: &str) {
        self.log.known[position] = true;
        let file = self.instances[position].file.clone();
        self.log.association.failures.push(Failed { file, cause, words: Some(words.to_owned()) });
    }

    /// Removes the last C-STORE if it has no response and belongs to this file.
    fn drop_open_store(&mut self, position: usize) {
        let file = &self.instances[position].file;
        self.log.association.stores.pop_if(|store| store.response.is_none() && store.file == *file);
    }

    /// The next file in order whose outcome is not known.
    fn take_next(&mut self) -> Option<usize> {
        while *self.log.known.get(self.next)? {
            self.next += 1;
        }
        self.next += 1;
        Some(self.next - 1)
    }

    /// The files whose outcome is not known.
    fn remaining(&self) -> std::vec::IntoIter<usize> {
        let unknown = |position: &usize| !self.log.known[*position];
        (0..self.instances.len()).filter(unknown).collect::<Vec<_>>().into_iter()
    }
}

/// The status in a line of storescu or dcmsend.
fn status(message: &str) -> Option<&str> {
    let rest = message
        .strip_prefix("Received Store Response (")
        .or_else(|| message.strip_prefix("Received C-STORE Response ("))?;
    Some(rest.strip_suffix(')').unwrap_or(rest))
}

#[cfg(test)]
mod tests;
