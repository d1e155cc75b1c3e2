//! The request of a measurement: the defaults, the file, and the options, which win.

use std::path::Path;

use dicomperf_model::request::{Request, Sender};
use dicomperf_model::validation::{FieldError, InvalidRequest};
use serde_json::{Map, Value, json};

use super::server;
use crate::arguments::MeasureArguments;
use crate::environment::Environment;
use crate::request::read_document;

/// The fields that a file may not set, with the reason. A measurement has no hosts.
const REFUSED_FIELDS: [(&str, &str); 4] = [
    ("server", "no value: the argument AET@HOST:PORT and the options have the server"),
    ("limits.maxCostUsd", "no value: a measurement from this machine costs nothing"),
    ("dryRun", "no value: only a run in AWS has a dry run"),
    ("dataset.s3", "no value: `dataset.directory`, or a run in AWS"),
];
/// Instances of a measurement without a request: in under a minute a healthy server has them all.
const INSTANCES: u32 = 50;

/// A document of a request that is being put together.
struct Draft {
    document: Value,
    errors: Vec<FieldError>,
    /// The fields that an option has set, with the option.
    set: Vec<(&'static str, &'static str)>,
}

/// Returns the request of the arguments and of the file that they name.
///
/// # Errors
/// Every bad field of both, at once.
pub fn read(arguments: &MeasureArguments, environment: &Environment) -> Result<Request, InvalidRequest> {
    let mut draft = Draft::from_file(arguments.request.as_deref());
    draft.refuse_fields();
    draft.add_defaults();
    draft.add_options(arguments);
    draft.add_server(arguments);
    let (read, mut errors) = (Request::from_json(&draft.document), draft.errors);
    match read {
        Ok(request) => {
            errors.extend(missing_programs(&request, environment));
            if errors.is_empty() { Ok(request) } else { Err(InvalidRequest { errors }) }
        }
        Err(invalid) => {
            errors.extend(invalid.errors.into_iter().map(|error| named_after_option(error, &draft.set)));
            Err(InvalidRequest { errors })
        }
    }
}

impl Draft {
    fn from_file(file: Option<&Path>) -> Self {
        let (mut document, mut errors) = (json!({}), Vec::new());
        match file.map(read_document) {
            Some(Ok(read)) if read.is_object() => document = read,
            Some(Ok(_)) => errors.push(FieldError::new("", "is not an object", "one JSON object")),
            Some(Err(error)) => errors.push(error),
            None => {}
        }
        Self { document, errors, set: Vec::new() }
    }

    /// Reports and removes the fields that a measurement cannot have.
    fn refuse_fields(&mut self) {
        for (path, allowed) in REFUSED_FIELDS {
            if remove(&mut self.document, path) {
                self.errors.push(FieldError::new(path, "is set", allowed));
            }
        }
        let of_client = self.document["client"].as_object().map(|client| client.keys().cloned().collect());
        let of_client: Vec<String> = of_client.unwrap_or_default();
        for field in of_client.iter().filter(|field| *field != "aeTitle") {
            let path = format!("client.{field}");
            remove(&mut self.document, &path);
            self.errors.push(FieldError::new(path, "is set", "no value: this machine sends"));
        }
    }

    fn add_defaults(&mut self) {
        let defaults = json!({
            "name": "measure",
            "rounds": 1,
            "dataset": { "synthetic": { "modality": "CT", "instances": INSTANCES } },
            "matrix": { "sender": [Sender::Native.name()], "associations": [1, 4] },
        });
        for (field, value) in defaults.as_object().into_iter().flatten() {
            if self.document.get(field).is_none() {
                self.document[field] = value.clone();
            }
        }
        for axis in ["sender", "associations"] {
            let matrix = &mut self.document["matrix"];
            // What is not an object fails the check of the schema.
            if matrix.is_object() && matrix.get(axis).is_none() {
                matrix[axis] = defaults["matrix"][axis].clone();
            }
        }
    }

    fn add_options(&mut self, arguments: &MeasureArguments) {
        self.add_dataset(arguments);
        let list = |values: &[String]| values.iter().map(|value| number(value)).collect::<Vec<_>>();
        let axes = [
            ("matrix.sender", "--sender", arguments.sender.iter().map(|name| json!(name)).collect()),
            ("matrix.associations", "--associations", list(&arguments.associations)),
            (
                "matrix.arrival",
                "--rate",
                list(&arguments.rate).into_iter().map(|rate| json!({ "open": rate })).collect(),
            ),
        ];
        for (path, option, values) in axes {
            if !values.is_empty() {
                self.set(path, option, Value::Array(values));
            }
        }
        if let Some(title) = &arguments.aet {
            self.set("client.aeTitle", "--aet", json!(title));
        }
        for (path, option, value) in
            [("iterations", "--iterations", &arguments.iterations), ("warmup", "--warmup", &arguments.warmup)]
        {
            if let Some(value) = value {
                self.set(path, option, number(value));
            }
        }
    }

