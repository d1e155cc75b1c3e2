//! Tokens of pages. A token names the last run of a page and the query that it belongs to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::RunQuery;
use crate::clients::records::{RunFilter, RunPosition};
use crate::refusal::Refusal;
use dicomperf_model::hash::sha256_hex;
use dicomperf_model::run_id;

/// Runs of a page, if the query names no limit.
const DEFAULT_LIMIT: u32 = 25;
/// Runs of a page at most.
pub const MAX_LIMIT: u32 = 100;
/// Characters of a token at most. One that this module made has fewer than 250.
const MAX_TOKEN_CHARACTERS: usize = 512;

/// Content of a token. It holds no secret: a forged one shows no run that the query would not show.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageToken {
    /// Id of the last run of the page before.
    run: String,
    /// Time of that run.
    at: jiff::Timestamp,
    /// Hash of the query.
    of: String,
}

/// Checks a query. Returns its conditions, its limit, and the position that the page begins after.
pub fn read(query: &RunQuery) -> Result<(RunFilter, usize, Option<RunPosition>), Refusal> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Refusal::field("limit", format!("is {limit}"), format!("an integer from 1 to {MAX_LIMIT}")));
    }
    let filter = RunFilter {
        name: query.name.clone(),
        fingerprint: query.fingerprint.clone(),
        since: query.since,
        until: query.until,
    };
    if let (Some(since), Some(until)) = (filter.since, filter.until)
        && since > until
    {
        return Err(Refusal::field("since", format!("is {since}"), format!("a time before until, {until}")));
    }
    let after = query.page.as_deref().map(|token| position(token, &filter)).transpose()?;
    Ok((filter, limit as usize, after))
}

/// Returns the token of the page after a position.
pub fn token(filter: &RunFilter, position: &RunPosition) -> String {
    let token = PageToken { run: position.run_id.clone(), at: position.created_at, of: hash(filter) };
    URL_SAFE_NO_PAD.encode(serde_json::json!(token).to_string())
}

fn position(token: &str, filter: &RunFilter) -> Result<RunPosition, Refusal> {
    let refused = |problem: &str| Refusal::field("page", problem, "next of the page before, with the same conditions");
    let bytes = (token.len() <= MAX_TOKEN_CHARACTERS).then(|| URL_SAFE_NO_PAD.decode(token).ok()).flatten();
    let token: Option<PageToken> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let token = token.ok_or_else(|| refused("was not returned by this list"))?;
    if token.of != hash(filter) {
        return Err(refused("belongs to a list with other conditions"));
    }
    let position = RunPosition { run_id: token.run, created_at: token.at };
    if !run_id::is_valid(&position.run_id) || !filter.has_position(&position) {
        return Err(refused("was not returned by this list"));
    }
    Ok(position)
}

fn hash(filter: &RunFilter) -> String {
    let RunFilter { name, fingerprint, since, until } = filter;
    let conditions = serde_json::json!([name, fingerprint, since, until]).to_string();
    sha256_hex(conditions.as_bytes()).chars().take(16).collect()
}
