//! The meaning of a C-STORE's status (PS3.4 B.2.3, PS3.7 C).

use crate::timeline::SUCCESS;
use crate::upper_layer::command::Command;

/// The status in words: [`SUCCESS`] for 0000H only, else the meaning, the code and the SCP's own comment.
pub(super) fn describe_status(response: &Command) -> String {
    let meaning = match response.status {
        0x0000 => return SUCCESS.to_owned(),
        0x0110 => "Failure: processing failure",
        0x0111 => "Failure: duplicate SOP instance",
        0x0117 => "Failure: invalid SOP instance",
        0x0122 => "Refused: SOP class not supported",
        0x0124 => "Refused: not authorized",
        0x0210 => "Failure: duplicate invocation",
        0x0211 => "Failure: unrecognized operation",
        0x0212 => "Failure: mistyped argument",
        0xA700..=0xA7FF => "Refused: out of resources",
        0xA900..=0xA9FF => "Error: dataset does not match SOP class",
        0xB000 => "Warning: coercion of data elements",
        0xB006 => "Warning: elements discarded",
        0xB007 => "Warning: dataset does not match SOP class",
        0xC000..=0xCFFF => "Error: cannot understand",
        _ => "Status",
    };
    let comment = if response.comment.is_empty() { String::new() } else { format!(": {}", response.comment) };
    format!("{meaning} ({:04X}H){comment}", response.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_0000h_is_success_and_the_comment_is_kept() {
        let response = |status, comment: &str| Command { status, comment: comment.to_owned(), ..Command::default() };
        assert_eq!(describe_status(&response(0, "")), SUCCESS);
        assert_eq!(describe_status(&response(0xB000, "")), "Warning: coercion of data elements (B000H)");
        assert_eq!(describe_status(&response(0xA702, "disk full")), "Refused: out of resources (A702H): disk full");
    }
}
