//! Writes a validator for the committed JSON Schema of a request: the crate jsonschema makes code of it, so that a
//! function carries the check of this one schema and not a validator of all of them.

use std::path::Path;
use std::{env, fs};

use serde_json::Value;

const SCHEMA: &str = "../events/request.schema.json";

fn main() {
    println!("cargo::rerun-if-changed={SCHEMA}");
    let text = fs::read_to_string(SCHEMA).expect("events/request.schema.json");
    let mut schema = serde_json::from_str(&text).expect("events/request.schema.json is JSON");
    rename_patterns(&mut schema);
    let schema = schema.to_string();
    let validator = format!(
        r#"
        #[jsonschema::validator(
            schema = {schema:?},
            draft = Draft202012,
            keywords = {{ "x-pattern" => crate::validation::pattern::keyword }},
            methods = {{ is_valid = false, validate = false }},
        )]
        struct Rules;
        "#
    );
    let directory = env::var_os("OUT_DIR").expect("cargo names it");
    fs::write(Path::new(&directory).join("rules.rs"), validator).expect("OUT_DIR can be written");
}

/// Under its own name `pattern` would bring the whole of the crate regex, 0.4 MB of a function's zip.
fn rename_patterns(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            // A property of that name is an object.
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
