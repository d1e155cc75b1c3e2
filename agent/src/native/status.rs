//! The meaning of a C-STORE's status (PS3.4 B.2.3, PS3.7 C).

use dicomperf_model::sending::{FailureCause, StatusClass};

use crate::timeline::SUCCESS;
use crate::upper_layer::command::Command;

/// The most characters of an Error Comment (PS3.5 6.2, LO).
const MAX_COMMENT_CHARACTERS: usize = 64;

/// The status for the record: [`SUCCESS`] for 0000H only, else the code and its name.
pub(super) fn describe_status(response: &Command) -> String {
    if response.status == 0 { SUCCESS.to_owned() } else { StatusClass::from_code(response.status).to_string() }
}

/// The failure that the status reports, with the exact code and the SCP's own comment; `None` for Success.
pub(super) fn failure(response: &Command) -> Option<(FailureCause, String)> {
    let cause = FailureCause::from_status(response.status)?;
    let comment = without_identifiers(&response.comment);
    let comment = if comment.is_empty() { String::new() } else { format!(": {comment}") };
    Some((cause, format!("status {:04X}H{comment}", response.status)))
}

/// The comment without words that may identify somebody: digits (UIDs, numbers, dates) and person names.
pub(crate) fn without_identifiers(comment: &str) -> String {
    let is_safe = |word: &&str| !word.contains(|letter: char| letter.is_ascii_digit() || letter == '^');
    let words = comment.split_whitespace().map(|word| if is_safe(&word) { word } else { "…" });
    words.collect::<Vec<_>>().join(" ").chars().take(MAX_COMMENT_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, comment: &str) -> Command {
        Command { status, comment: comment.to_owned(), ..Command::default() }
    }

    #[test]
    fn only_0000h_is_success() {
        assert_eq!(describe_status(&response(0, "")), SUCCESS);
        assert_eq!(failure(&response(0, "")), None);
        assert_eq!(describe_status(&response(0xB000, "")), "B000H, Warning: Coercion of Data Elements");
    }

    #[test]
    fn the_comment_is_kept_without_identifiers() {
        let words = |comment| failure(&response(0xA702, comment)).expect("a failure").1;
        assert_eq!(words(""), "status A702H");
        assert_eq!(words("disk full"), "status A702H: disk full");
        assert_eq!(words("patient DOE^JOHN of 1.2.840.1 is unknown"), "status A702H: patient … of … is unknown");
    }
}
