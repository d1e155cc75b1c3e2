//! Every expression of the state machine, evaluated by the reference implementation of JSONata on the inputs that it gets.

mod interpreter;
mod jsonata;
mod script;

use std::collections::BTreeSet;

use dicomperf_model::step::{HostRole, StepId, StepState};
use dicomperf_testkit::{Cause, not_tested};
use regex::Regex;
use serde_json::{Value, json};

use self::interpreter::{Coverage, Stop, Walk, expressions};
use self::jsonata::Jsonata;
use self::script::{NEVER, Running, Script};

/// Returns runs that together reach every expression, and give each condition both of its values.
fn scripts() -> Vec<Script> {
    let timed_out = Some("StepTimedOut");
    vec![
        Script::default(),
        Script {
            name: "a schedule's run whose hosts and steps take several looks",
            blocks: 2,
            input: json!({ "schedule": "nightly", "request": { "name": "nightly" } }),
            ready_at: 2,
            step: |_, look| if look < 2 { StepState::Running } else { StepState::Succeeded },
            ..Script::default()
        },
        in_three_parts(),
        existing_server(),
        Script {
            name: "hosts that never are ready",
            ready_at: NEVER,
            ends_with: Some("HostNotReady"),
            ..Script::default()
        },
        Script {
            name: "a client that is never configured",
            step: |step, _| never(matches!(step, StepId::ConfigureClient)),
            ends_with: timed_out,
            ..Script::default()
        },
        Script {
            name: "a server that is never configured",
            step: |step, _| never(matches!(step, StepId::ConfigureServer { .. })),
            ends_with: timed_out,
            ..Script::default()
        },
        Script {
            name: "a measurement that never ends",
            blocks: 2,
            step: |step, _| never(matches!(step, StepId::Measure { ordinal: 1, .. })),
            ends_with: timed_out,
            ..Script::default()
        },
        Script {
            name: "a measurement that is never complete",
            step: |step, _| match step {
                StepId::Measure { .. } => StepState::Incomplete,
                _ => StepState::Succeeded,
            },
            ends_with: timed_out,
            ..Script::default()
        },
        Script {
            name: "a collection that never ends",
            step: |step, _| never(matches!(step, StepId::Collect)),
            ends_with: timed_out,
            ..Script::default()
        },
        keeping(true),
        Script { is_whole: false, ends_with: Some("MeasurementIncomplete"), ..keeping(true) },
        Script { fails: Some(("${LaunchFunction}", "NoCapacity", 1)), ends_with: Some("NoCapacity"), ..keeping(true) },
        Script {
            step: |_, look| if look < 2 { StepState::Running } else { StepState::Succeeded },
            ready_at: 1,
            ..clearing()
        },
        Script {
            name: "a clearing that never ends",
            step: |step, _| never(matches!(step, StepId::Clear { host: HostRole::Client })),
            ends_with: timed_out,
            ..clearing()
        },
        Script { name: "a dry run", is_dry: true, input: json!({ "dryRun": true }), ..Script::default() },
        failing("a refused request", "${PlanFunction}", "InvalidRequest", 1),
        failing("no capacity", "${LaunchFunction}", "NoCapacity", 1),
        failing("a Task that times out", "${RunStepFunction}", "States.Timeout", 1),
        failing("hosts that are left", "${TeardownFunction}", "TeardownIncomplete", NEVER),
        Script { ends_with: None, ..failing("a throttled function", "${RunStepFunction}", "AwsError", 2) },
        Script {
            name: "a run of which something is missing",
            is_whole: false,
            ends_with: Some("MeasurementIncomplete"),
            ..Script::default()
        },
    ]
}

fn keeping(keeps_hosts: bool) -> Script {
    Script { name: "a run that keeps its hosts", keeps_hosts, ..Script::default() }
}

fn clearing() -> Script {
    Script {
        name: "a clearing of kept hosts",
        input: json!({ "clear": "run-0" }),
        blocks: 0,
        clears: HostRole::BOTH.to_vec(),
        ..Script::default()
    }
}

fn existing_server() -> Script {
    Script { name: "an existing server", blocks: 2, starts_server: false, ..Script::default() }
}

fn in_three_parts() -> Script {
    Script {
        name: "a measurement in three parts",
        blocks: 2,
        step: |step, _| match step {
            StepId::Measure { part: 0 | 1, .. } => StepState::Incomplete,
            _ => StepState::Succeeded,
        },
        ..Script::default()
    }
}

fn never(stuck: bool) -> StepState {
    if stuck { StepState::Running } else { StepState::Succeeded }
}

fn failing(name: &'static str, function: &'static str, error: &'static str, calls: u32) -> Script {
    Script { name, fails: Some((function, error, calls)), ends_with: Some(error), ..Script::default() }
}

/// All that can be seen of a walk from outside: the calls of functions, the times that it waits for, and the execution's
/// output or error.
type Seen = (Vec<(String, Value)>, Vec<Value>, Result<Value, Stop>);

fn walk(definition: &Value, jsonata: &mut Jsonata, script: &Script) -> (Seen, Coverage) {
    let mut running = Running::new(script);
    let mut walk = Walk {
        definition,
        jsonata,
        function: &mut |function, payload| running.answer(function, payload),
        input: script.input.clone(),
        coverage: Coverage::default(),
        entered: 0,
    };
    let end = walk.run();
    let coverage = std::mem::take(&mut walk.coverage);
    ((running.calls, coverage.timestamps.clone(), end), coverage)
}

fn definition() -> Value {
    serde_json::from_str(&crate::read("statemachine/run.asl.json")).unwrap()
}

fn jsonata() -> Option<Jsonata> {
    let started = Jsonata::start();
    if started.is_none() {
        not_tested(Cause::Missing("no Node.js or no jsonata: make install"));
    }
    started
}

