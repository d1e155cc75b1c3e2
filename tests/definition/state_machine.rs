use std::collections::{BTreeMap, BTreeSet};

use dicomperf::failure::Failure;
use dicomperf::plan::MAX_BLOCK_RUNS;
use dicomperf::step::STEP_SECONDS;
use dicomperf::workflow::{LAUNCH_LOOKS, STEP_BUDGET_SECONDS, STEP_LOOKS};
use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;
use petgraph::visit::Dfs;
use regex::Regex;
use serde_json::{Map, Value};

use crate::template::template;

type States = Map<String, Value>;

/// A `States` object with its start: the top level, a branch or an item processor.
struct Scope {
    start: String,
    states: States,
}

fn definition() -> Value {
    serde_json::from_str(&crate::read("statemachine/run.asl.json")).unwrap()
}

/// Every scope, the outermost first.
fn scopes() -> Vec<Scope> {
    fn collect(container: &Value, into: &mut Vec<Scope>) {
        let states = container["States"].as_object().unwrap().clone();
        into.push(Scope { start: container["StartAt"].as_str().unwrap().to_owned(), states: states.clone() });
        for state in states.values() {
            state["Branches"].as_array().into_iter().flatten().for_each(|branch| collect(branch, into));
            if state["ItemProcessor"].is_object() {
                collect(&state["ItemProcessor"], into);
            }
        }
    }
    let mut found = Vec::new();
    collect(&definition(), &mut found);
    found
}

fn all_states() -> Vec<(String, Value)> {
    scopes().into_iter().flat_map(|scope| scope.states).collect()
}

/// Where a state leads.
fn next(state: &Value) -> Vec<&str> {
    let choices = state["Choices"].as_array().into_iter().flatten().map(|choice| &choice["Next"]);
    let catches = state["Catch"].as_array().into_iter().flatten().map(|catch| &catch["Next"]);
    [&state["Next"], &state["Default"]].into_iter().chain(choices).chain(catches).filter_map(Value::as_str).collect()
}

fn graph(scope: &Scope) -> DiGraphMap<&str, ()> {
    let mut graph = DiGraphMap::new();
    for (name, state) in &scope.states {
        graph.add_node(name.as_str());
        for target in next(state) {
            graph.add_edge(name.as_str(), target, ());
        }
    }
    graph
}

#[test]
fn every_state_can_be_reached_and_every_next_exists() {
    for scope in scopes() {
        let graph = graph(&scope);
        let mut reached = BTreeSet::new();
        let mut walk = Dfs::new(&graph, scope.start.as_str());
        while let Some(name) = walk.next(&graph) {
            assert!(scope.states.contains_key(name), "{name} does not exist");
            reached.insert(name);
        }
        let unreachable: Vec<_> = scope.states.keys().filter(|name| !reached.contains(name.as_str())).collect();
        assert!(unreachable.is_empty(), "never reached: {unreachable:?}");
    }
}

#[test]
fn every_loop_has_a_choice_that_counts() {
    let count = Regex::new(r"(\$states\.input\.look|\$part) < \d+").unwrap();
    let mut loops = 0;
    for scope in scopes() {
        for circle in tarjan_scc(&graph(&scope)).into_iter().filter(|circle| circle.len() > 1) {
            loops += 1;
            for inner in circle.iter().filter(|name| scope.states[**name]["Type"] == "Choice") {
                for choice in scope.states[*inner]["Choices"].as_array().unwrap() {
                    let back = circle.contains(&choice["Next"].as_str().unwrap());
                    let condition = choice["Condition"].as_str().unwrap();
                    assert!(!back || count.is_match(condition), "{inner} goes back without counting: {condition}");
                }
                let default = scope.states[*inner]["Default"].as_str().unwrap();
                assert!(!circle.contains(&default), "{inner} goes back by default");
            }
            assert!(circle.iter().any(|name| scope.states[*name]["Type"] == "Choice"), "{circle:?} never ends");
        }
    }
    // The hosts, the client's configuration, collection; the server's configuration and the measurement.
    assert_eq!(loops, 5);
}

#[test]
fn loops_end_where_the_functions_say() {
    let text = crate::read("statemachine/run.asl.json");
    assert_eq!(text.matches(&format!("$states.input.look < {STEP_LOOKS} ")).count(), 4);
    assert_eq!(text.matches(&format!("$states.input.look < {LAUNCH_LOOKS} ")).count(), 1);
}

