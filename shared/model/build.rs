//! Writes a validator for the committed JSON Schema of a request. The crate jsonschema generates code from the schema.
//! A function then carries the check of this one schema, not a validator of all schemas.

use std::path::Path;
use std::{env, fs};

use serde_json::Value;

const SCHEMA: &str = "../../schemas/request.schema.json";

fn main() {
    println!("cargo::rerun-if-changed={SCHEMA}");
    let text = fs::read_to_string(SCHEMA).expect("schemas/request.schema.json");
    let mut schema = serde_json::from_str(&text).expect("schemas/request.schema.json is JSON");
    rename_patterns(&mut schema);
    let schema = schema.to_string();
    let validator = format!(
        r#"
        #[jsonschema::validator(
            schema = {schema:?},
            draft = Draft202012,
            keywords = {{ "x-pattern" => crate::request::pattern_keyword }},
            methods = {{ is_valid = false, validate = false }},
        )]
        struct Rules;
        "#
    );
    let directory = env::var_os("OUT_DIR").expect("cargo names it");
    fs::write(Path::new(&directory).join("rules.rs"), validator).expect("OUT_DIR can be written");
}

/// Renames the keyword `pattern`: under its own name it would pull in the whole crate regex, 0.4 MB of a function's
/// zip.
fn rename_patterns(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            // A property that is named `pattern` is an object, not a string.
            if keywords.get("pattern").is_some_and(Value::is_string) {
                let pattern = keywords.remove("pattern").expect("it is there");
                keywords.insert("x-pattern".to_owned(), pattern);
            }
            keywords.values_mut().for_each(rename_patterns);
        }
        Value::Array(items) => items.iter_mut().for_each(rename_patterns),
        _ => {}
    }
}
