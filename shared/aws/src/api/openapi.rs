//! The OpenAPI document, made from the routes and the types.

use dicomperf_model::history::NamedBaseline;
use dicomperf_model::request::Request;
use dicomperf_model::results::RunComparison;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{BaselineList, BaselineRun, Operation, Problem, ProblemKind, ROUTES, Route};
use crate::use_cases::runs::{AbortedRun, RunPage, ShownRun, StartedRun, Validation};
use crate::use_cases::schedules::{NewSchedule, Schedule, ScheduleChange, ScheduleList};

/// The committed document.
pub const COMMITTED: &str = include_str!("../../../../schemas/openapi.json");

const DESCRIPTION: &str = "Starts, stops, shows, compares and schedules runs, and names baselines. Each request is \
    signed for execute-api (SigV4).";
const PROBLEM_TYPE: &str = "application/problem+json";

/// Parts of an operation that differ.
struct Description {
    id: &'static str,
    summary: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    /// Status and answer of a success.
    success: (&'static str, Value),
    problems: Vec<ProblemKind>,
}

/// Returns the document.
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let problem = reference::<Problem>(&mut schemas);
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(route, describe(route.operation, &mut schemas), &problem);
        paths.entry(route.path).or_insert_with(|| json!({}))[route.method.to_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "dicomperf",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") }
        },
        "servers": [{
            "url": "https://{api}.execute-api.{region}.amazonaws.com",
            "description": "The stack's output ApiUrl",
            "variables": { "api": { "default": "API" }, "region": { "default": "eu-central-1" } }
        }],
        "security": [{ "sigv4": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "sigv4": {
                "type": "apiKey", "in": "header", "name": "Authorization",
                "description": "AWS Signature Version 4 for the service execute-api",
                "x-amazon-apigateway-authtype": "awsSigv4"
            } },
            "schemas": schemas.take_definitions(true),
        }
    })
}

fn operation(route: &Route, description: Description, problem: &Value) -> Value {
    let (status, success) = description.success;
    let mut responses = Map::new();
    responses.insert(status.to_owned(), success);
    // Every operation may meet these.
    let common = [ProblemKind::NotAcceptable, ProblemKind::Throttled, ProblemKind::AwsFailed];
    for kind in description.problems.iter().chain(&common) {
        let answer = json!({ "description": kind.title(), "content": { PROBLEM_TYPE: { "schema": problem } } });
        responses.insert(kind.status().to_string(), answer);
    }
    let gateway = json!({ "type": "object", "properties": { "message": { "type": "string" } } });
    let refused = json!({ "schema": gateway });
    responses.insert(
        "403".to_owned(),
        json!({ "description": "Unsigned or not permitted (API Gateway)", "content": { "application/json": refused } }),
    );
    let mut operation = json!({
        "operationId": description.id,
        "summary": description.summary,
        "parameters": path_parameters(route.path).chain(description.parameters).collect::<Vec<_>>(),
        "responses": responses,
    });
    if let Some(body) = description.body {
        operation["requestBody"] = body;
    }
    operation
}

fn path_parameters(path: &str) -> impl Iterator<Item = Value> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).map(|name| {
        let (pattern, most) = if name == "id" {
            (dicomperf_model::run_id::PATTERN, dicomperf_model::run_id::MAX_LENGTH)
        } else {
            (r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", 64)
        };
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": most, "pattern": pattern });
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    })
}