#[test]
fn the_only_catch_is_around_the_measurement_and_leads_to_teardown() {
    let catching: Vec<_> = all_states().into_iter().filter(|(_, state)| state["Catch"].is_array()).collect();
    assert_eq!(catching.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Measure"]);
    let (_, measure) = &catching[0];
    assert_eq!(measure["Catch"][0]["ErrorEquals"][0], "States.ALL");
    assert_eq!(measure["Catch"][0]["Next"], "Teardown");
    assert_eq!(measure["Next"], "Teardown");
    assert_eq!(measure["Branches"].as_array().unwrap().len(), 1);
}

#[test]
fn every_task_outlasts_its_lambda_and_retries_what_passes() {
    let template = template();
    let functions = template.functions();
    for (name, state) in all_states().iter().filter(|(_, state)| state["Type"] == "Task") {
        let placeholder = state["Arguments"]["FunctionName"].as_str().unwrap();
        let function = placeholder.trim_start_matches("${").trim_end_matches('}');
        let lambda_seconds = functions[function]["Timeout"].as_u64().unwrap();
        let task_seconds = state["TimeoutSeconds"].as_u64().unwrap_or_else(|| panic!("{name} may take for ever"));
        assert!(task_seconds > lambda_seconds, "{name}: {task_seconds} s for a Lambda of {lambda_seconds} s");
        let retry = &state["Retry"][0];
        assert_eq!(retry["JitterStrategy"], "FULL", "{name}");
        for error in ["Lambda.ServiceException", "Lambda.TooManyRequestsException", "AwsError"] {
            assert!(retry["ErrorEquals"].as_array().unwrap().iter().any(|known| known == error), "{name}: {error}");
        }
    }
}

#[test]
fn every_error_that_is_matched_or_raised_exists() {
    let mut names = BTreeSet::new();
    for (_, state) in all_states() {
        for list in ["Retry", "Catch"] {
            for rule in state[list].as_array().into_iter().flatten() {
                names.extend(
                    rule["ErrorEquals"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()),
                );
            }
        }
        if let Some(raised) = state["Error"].as_str().filter(|raised| !raised.starts_with("{%")) {
            names.insert(raised.to_owned());
        }
    }
    for name in names {
        let aws_own = name.starts_with("States.") || name.starts_with("Lambda.");
        assert!(aws_own || Failure::NAMES.contains(&name.as_str()), "nothing ends with {name}");
    }
}

#[test]
fn every_variable_is_assigned_before_somewhere_that_its_reader_can_see() {
    let used = Regex::new(r"\$([a-zA-Z]\w*)\b(\()?").unwrap();
    let mut assigned: BTreeSet<String> = ["states".to_owned()].into();
    // A scope sees what the scopes around it assign, and the list has the outermost first.
    for scope in scopes() {
        for state in scope.states.values() {
            let choices = state["Choices"].as_array().into_iter().flatten();
            let catches = state["Catch"].as_array().into_iter().flatten();
            for holder in choices.chain(catches).chain([state]) {
                assigned.extend(holder["Assign"].as_object().into_iter().flat_map(|map| map.keys().cloned()));
            }
        }
        for (name, state) in &scope.states {
            let mut own = state.clone();
            own.as_object_mut().unwrap().retain(|key, _| key != "Branches" && key != "ItemProcessor");
            for found in used.captures_iter(&own.to_string()) {
                let is_function = found.get(2).is_some();
                assert!(is_function || assigned.contains(&found[1]), "{name} reads ${}", &found[1]);
            }
        }
    }
}

#[test]
fn every_substitution_is_given_by_the_template() {
    let given = template().properties("RunStateMachine")["DefinitionSubstitutions"].clone();
    let text = crate::read("statemachine/run.asl.json");
    for found in Regex::new(r"\$\{(\w+)\}").unwrap().captures_iter(&text) {
        assert!(given.get(&found[1]).is_some(), "{} is not given", &found[1]);
    }
}

#[test]
fn timeouts_are_ordered() {
    let execution_seconds = definition()["TimeoutSeconds"].as_u64().unwrap();
    let longest_run_seconds = 240 * 60;
    let teardown_seconds = 3 * 450;
    const { assert!(STEP_SECONDS < STEP_BUDGET_SECONDS) };
    // A step that starts just before the run expires is still waited for.
    assert!(longest_run_seconds + STEP_BUDGET_SECONDS + teardown_seconds < execution_seconds);
}

/// AWS logs five events for a Task, two for any other state, and one more at the start and end of each item of a Map.
#[test]
fn the_longest_run_stays_under_5000_events() {
    let cost: BTreeMap<String, u64> =
        all_states().into_iter().map(|(name, state)| (name, if state["Type"] == "Task" { 5 } else { 2 })).collect();
    let step = |start: &str, loop_states: [&str; 3]| {
        cost[start] + u64::from(STEP_LOOKS) * loop_states.iter().map(|name| cost[*name]).sum::<u64>()
    };
    let launch = u64::from(LAUNCH_LOOKS) * (cost["Launch"] + cost["Hosts ready?"] + cost["Wait for hosts"]);
    let client = step("Configure client", ["Wait for client", "Look at client", "client done?"]);
    let server = step("Configure server", ["Wait for server", "Look at server", "server done?"]);
    let measure = step("Measure block", ["Wait for measurement", "Look at measurement", "measurement done?"]);
    let collect = step("Collect", ["Wait for collection", "Look at collection", "collection done?"]);
    // 240 minutes have room for eight steps of their full length; each may be a further part of some block.
    let parts = 240 * 60 / STEP_SECONDS;
    let blocks = MAX_BLOCK_RUNS as u64 * (server + measure + 8) + parts * measure;
    let total = launch + client + blocks + collect + 60;
    assert!(total < 5000, "{total} events");
}