    fn add_dataset(&mut self, arguments: &MeasureArguments) {
        let synthetic = [
            ("dataset.synthetic.modality", "--modality", arguments.modality.as_ref().map(|modality| json!(modality))),
            ("dataset.synthetic.instances", "--instances", arguments.instances.as_deref().map(number)),
        ];
        if let Some(directory) = &arguments.dataset {
            self.document["dataset"] = json!({});
            self.set("dataset.directory.path", "--dataset", json!(directory));
            for (_, option, _) in synthetic.iter().filter(|(_, _, value)| value.is_some()) {
                self.errors.push(FieldError::new(*option, "is set beside --dataset", "one of the two"));
            }
        } else if synthetic.iter().any(|(_, _, value)| value.is_some()) {
            if self.document["dataset"]["synthetic"].is_null() {
                self.document["dataset"] = json!({ "synthetic": { "instances": INSTANCES } });
            }
            for (path, option, value) in synthetic {
                if let Some(value) = value {
                    self.set(path, option, value);
                }
            }
        }
        let switch = |is_on: bool| is_on.then_some(json!(true));
        let of_directory = [
            ("dataset.directory.multiply", "--multiply", arguments.multiply.as_deref().map(number)),
            ("dataset.directory.deidentify", "--deidentify", switch(arguments.deidentify)),
            ("dataset.directory.allowIdentified", "--allow-identified", switch(arguments.allow_identified)),
            ("dataset.directory.skipRefused", "--skip-refused", switch(arguments.skip_refused)),
        ];
        for (path, option, value) in of_directory {
            let Some(value) = value else { continue };
            if self.document["dataset"]["directory"].is_object() {
                self.set(path, option, value);
            } else {
                self.errors.push(FieldError::new(option, "is set without --dataset", "--dataset DIR beside it"));
            }
        }
    }

    fn add_server(&mut self, arguments: &MeasureArguments) {
        let existing = server::fields(&arguments.server).unwrap_or_else(|error| {
            self.errors.push(error);
            // A server that passes the check, so that only the argument itself is reported.
            json!({ "address": "localhost", "port": 104, "aeTitle": "ANY" })
        });
        self.document["server"] = json!({ "existing": existing });
        for field in ["address", "port", "aeTitle"] {
            self.set.push((field_of_existing(field), server::ARGUMENT));
        }
        if arguments.tls {
            self.set("server.existing.tls", "--tls", json!(true));
        }
        for (path, option, value) in [
            ("server.existing.receipt", "--receipt", &arguments.receipt),
            ("server.existing.url", "--url", &arguments.url),
            ("server.existing.cleanup", "--cleanup", &arguments.cleanup),
        ] {
            if let Some(value) = value {
                self.set(path, option, json!(value));
            }
        }
    }

    /// Sets a field, and the objects around it.
    fn set(&mut self, path: &'static str, option: &'static str, value: Value) {
        let mut place = &mut self.document;
        for name in path.split('.') {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            place = &mut place[name];
        }
        *place = value;
        self.set.push((path, option));
    }
}

fn field_of_existing(field: &str) -> &'static str {
    match field {
        "address" => "server.existing.address",
        "port" => "server.existing.port",
        _ => "server.existing.aeTitle",
    }
}

/// Removes a field. Returns false if it is missing.
fn remove(document: &mut Value, path: &str) -> bool {
    let (parents, name) = path.rsplit_once('.').map_or((None, path), |(parents, name)| (Some(parents), name));
    let parent = match parents {
        Some(parents) => document.get_mut(parents),
        None => Some(&mut *document),
    };
    let removed = parent.and_then(Value::as_object_mut).and_then(|parent| parent.remove(name));
    if removed.is_some() && parents == Some("dataset") && document["dataset"].as_object().is_some_and(Map::is_empty) {
        // The default takes its place. An empty dataset would be one more error.
        remove(document, "dataset");
    }
    removed.is_some()
}

/// Returns text as a number if it is one. Other text fails the check of the schema.
fn number(text: &str) -> Value {
    let value = serde_json::from_str::<Value>(text).ok();
    value.filter(Value::is_number).unwrap_or_else(|| json!(text))
}

/// Names an error's field after the option that has set it.
fn named_after_option(error: FieldError, set: &[(&'static str, &'static str)]) -> FieldError {
    let option = set.iter().find_map(|(path, option)| Some((option, error.path.strip_prefix(path)?)));
    match option {
        Some((option, rest)) => FieldError { path: format!("{option}{rest}"), ..error },
        None => error,
    }
}

/// Returns an error for each program that this machine lacks.
fn missing_programs(request: &Request, environment: &Environment) -> Vec<FieldError> {
    let matrix = &request.matrix;
    let senders = matrix.sender.iter().enumerate().filter(|(_, sender)| **sender != Sender::Native);
    let senders = senders.map(|(index, sender)| (format!("matrix.sender[{index}]"), sender.name()));
    let syntaxes = matrix.transfer_syntax.iter().enumerate();
    let converters = syntaxes.filter_map(|(index, syntax)| {
        // One package has all of DCMTK's converters.
        syntax.uid().map(|_| (format!("matrix.transferSyntax[{index}]"), "dcmconv"))
    });
    senders
        .chain(converters)
        .filter(|(_, program)| !environment.has_program(program))
        .map(|(path, program)| {
            let problem = format!("needs DCMTK's {program}, which is not installed on this machine");
            FieldError::new(path, problem, "another value, or an installed DCMTK")
        })
        .collect()
}

#[cfg(test)]
mod tests;