fn describe(operation: Operation, schemas: &mut SchemaGenerator) -> Description {
    use ProblemKind::{Conflict, InvalidRequest, NotFound, TokenReused, TooLarge, UnsupportedMediaType};
    let of_body = vec![InvalidRequest, TooLarge, UnsupportedMediaType];
    let with = |more: ProblemKind| [of_body.clone(), vec![more]].concat();
    let plain = |id, summary, success, problems| Description {
        id,
        summary,
        parameters: Vec::new(),
        body: None,
        success,
        problems,
    };
    match operation {
        Operation::StartRun => Description {
            parameters: vec![json!({
                "name": "Idempotency-Key", "in": "header", "required": false,
                "description": "Client token: for a day the same request with it starts one run only",
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$" }
            })],
            body: Some(body::<Request>(
                schemas,
                &[
                    ("classic", include_str!("../../../../events/classic.json")),
                    ("demo", include_str!("../../../../events/demo.json")),
                ],
            )),
            ..plain("startRun", "Starts a run", ("202", started(schemas)), with(TokenReused))
        },
        Operation::ListRuns => Description {
            parameters: list_parameters(),
            ..plain(
                "listRuns",
                "Lists runs, the newest first",
                ("200", answer::<RunPage>(schemas, "A page of runs")),
                vec![InvalidRequest],
            )
        },
        Operation::ShowRun => plain(
            "showRun",
            "Shows a run with its scenarios",
            ("200", answer::<ShownRun>(schemas, "The run")),
            vec![NotFound],
        ),
        Operation::ShowReport => Description {
            parameters: vec![query(
                "format",
                false,
                "Format of the report; html if absent",
                json!({ "type": "string", "enum": ["html", "json", "md"] }),
            )],
            ..plain(
                "showReport",
                "Leads to a run's report",
                ("303", report_link()),
                vec![InvalidRequest, NotFound, Conflict],
            )
        },
        Operation::AbortRun => plain(
            "abortRun",
            "Stops a run and terminates its hosts",
            ("202", answer::<AbortedRun>(schemas, "Stopped, or over before")),
            vec![NotFound],
        ),
        Operation::CompareRuns => Description {
            parameters: ["base", "head"]
                .map(|name| query(name, true, "Id of a run", json!({ "type": "string", "minLength": 1 })))
                .to_vec(),
            ..plain(
                "compareRuns",
                "Compares two runs",
                ("200", answer::<RunComparison>(schemas, "The comparison")),
                vec![InvalidRequest, NotFound],
            )
        },
        Operation::ValidateRequest => Description {
            body: Some(body::<Request>(schemas, &[("classic", include_str!("../../../../events/classic.json"))])),
            ..plain(
                "validateRequest",
                "Plans a request and starts nothing",
                ("200", answer::<Validation>(schemas, "The plan and its price")),
                of_body,
            )
        },
        Operation::ListSchedules => plain(
            "listSchedules",
            "Lists the stack's schedules",
            ("200", answer::<ScheduleList>(schemas, "The schedules")),
            Vec::new(),
        ),
        Operation::CreateSchedule => Description {
            body: Some(body::<NewSchedule>(schemas, &[("nightly", NIGHTLY)])),
            ..plain(
                "createSchedule",
                "Creates a schedule",
                ("201", located(answer::<Schedule>(schemas, "The schedule"))),
                with(Conflict),
            )
        },
        Operation::ShowSchedule => plain(
            "showSchedule",
            "Shows a schedule",
            ("200", answer::<Schedule>(schemas, "The schedule")),
            vec![NotFound],
        ),
        Operation::ChangeSchedule => Description {
            body: Some(body::<ScheduleChange>(schemas, &[("pause", r#"{"state": "DISABLED"}"#)])),
            ..plain(
                "changeSchedule",
                "Changes, pauses or resumes a schedule",
                ("200", answer::<Schedule>(schemas, "The schedule")),
                [with(Conflict), vec![NotFound]].concat(),
            )
        },
        Operation::DeleteSchedule => plain(
            "deleteSchedule",
            "Deletes a schedule",
            ("204", json!({ "description": "Deleted" })),
            vec![NotFound, Conflict],
        ),
        Operation::RunSchedule => plain(
            "runSchedule",
            "Starts a run of a schedule now",
            ("202", started(schemas)),
            vec![InvalidRequest, NotFound, Conflict],
        ),
        Operation::ListBaselines => plain(
            "listBaselines",
            "Lists the named baselines",
            ("200", answer::<BaselineList>(schemas, "The baselines")),
            Vec::new(),
        ),
        Operation::ShowBaseline => plain(
            "showBaseline",
            "Shows a named baseline",
            ("200", answer::<NamedBaseline>(schemas, "The baseline")),
            vec![InvalidRequest, NotFound],
        ),
        Operation::SetBaseline => Description {
            body: Some(body::<BaselineRun>(schemas, &[("run", r#"{"runId": "20260101T031500Z-nightly-k3v9qx"}"#)])),
            ..plain(
                "setBaseline",
                "Gives a run the name of a baseline",
                ("200", answer::<NamedBaseline>(schemas, "The baseline")),
                of_body,
            )
        },
        Operation::RemoveBaseline => plain(
            "removeBaseline",
            "Removes the name of a baseline",
            ("204", json!({ "description": "Removed" })),
            vec![InvalidRequest, NotFound],
        ),
        Operation::ShowOpenApi => plain(
            "showOpenApi",
            "Returns this document",
            (
                "200",
                json!({ "description": "This document", "content": { "application/json": { "schema": { "type": "object" } } } }),
            ),
            Vec::new(),
        ),
    }
}

const NIGHTLY: &str = r#"{"name": "nightly", "expression": "cron(0 3 * * ? *)", "timeZone": "Europe/Berlin", "request": {"name": "nightly"}}"#;

fn list_parameters() -> Vec<Value> {
    let time = || json!({ "type": "string", "format": "date-time" });
    vec![
        query("name", false, "Name of the request", json!({ "type": "string", "minLength": 1 })),
        query(
            "fingerprint",
            false,
            "Hash of hardware and dataset, or its beginning",
            json!({ "type": "string", "minLength": 1 }),
        ),
        query("since", false, "The earliest time of planning", time()),
        query("until", false, "The latest time of planning", time()),
        query(
            "limit",
            false,
            "Runs of a page at most; 25 if absent",
            json!({ "type": "integer", "minimum": 1, "maximum": 100 }),
        ),
        query("page", false, "next of the page before", json!({ "type": "string", "minLength": 1 })),
    ]
}

fn query(name: &str, required: bool, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "required": required, "description": description, "schema": schema })
}

fn started(schemas: &mut SchemaGenerator) -> Value {
    located(answer::<StartedRun>(schemas, "Started"))
}

fn located(mut answer: Value) -> Value {
    answer["headers"] = json!({ "Location": { "description": "Path that shows it", "schema": { "type": "string" } } });
    answer
}

fn report_link() -> Value {
    let schema = json!({ "type": "string", "format": "uri" });
    json!({
        "description": "Presigned URL of the report, valid for five minutes",
        "headers": { "Location": { "description": "The URL", "schema": schema } }
    })
}

fn answer<T: JsonSchema>(schemas: &mut SchemaGenerator, description: &str) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": reference::<T>(schemas) } } })
}

fn body<T: JsonSchema>(schemas: &mut SchemaGenerator, examples: &[(&str, &str)]) -> Value {
    let examples: Map<_, _> = examples
        .iter()
        .map(|(name, text)| {
            ((*name).to_owned(), json!({ "value": serde_json::from_str::<Value>(text).unwrap_or_default() }))
        })
        .collect();
    let content = json!({ "schema": reference::<T>(schemas), "examples": examples });
    json!({ "required": true, "content": { "application/json": content } })
}

fn reference<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_current() {
        let committed: Value = serde_json::from_str(COMMITTED).expect("JSON");
        assert!(committed == document(), "schemas/openapi.json is not current: run `make schemas`");
    }

    #[test]
    fn every_reference_has_its_schema_and_every_operation_an_id_of_its_own() {
        let document = document();
        let text = document.to_string();
        for part in text.split("\"#/").skip(1) {
            let pointer = format!("/{}", part.split('"').next().expect("a pointer"));
            assert!(document.pointer(&pointer).is_some(), "{pointer}");
        }
        let operations = document["paths"]
            .as_object()
            .expect("paths")
            .values()
            .flat_map(|path| path.as_object().expect("operations").values());
        let mut ids: Vec<_> = operations.map(|operation| operation["operationId"].to_string()).collect();
        assert_eq!(ids.len(), ROUTES.len());
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), ROUTES.len());
    }
}
