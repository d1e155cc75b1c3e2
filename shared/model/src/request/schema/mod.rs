//! The JSON Schema of a request, and the errors that it finds in a document.

mod pattern;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use schemars::generate::SchemaSettings;
use serde_json::Value;

pub(crate) use self::pattern::keyword;
use super::Request;
use crate::validation::FieldError;

/// Returns the JSON Schema of a request, as committed in schemas/request.schema.json.
#[must_use]
pub fn request_schema() -> Value {
    // No references: the path of an error then leads straight to the broken rule.
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Request>().to_value()
}

// `Rules`, which build.rs generates from the committed schema.
include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// The committed schema. The words of an error come from it.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../../schemas/request.schema.json"))
        .expect("the committed schema is JSON")
});

/// Returns every error that the schema finds in a document.
pub(super) fn errors(document: &Value) -> Vec<FieldError> {
    Rules::iter_errors(document).flat_map(|error| field_errors(&error)).collect()
}

fn field_errors(error: &ValidationError<'_>) -> Vec<FieldError> {
    let path = dotted_path(error.instance_path().as_str());
    let pointer = error.schema_path().as_str();
    let rule = pointer.rsplit_once('/').map_or("", |(parent, _keyword)| parent);
    let rule = SCHEMA.pointer(rule).unwrap_or(&Value::Null);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = property_names(rule);
            let field = |name: &String| if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            unexpected.iter().map(|name| FieldError::new(field(name), "is not a known field", known.clone())).collect()
        }
        ValidationErrorKind::Required { property } => {
            vec![FieldError::new(path, format!("{property} is missing"), describe_rule(rule))]
        }
        ValidationErrorKind::MinProperties { .. } | ValidationErrorKind::MaxProperties { .. } => {
            let given = error.instance().as_object().map_or(0, serde_json::Map::len);
            vec![FieldError::new(path, format!("has {given} fields"), describe_property_count(rule))]
        }
        ValidationErrorKind::UniqueItems => vec![FieldError::new(path, "has an item twice", "each item once")],
        _ => vec![FieldError::new(path, format!("is {}", shorten(error.instance())), describe_rule(rule))],
    }
}

/// Writes `/matrix/associations/0` as people do: `matrix.associations[0]`.
fn dotted_path(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() {
            path.push_str(&format!("[{part}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&part.replace("~1", "/").replace("~0", "~"));
        }
    }
    path
}

/// Describes the values that a sub-schema allows, in words.
fn describe_rule(rule: &Value) -> String {
    let options = rule["enum"].as_array().or_else(|| rule["oneOf"].as_array());
    if let Some(options) = options {
        let names = options.iter().map(|option| shorten(option.get("const").unwrap_or(option)));
        return format!("one of {}", names.collect::<Vec<_>>().join(", "));
    }
    if let Some(options) = rule["anyOf"].as_array() {
        return options.iter().map(describe_rule).collect::<Vec<_>>().join(" or ");
    }
    if let Some(only) = rule.get("const") {
        return shorten(only);
    }
    let mut words = match rule["type"].as_str() {
        Some("object") => match rule["properties"].as_object().map(|all| (all.len(), all.iter().next())) {
            Some((1, Some((name, of)))) => format!("an object with {name}, {}", describe_rule(of)),
            _ => format!("an object with {}", property_names(rule)),
        },
        Some("array") => "a list".to_owned(),
        Some("integer") => "an integer".to_owned(),
        Some(name) => format!("a {name}"),
        None => return "see schemas/request.schema.json".to_owned(),
    };
    for (low, high, unit) in [("minimum", "maximum", ""), ("minItems", "maxItems", " items")] {
        match (rule.get(low), rule.get(high)) {
            (Some(low), Some(high)) => words.push_str(&format!(" from {low} to {high}{unit}")),
            (Some(low), None) => words.push_str(&format!(" of at least {low}{unit}")),
            (None, Some(high)) => words.push_str(&format!(" of at most {high}{unit}")),
            (None, None) => {}
        }
    }
    if let Some(pattern) = rule["pattern"].as_str() {
        words.push_str(&format!(" that matches {pattern}"));
    }
    words
}

fn property_names(rule: &Value) -> String {
    rule["properties"]
        .as_object()
        .map_or_else(String::new, |names| names.keys().cloned().collect::<Vec<_>>().join(", "))
}

fn describe_property_count(rule: &Value) -> String {
    let names = property_names(rule);
    match (rule["minProperties"].as_u64(), rule["maxProperties"].as_u64()) {
        (Some(1), Some(1)) => format!("exactly one of {names}"),
        (Some(least), _) => format!("at least {least} of {names}"),
        _ => names,
    }
}

/// Writes a value as JSON, cut if it is too long for a message.
fn shorten(value: &Value) -> String {
    const MAX_LENGTH: usize = 80;
    let text = value.to_string();
    if text.chars().count() <= MAX_LENGTH {
        return text;
    }
    text.chars().take(MAX_LENGTH).chain("...".chars()).collect()
}
