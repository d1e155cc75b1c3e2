//! The names of baselines.

/// The rule of [`is_valid`] as a regular expression for a JSON Schema.
pub const PATTERN: &str = r"^[a-z0-9][a-z0-9._-]*$";
/// Characters in the name of a baseline at most.
pub const MAX_LENGTH: usize = 64;
/// The rule of [`is_valid`] in words.
pub const RULE: &str = "1 to 64 of a-z, 0-9 and . _ -, of which the first is a letter or digit";

/// True if a baseline may have this name.
#[must_use]
pub fn is_valid(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MAX_LENGTH).contains(&name.len())
        && name.bytes().all(|byte| is_plain(byte) || b"._-".contains(&byte))
        && name.bytes().next().is_some_and(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_takes_the_baseline_names_that_are_valid_and_no_others() {
        let schema = serde_json::json!({
            "type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": PATTERN,
        });
        let schema = jsonschema::draft202012::new(&schema).expect("a schema");
        let longest = "x".repeat(64);
        for (name, valid) in [
            ("release", true),
            ("1.12.11", true),
            ("a_b-c", true),
            (longest.as_str(), true),
            ("", false),
            (".x", false),
            ("-x", false),
            ("Release", false),
            ("a/b", false),
            ("a\n", false),
            ("ä", false),
            (&"x".repeat(65), false),
        ] {
            assert_eq!(is_valid(name), valid, "{name:?}");
            assert_eq!(schema.is_valid(&name.into()), valid, "{name:?}");
        }
    }
}
