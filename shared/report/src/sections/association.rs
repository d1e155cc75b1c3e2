//! The section on the association: an existing server's answer to a request for every context of the dataset.

use super::{row, section};
use crate::document::{Block, Part, Section, Table, Text, Tone};
use crate::figures::plural;
use dicomperf_model::measurement::{AsynchronousOperations, Negotiated};
use dicomperf_model::results::{NegotiationSummary, Summary};

pub(super) fn association(summary: &Summary) -> Option<Section> {
    let blocks = match &summary.negotiated[..] {
        [only] => answer(only),
        several => several.iter().map(|one| Part::open(block_runs(one), answer(one)).into()).collect(),
    };
    section("association", "Association", blocks)
}

/// Names the block runs that received an answer: `Block runs 0, 2`.
fn block_runs(one: &NegotiationSummary) -> String {
    let ordinals: Vec<_> = one.ordinals.iter().map(ToString::to_string).collect();
    format!("Block run{} {}", if ordinals.len() == 1 { "" } else { "s" }, ordinals.join(", "))
}

fn answer(one: &NegotiationSummary) -> Vec<Block> {
    let contexts = &one.answer.contexts;
    let rejected = contexts.iter().filter(|context| !context.is_accepted()).count();
    let accepted = contexts.len() - rejected;
    let words = match (contexts.len(), rejected) {
        (0, _) => "No presentation context was proposed.".to_owned(),
        (1, 0) => "The server accepts the one presentation context of the dataset.".to_owned(),
        (all, 0) => format!("The server accepts all {all} presentation contexts of the dataset."),
        (all, _) => {
            format!("The server accepts {accepted} of {} of the dataset.", plural(all as u64, "presentation context"))
        }
    };
    let mut blocks = vec![Block::words(words)];
    if !one.advice.is_empty() {
        blocks.push(Block::List(one.advice.iter().map(|advice| advice.as_str().into()).collect()));
    }
    blocks.push(facts(&one.answer).into());
    if !contexts.is_empty() {
        blocks.push(contexts_table(&one.answer).into());
    }
    blocks
}

fn facts(answer: &Negotiated) -> Table {
    let announced = |value: &Option<String>| value.clone().unwrap_or_else(|| "not announced".to_owned());
    let max_pdu = match answer.max_pdu {
        None => "not announced".to_owned(),
        Some(0) => "no limit".to_owned(),
        Some(bytes) => format!("{bytes} bytes"),
    };
    let rows = [
        ("Implementation Version Name", announced(&answer.implementation_version_name)),
        ("Implementation Class UID", announced(&answer.implementation_class_uid)),
        ("longest PDU that the server receives", max_pdu),
        ("asynchronous operations", operations(answer.asynchronous_operations)),
    ];
    let rows = rows.into_iter().map(|(fact, value)| row([fact.to_owned(), value]));
    Table::new("The server's answer to an association request", ["announced", "value"], 2).with_rows(rows)
}

/// Describes the asynchronous operations window (PS3.7 D.3.3.3).
fn operations(window: Option<AsynchronousOperations>) -> String {
    let Some(window) = window else { return "not negotiated: one operation at a time".to_owned() };
    let count = |operations: u16| if operations == 0 { "any number".to_owned() } else { operations.to_string() };
    format!("{} invoked and {} performed at once", count(window.invoked), count(window.performed))
}

/// Lists the presentation contexts, the rejected ones first.
fn contexts_table(answer: &Negotiated) -> Table {
    let (accepted, rejected): (Vec<_>, Vec<_>) = answer.contexts.iter().partition(|context| context.is_accepted());
    let rows = rejected.into_iter().chain(accepted).map(|context| {
        let tone = if context.is_accepted() { Tone::Good } else { Tone::Bad };
        vec![
            Text::from(context.sop_class.clone()),
            context.transfer_syntax.clone().into(),
            Text::new().badge(tone, context.result_words()),
        ]
    });
    let columns = ["SOP class", "transfer syntax", "result (PS3.8 table 9-18)"];
    Table::new("Presentation contexts of the dataset and their results", columns, 3).with_rows(rows)
}
