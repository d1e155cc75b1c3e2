//! DCMTK's words, and the causes that they stand for (DCMTK 3.6.7, dcmnet: cond.h, diutil.cc, assoc.cc).

use dicomperf_model::sending::FailureCause;

/// The words of a timeout while a sender waits for a C-STORE response (DIMSE_NODATAAVAILABLE).
pub(in crate::measure) const NO_ANSWER: &str = "(timeout in non-blocking mode)";

/// The code of a C-STORE status. DCMTK writes the first code of a range for all codes of the range.
pub(super) fn status_code(words: &str) -> Option<u16> {
    Some(match words {
        "Success" => 0x0000,
        "Refused: OutOfResources" => 0xA700,
        "Refused: SOPClassNotSupported" => 0x0122,
        "Error: DataSetDoesNotMatchSOPClass" => 0xA900,
        "Error: CannotUnderstand" => 0xC000,
        "Warning: CoercionOfDataElements" => 0xB000,
        "Warning: ElementsDiscarded" => 0xB006,
        "Warning: DataSetDoesNotMatchSOPClass" => 0xB007,
        other => return u16::from_str_radix(other.strip_prefix("Unknown Status: 0x")?, 16).ok(),
    })
}

/// The cause of a failed exchange on an open association; `None` if the association is still usable.
pub(super) fn loss(words: &str) -> Option<FailureCause> {
    let has = |part: &str| words.contains(part);
    if has(NO_ANSWER) || has("network read timeout") || has("temporarily unavailable") {
        Some(FailureCause::NoAnswer)
    } else if ["Peer aborted", "network closed", "Peer Requested Release", "TCP I/O Error", "State Machine Error"]
        .into_iter()
        .any(has)
    {
        Some(FailureCause::AssociationEnded)
    } else if has("Unexpected") || has("Unsupported peer protocol") {
        Some(FailureCause::ProtocolBroken)
    } else {
        None
    }
}

/// The cause of an association that could not be opened.
pub(super) fn unopened(words: &str) -> FailureCause {
    let has = |part: &str| words.contains(part);
    if has("Association Rejected") {
        rejection(words)
    } else if has("Connection refused") {
        FailureCause::ConnectionRefused
    } else if has("TCP Initialization Error") || has("TLS") {
        FailureCause::ConnectionFailed
    } else {
        loss(words).unwrap_or(FailureCause::ConnectionFailed)
    }
}

/// The rejection of an association (ASC_printRejectParameters). dcmsend does not log the result, the source and the
/// reason, so they are 0.
fn rejection(words: &str) -> FailureCause {
    let number =
        |table: &[(&str, u8)]| table.iter().find(|(part, _)| words.contains(part)).map_or(0, |(_, number)| *number);
    let source = number(&[("Source: Service User", 1), ("(ACSE Related)", 2), ("(Presentation Related)", 3)]);
    let reason = number(&[
        ("App Context Name Not Supported", 2),
        ("Calling AE Title Not Recognized", 3),
        ("Called AE Title Not Recognized", 7),
        ("Protocol Version Not Supported", 2),
        ("Temporary Congestion", 1),
        ("Local Limit Exceeded", 2),
        ("Reason: No Reason", 1),
    ]);
    FailureCause::AssociationRejected {
        result: number(&[("Rejected Permanent", 1), ("Rejected Transient", 2)]),
        source,
        reason,
    }
}

/// The words without DCMTK's number of the condition: `0006:0317 Peer aborted ...`.
pub(super) fn without_number(words: &str) -> &str {
    if is_numbered(words) { &words[10..] } else { words }
}

/// True for words that begin with the number of a condition.
pub(super) fn is_numbered(words: &str) -> bool {
    let bytes = words.as_bytes();
    bytes.len() > 10
        && bytes[..10].iter().enumerate().all(|(index, byte)| match index {
            4 => *byte == b':',
            9 => *byte == b' ',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_dcmtk_has_its_code() {
        assert_eq!(status_code("Success"), Some(0));
        assert_eq!(status_code("Unknown Status: 0x110"), Some(0x0110));
        assert_eq!(status_code("Refused: OutOfResources"), Some(0xA700));
        assert_eq!(status_code("Nonsense"), None);
    }

    #[test]
    fn a_rejection_has_its_numbers() {
        let words = "Association Rejected: Result: Rejected Transient, Source: Service Provider (Presentation Related): \
                     Reason: Local Limit Exceeded";
        assert_eq!(unopened(words), FailureCause::AssociationRejected { result: 2, source: 3, reason: 2 });
        let unknown = FailureCause::AssociationRejected { result: 0, source: 0, reason: 0 };
        assert_eq!(unopened("DUL Association Rejected"), unknown);
    }

    #[test]
    fn an_association_that_is_lost_has_a_cause_and_an_object_that_is_not_sent_has_none() {
        assert_eq!(
            loss("0006:0317 Peer aborted Association (or never connected)"),
            Some(FailureCause::AssociationEnded)
        );
        let timeout = "0006:0207 DIMSE No data available (timeout in non-blocking mode)";
        assert_eq!(loss(timeout), Some(FailureCause::NoAnswer));
        assert_eq!(loss("0006:020e DIMSE Failed to send message"), None);
        assert_eq!(without_number(timeout), "DIMSE No data available (timeout in non-blocking mode)");
        assert_eq!(without_number("0006 short"), "0006 short");
    }
}
