//! Client tokens. A token starts one run, however often it is sent.
//!
//! The name of an execution cannot carry the token. Step Functions returns the earlier execution for a used name only
//! while that execution runs, and refuses the name for 90 days afterwards (Step Functions API Reference, StartExecution).

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};

use super::{CONDITION_FAILED, Item, Records, item_failure, key};
use crate::clients::aws_failure;
use crate::failure::Failure;

/// Time for which a token is remembered.
pub const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(24);
const TOKEN_SORT_KEY: &str = "TOKEN";

/// The run of a client token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Id of the run.
    pub run_id: String,
    /// Hash of the request.
    pub request_hash: String,
}

impl Records {
    /// Records the run of a token and returns it. A token that is recorded already keeps its run, which is returned.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn claim_token(&self, hash: &str, token: Token, now: Timestamp) -> Result<Token, Failure> {
        let doing = "recording the client token";
        let mut item: Item = to_item(&token).map_err(|error| item_failure(doing, &error))?;
        item.extend(token_key(hash));
        // The table's time to live deletes the item some days later (DynamoDB Developer Guide, Time to Live).
        let until = (now + TOKEN_LIFETIME).as_second();
        item.insert("timeToLive".to_owned(), AttributeValue::N(until.to_string()));
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(PK) OR timeToLive < :now")
            .expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string()));
        match request.send().await {
            Ok(_) => Ok(token),
            Err(error) if error.code() == CONDITION_FAILED => {
                let request = self.client.get_item().table_name(&self.table).set_key(Some(token_key(hash)));
                let answer =
                    request.consistent_read(true).send().await.map_err(aws_failure("reading the client token"))?;
                let earlier = answer.item.map(|item| from_item(item).map_err(|error| item_failure(doing, &error)));
                earlier.unwrap_or_else(|| {
                    let reason = "its record was deleted meanwhile; send the request again".to_owned();
                    Err(Failure::Aws { doing: doing.to_owned(), reason })
                })
            }
            Err(error) => Err(aws_failure(doing)(error)),
        }
    }
}

fn token_key(hash: &str) -> Item {
    key(&format!("TOKEN#{hash}"), TOKEN_SORT_KEY)
}
