//! The keyword `pattern`, with the regular expression library that every function has anyway.

use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError};
use regex_lite::Regex;
use serde_json::{Map, Value};

struct Pattern(Regex);

/// Creates the keyword. The validator that build.rs generates calls it.
pub(crate) fn keyword<'a>(
    _: &'a Map<String, Value>,
    pattern: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    let regex = Regex::new(pattern.as_str().unwrap_or_default());
    Ok(Box::new(Pattern(regex.map_err(|error| ValidationError::schema(error.to_string()))?)))
}

impl<'i> Keyword<'i> for Pattern {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) { Ok(()) } else { Err(ValidationError::custom("does not match")) }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        instance.as_str().is_none_or(|text| self.0.is_match(text))
    }
}
