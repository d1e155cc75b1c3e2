//! The ids of runs. A run has the name of its execution.

use jiff::Timestamp;
use rand::Rng;
use rand::distr::{Distribution as _, Uniform};

/// The longest name that Step Functions gives an execution.
pub const MAX_LENGTH: usize = 80;
/// The rule of [`is_valid`] without the length, as a regular expression for a JSON Schema.
pub const PATTERN: &str = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$";
/// The rule of [`is_valid`] in words.
pub const RULE: &str = "1 to 80 letters, digits and _ . -, of which the first is no dot";

/// Returns a new id. It sorts by time and contains the run's name: `20260101T031500Z-nightly-ct-k3v9qx`.
pub fn new(now: Timestamp, name: &str, random: &mut impl Rng) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let slug: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).take(40).collect();
    let mut id = format!("{}-{}-", now.strftime("%Y%m%dT%H%M%SZ"), slug.to_ascii_lowercase());
    if let Ok(letters) = Uniform::new(0, LETTERS.len()) {
        id.extend((0..6).map(|_| char::from(LETTERS[letters.sample(random)])));
    }
    id
}

/// True if an id may be part of S3 keys, of tags and of paths on the hosts without change.
#[must_use]
pub fn is_valid(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        // In a URL or a path, a name of dots alone means a parent folder. A name with a leading dot would be hidden on
        // the hosts.
        && !id.starts_with('.')
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_new_name_is_valid_and_sorts_by_time() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let earlier = new("2026-01-01T03:15:00Z".parse().expect("a time"), "nightly ct", &mut random);
        let later = new("2026-01-01T03:15:01Z".parse().expect("a time"), &"x".repeat(64), &mut random);
        assert!(earlier.starts_with("20260101T031500Z-nightly-ct-"), "{earlier}");
        assert!(is_valid(&earlier) && is_valid(&later));
        assert!(earlier < later);
    }

    #[test]
    fn a_schema_takes_the_names_that_are_valid_and_no_others() {
        let schema =
            serde_json::json!({ "type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": PATTERN });
        let schema = jsonschema::draft202012::new(&schema).expect("a schema");
        for name in [
            "run-1",
            "3f1c-run_1.x",
            "..a",
            ".x",
            "a..",
            "_",
            "-",
            "",
            ".",
            "..",
            "a/b",
            "a b",
            "ä",
            "a\n",
            "\na",
            &"x".repeat(81),
        ] {
            assert_eq!(schema.is_valid(&name.into()), is_valid(name), "{name:?}");
        }
    }

    #[test]
    fn names_that_would_leave_their_place_are_not_valid() {
        for name in ["", ".", "..", "..a", ".x", "../x", "a/b", "a b", "ä", "a\n", &"x".repeat(81)] {
            assert!(!is_valid(name), "{name:?}");
        }
    }
}
