//! Advice on a server's answer to an association request.

use dicomperf_model::measurement::{Negotiated, NegotiatedContext};
use dicomperf_model::orthanc::USUAL_PDU;
use dicomperf_model::request::Matrix;
use dicomperf_model::words;

/// SOP classes or transfer syntaxes that a piece of advice names; further ones are only counted.
const MAX_NAMED: usize = 5;
/// The longest PDU that a request may ask for.
const MAX_PDU: u32 = 131_072;
/// Results of a presentation context (PS3.8 table 9-18).
const ABSTRACT_SYNTAX_NOT_SUPPORTED: u8 = 3;
const TRANSFER_SYNTAXES_NOT_SUPPORTED: u8 = 4;

/// Returns the advice, each piece in a sentence or two.
pub(crate) fn association_advice(answer: &Negotiated, matrix: &Matrix) -> Vec<String> {
    let rejected = |is_of: &dyn Fn(u8) -> bool| -> Vec<&NegotiatedContext> {
        answer.contexts.iter().filter(|context| !context.is_accepted() && is_of(context.result)).collect()
    };
    let classes = rejected(&|result| result == ABSTRACT_SYNTAX_NOT_SUPPORTED);
    let syntaxes = rejected(&|result| result == TRANSFER_SYNTAXES_NOT_SUPPORTED);
    let others =
        rejected(&|result| ![ABSTRACT_SYNTAX_NOT_SUPPORTED, TRANSFER_SYNTAXES_NOT_SUPPORTED].contains(&result));
    let mut advice: Vec<_> = answer.max_pdu.and_then(|limit| pdu_advice(limit, matrix)).into_iter().collect();
    if let Some(names) = named(&classes, |one| one.sop_class.clone()) {
        advice.push(format!(
            "The server does not accept {names}. Ask its administrator to accept these SOP classes, or leave such objects \
             out of the dataset: no instance of them is stored."
        ));
    }
    if let Some(names) = named(&syntaxes, |one| format!("{} in {}", one.sop_class, one.transfer_syntax)) {
        advice.push(format!(
            "The server does not accept {names}. Convert the dataset (transferSyntax in the matrix), or ask the server's \
             administrator to accept the transfer syntax: no instance in it is stored."
        ));
    }
    if let Some(names) = named(&others, |one| format!("{} in {}", one.sop_class, one.transfer_syntax)) {
        advice.push(format!(
            "The server rejected {names} and gave no reason. Its log, or its administrator, may know the reason."
        ));
    }
    advice
}

/// Returns the advice on the longest PDU that the server receives; 0 stands for no limit.
fn pdu_advice(limit: u32, matrix: &Matrix) -> Option<String> {
    let sent = matrix.max_pdu.iter().copied().max().unwrap_or(USUAL_PDU);
    match limit {
        1..USUAL_PDU => Some(format!(
            "The server receives PDUs of at most {limit} bytes; DCMTK and Orthanc receive {USUAL_PDU} by default. Ask its \
             administrator for that or more. To Orthanc on loopback, 200 CT took 1.7 times as long with 4096 bytes."
        )),
        USUAL_PDU => Some(format!(
            "The server receives PDUs of at most {USUAL_PDU} bytes, the default of DCMTK and Orthanc. {MAX_PDU} brought \
             nothing to Orthanc on loopback. To storescp, which discards everything, it made storescu 1.5 times and native \
             1.3 times as fast (docs/lab-notebook.md): a larger limit helps only where the server keeps up with the sender."
        )),
        _ if sent <= USUAL_PDU => {
            let limit = if limit == 0 { "of any length".to_owned() } else { format!("of up to {limit} bytes") };
            Some(format!(
                "The server receives PDUs {limit}, and this run sent at most {sent}. A matrix with \"maxPdu\": \
                 [{USUAL_PDU}, {MAX_PDU}] shows if longer ones help."
            ))
        }
        _ => None,
    }
}

/// Lists the contexts' names, each once; `None` without a context.
fn named(contexts: &[&NegotiatedContext], name: impl Fn(&NegotiatedContext) -> String) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for context in contexts {
        let name = name(context);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.len().saturating_sub(MAX_NAMED) {
        0 => {}
        more => {
            names.truncate(MAX_NAMED);
            names.push(format!("{more} more"));
        }
    }
    (!names.is_empty()).then(|| words::list(&names))
}

#[cfg(test)]
mod tests {
    use dicomperf_fixtures::{context, negotiated};

    use super::*;

    const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
    const EXPLICIT: &str = "1.2.840.10008.1.2.1";
    const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";

    fn advice(max_pdu: Option<u32>, asked: &[u32]) -> Vec<String> {
        let matrix = Matrix { max_pdu: asked.to_vec(), ..Matrix::default() };
        association_advice(&Negotiated { max_pdu, ..negotiated() }, &matrix)
    }

    #[test]
    fn a_pdu_length_is_commented_where_a_change_may_help() {
        assert!(advice(Some(4096), &[16_384])[0].contains("at most 4096 bytes"));
        assert!(advice(Some(16_384), &[131_072])[0].contains("storescu 1.5 times"));
        assert!(advice(Some(0), &[16_384])[0].contains("PDUs of any length, and this run sent at most 16384"));
        assert!(advice(Some(131_072), &[16_384])[0].contains("of up to 131072 bytes"));
        // The run sent longer PDUs already.
        assert_eq!(advice(Some(131_072), &[16_384, 131_072]), Vec::<String>::new());
        assert_eq!(advice(None, &[16_384]), Vec::<String>::new());
    }

    #[test]
    fn rejected_contexts_are_named_by_what_the_user_can_change() {
        let contexts = vec![
            context(CT, EXPLICIT, 0),
            context(CT, JPEG_LS, 4),
            context("1.2.840.10008.5.1.4.1.1.66.4", EXPLICIT, 3),
            context("1.2.840.10008.5.1.4.1.1.66.4", JPEG_LS, 3),
            context("1.2.3", EXPLICIT, 1),
        ];
        let matrix = Matrix { max_pdu: vec![131_072], ..Matrix::default() };
        let advice = association_advice(&Negotiated { contexts, ..negotiated() }, &matrix);
        assert_eq!(advice.len(), 3, "{advice:?}");
        let class = "The server does not accept Segmentation Storage (1.2.840.10008.5.1.4.1.1.66.4). Ask";
        assert!(advice[0].starts_with(class), "{}", advice[0]);
        assert!(advice[1].contains("CT Image Storage") && advice[1].contains("JPEG-LS Lossless"), "{}", advice[1]);
        assert!(advice[2].starts_with("The server rejected 1.2.3 in Explicit VR Little Endian"), "{}", advice[2]);
    }

    #[test]
    fn of_many_rejected_classes_the_first_are_named() {
        let contexts = (0..12).map(|number| context(&format!("1.2.{number}"), EXPLICIT, 3)).collect();
        let matrix = Matrix { max_pdu: vec![131_072], ..Matrix::default() };
        let advice = association_advice(&Negotiated { contexts, ..negotiated() }, &matrix);
        assert!(advice[0].contains("1.2.4 and 7 more"), "{}", advice[0]);
    }
}