#[test]
fn every_expression_gives_what_its_state_and_its_function_need() {
    let Some(mut jsonata) = jsonata() else { return };
    let definition = definition();
    let mut all = Coverage::default();
    for script in scripts() {
        let ((_, _, end), coverage) = walk(&definition, &mut jsonata, &script);
        let error = match end {
            Ok(_) => None,
            Err(Stop::Error(error)) => Some(error.error),
            Err(Stop::Fault(fault)) => panic!("{}: {fault}", script.name),
        };
        assert_eq!(error.as_deref(), script.ends_with, "{}", script.name);
        all.expressions.extend(coverage.expressions);
        for (condition, values) in coverage.conditions {
            all.conditions.entry(condition).or_default().extend(values);
        }
    }
    let expected = expressions(&definition, "");
    let unreached: Vec<_> = expected.difference(&all.expressions).collect();
    assert!(unreached.is_empty(), "no script reaches {unreached:?}");
    let both = BTreeSet::from([false, true]);
    let constant: Vec<_> = all.conditions.iter().filter(|(_, values)| **values != both).collect();
    assert!(constant.is_empty(), "these conditions have one value in all scripts: {constant:?}");
}

/// Returns the steps of a run in their order.
fn steps(jsonata: &mut Jsonata, script: &Script) -> Vec<StepId> {
    let ((calls, ..), _) = walk(&definition(), jsonata, script);
    let steps = calls.into_iter().filter(|(function, _)| function == "${RunStepFunction}");
    steps.map(|(_, event)| serde_json::from_value(event["step"].clone()).unwrap()).collect()
}

#[test]
fn a_run_against_an_existing_server_configures_no_server_and_collects_from_none() {
    let Some(mut jsonata) = jsonata() else { return };
    let measure = |ordinal| StepId::Measure { ordinal, part: 0 };
    assert_eq!(steps(&mut jsonata, &existing_server()), [StepId::ConfigureClient, measure(0), measure(1)]);
}

#[test]
fn steps_and_their_parts_follow_one_another() {
    let Some(mut jsonata) = jsonata() else { return };
    let steps = steps(&mut jsonata, &in_three_parts());
    let block = |ordinal| {
        let measure = (0..3).map(move |part| StepId::Measure { ordinal, part });
        [StepId::ConfigureServer { ordinal }].into_iter().chain(measure)
    };
    let expected = [StepId::ConfigureClient].into_iter().chain((0..2).flat_map(block)).chain([StepId::Collect]);
    assert_eq!(steps, expected.collect::<Vec<_>>());
}

#[test]
fn kept_hosts_are_torn_down_after_the_report_and_not_before_their_time() {
    let Some(mut jsonata) = jsonata() else { return };
    let functions = |script: &Script, jsonata: &mut Jsonata| {
        let ((calls, timestamps, _), _) = walk(&definition(), jsonata, script);
        let after: Vec<_> =
            calls.into_iter().map(|(function, _)| function).skip_while(|one| !one.contains("Step")).collect();
        (after.into_iter().filter(|one| !one.contains("Step")).collect::<Vec<_>>(), timestamps)
    };
    let (calls, waits) = functions(&keeping(true), &mut jsonata);
    assert_eq!(calls, ["${SummarizeFunction}", "${TeardownFunction}", "${SummarizeFunction}"]);
    assert_eq!(waits, ["2026-01-01T12:40:00Z"]);
    let (calls, waits) = functions(&Script { is_whole: false, ..keeping(true) }, &mut jsonata);
    assert_eq!((calls.len(), waits.len()), (3, 0), "a run that is not whole keeps nothing");
    let (calls, waits) = functions(&keeping(false), &mut jsonata);
    assert_eq!((calls, waits.len()), (vec!["${TeardownFunction}".to_owned(), "${SummarizeFunction}".to_owned()], 0));
}

#[test]
fn a_clearing_measures_nothing() {
    let Some(mut jsonata) = jsonata() else { return };
    let expected = HostRole::BOTH.map(|host| StepId::Clear { host });
    assert_eq!(steps(&mut jsonata, &clearing()), expected);
}

/// Renames each field and variable of each expression in turn, and each word in quotes.
#[test]
fn a_wrong_name_in_any_expression_is_found() {
    let Some(mut jsonata) = jsonata() else { return };
    let definition = definition();
    let scripts = scripts();
    let right: Vec<_> = scripts.iter().map(|script| walk(&definition, &mut jsonata, script)).collect();
    for (script, ((_, _, end), _)) in scripts.iter().zip(&right) {
        assert_eq!(end.is_ok(), script.ends_with.is_none(), "{}: {end:?}", script.name);
    }
    let name = Regex::new(r"[.$'][A-Za-z]\w*").unwrap();
    let (mut tried, mut missed) = (0, Vec::new());
    for pointer in expressions(&definition, "") {
        let text = definition.pointer(&pointer).and_then(Value::as_str).unwrap();
        for found in name.find_iter(text) {
            let wrong = format!("{}x{}", &text[..found.end()], &text[found.end()..]);
            let mut changed = definition.clone();
            *changed.pointer_mut(&pointer).unwrap() = Value::from(wrong.clone());
            let mut reaching =
                scripts.iter().zip(&right).filter(|(_, (_, coverage))| coverage.expressions.contains(&pointer));
            let is_found = reaching.any(|(script, (seen, _))| walk(&changed, &mut jsonata, script).0 != *seen);
            tried += 1;
            if !is_found {
                missed.push(format!("{pointer}: {wrong}"));
            }
        }
    }
    assert!(missed.is_empty(), "{} of {tried} are not found: {missed:#?}", missed.len());
    assert!(tried > 0, "the state machine has no expression");
}
