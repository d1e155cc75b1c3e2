use std::collections::{BTreeMap, BTreeSet};

use dicomperf_aws::failure::Failure;
use dicomperf_aws::pace::{
    LAUNCH_WAIT_SECONDS, MAX_FURTHER_PARTS, MAX_LAUNCH_LOOKS, MAX_STEP_LOOKS, MAX_WATCH_SECONDS,
};
use dicomperf_model::plan::MAX_BLOCK_RUNS;
use dicomperf_model::request::request_schema;
use dicomperf_model::time_limits::{MAX_STEP_SECONDS, MAX_WAIT_SECONDS, STEP_BUDGET_SECONDS};
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

/// Returns every scope, the outermost first.
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

/// Returns the states that may follow a state.
fn next_states(state: &Value) -> Vec<&str> {
    let choices = state["Choices"].as_array().into_iter().flatten().map(|choice| &choice["Next"]);
    let catches = state["Catch"].as_array().into_iter().flatten().map(|catch| &catch["Next"]);
    [&state["Next"], &state["Default"]].into_iter().chain(choices).chain(catches).filter_map(Value::as_str).collect()
}

fn graph(scope: &Scope) -> DiGraphMap<&str, ()> {
    let mut graph = DiGraphMap::new();
    for (name, state) in &scope.states {
        graph.add_node(name.as_str());
        for target in next_states(state) {
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
    // The loops of: hosts, client configuration, server configuration, measurement, collection, clearing.
    assert_eq!(loops, 6);
}

#[test]
fn loops_end_where_the_functions_say() {
    let text = crate::read("statemachine/run.asl.json");
    let looks = |state: &str, max: u32| {
        let states: BTreeMap<_, _> = all_states().into_iter().collect();
        let choices = states[state]["Choices"].as_array().unwrap().clone();
        let counts = format!("$states.input.look < {max} ");
        assert!(choices.iter().any(|choice| choice["Condition"].as_str().unwrap().contains(&counts)), "{state}");
    };
    looks("Hosts ready?", MAX_LAUNCH_LOOKS);
    for step in ["client done?", "server done?", "measurement done?", "collection done?", "clearing done?"] {
        looks(step, MAX_STEP_LOOKS);
    }
    assert_eq!(text.matches(&format!("$part < {MAX_FURTHER_PARTS} ")).count(), 1);
    assert_eq!(text.matches(" < ").count(), 7, "another loop counts");
}

#[test]
fn messages_of_loops_that_end_name_their_numbers() {
    let states: BTreeMap<_, _> = all_states().into_iter().collect();
    let looks = format!("looked at {MAX_STEP_LOOKS} times");
    let parts = format!("continued {MAX_FURTHER_PARTS} times");
    for (state, words) in [
        ("Hosts are stuck", format!("looked at {MAX_LAUNCH_LOOKS} times")),
        ("Step is stuck", looks.clone()),
        ("Block is stuck", looks.clone()),
        ("Clearing is stuck", looks),
        ("Block is stuck", parts),
    ] {
        let cause = states[state]["Cause"].as_str().unwrap();
        assert!(cause.contains(&words), "{state}: {cause}");
    }
}

/// The first state after a loop gets the output of the loop's last look, which must be 0. The functions return 0.
#[test]
fn every_loop_of_looks_begins_at_zero() {
    let states: BTreeMap<_, _> = all_states().into_iter().collect();
    assert_eq!(definition()["States"]["Plan"]["Output"]["look"], 0);
    for name in ["Take block", "Blocks", "Take host"] {
        assert_eq!(states[name]["Output"]["look"], 0, "{name}");
    }
}

#[test]
fn the_only_catch_is_around_the_measurement_and_leads_to_teardown() {
    let catching: Vec<_> = all_states().into_iter().filter(|(_, state)| state["Catch"].is_array()).collect();
    assert_eq!(catching.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Measure"]);
    let (_, measure) = &catching[0];
    assert_eq!(measure["Catch"][0]["ErrorEquals"][0], "States.ALL");
    assert_eq!(measure["Catch"][0]["Next"], "Teardown");
    // The way past the teardown leads to a Wait, and the Wait to the teardown.
    assert_eq!(measure["Next"], "Keep hosts?");
    assert_eq!(measure["Branches"].as_array().unwrap().len(), 1);
}

#[test]
fn every_task_outlasts_its_lambda_and_retries_what_passes() {
    let template = template();
    let functions = template.functions();
    for (name, state) in all_states().iter().filter(|(_, state)| state["Type"] == "Task") {
        let lambda_seconds = called_functions(state)
            .iter()
            .map(|function| functions[function.as_str()]["Timeout"].as_u64().unwrap())
            .max()
            .unwrap();
        let task_seconds = state["TimeoutSeconds"].as_u64().unwrap_or_else(|| panic!("{name} may take for ever"));
        assert!(task_seconds > lambda_seconds, "{name}: {task_seconds} s for a Lambda of {lambda_seconds} s");
        let retries = state["Retry"].as_array().unwrap();
        assert!(retries.iter().all(|retry| retry["JitterStrategy"] == "FULL"), "{name}");
        for error in RETRIED_ERRORS {
            let retried = |retry: &Value| retry["ErrorEquals"].as_array().unwrap().iter().any(|known| known == error);
            assert!(retries.iter().any(retried), "{name}: {error}");
        }
    }
}

/// Returns the functions that a Task calls: one, or in a dry run each item of the Map around it.
fn called_functions(task: &Value) -> Vec<String> {
    let name =
        |placeholder: &Value| placeholder.as_str().unwrap().trim_start_matches("${").trim_end_matches('}').to_owned();
    match &task["Arguments"]["FunctionName"] {
        item if item == "{% $states.input %}" => {
            definition()["States"]["Check"]["Items"].as_array().unwrap().iter().map(name).collect()
        }
        function => vec![name(function)],
    }
}

/// A dry run must reach no state that launches, and every function that takes part in a run must check its needs.
#[test]
fn a_dry_run_launches_nothing_and_is_checked_by_every_function() {
    let states = definition()["States"].clone();
    assert_eq!(states["Plan"]["Next"], "Dry run?");
    let mut path = vec!["Check".to_owned()];
    while let Some(next) = states[path.last().unwrap()]["Next"].as_str() {
        path.push(next.to_owned());
    }
    assert_eq!(path, ["Check", "Summarize", "Verdict"]);
    // Plan and Summarize check their own needs.
    let mut checked = called_functions(&states["Check"]["ItemProcessor"]["States"]["Check function"]);
    checked.extend(["Plan", "Summarize"].map(|state| called_functions(&states[state])[0].clone()));
    let called: BTreeSet<_> = all_states()
        .iter()
        .filter(|(_, state)| state["Type"] == "Task")
        .flat_map(|(_, state)| called_functions(state))
        .collect();
    assert_eq!(checked.into_iter().collect::<BTreeSet<_>>(), called);
}

/// Errors after which every Task is tried again. The first four are those of AWS's page "Handle Lambda service
/// exceptions", which also names Lambda.TooManyRequestsException, and Lambda.Unknown for a function that crashes or takes
/// too long. Users of custom runtimes report the latter as Sandbox.Timedout; that page does not name it.
const RETRIED_ERRORS: &[&str] = &[
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "AwsError",
];

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
        let known = RETRIED_ERRORS.iter().chain(Failure::NAMES).chain(&["States.ALL"]);
        let exists = known.into_iter().any(|known| *known == name);
        assert!(exists, "nothing ends with {name}");
    }
}

#[test]
fn every_variable_is_assigned_before_somewhere_that_its_reader_can_see() {
    let used = Regex::new(r"\$([a-zA-Z]\w*)\b(\()?").unwrap();
    let mut assigned: BTreeSet<String> = ["states".to_owned()].into();
    // A scope sees the variables of the scopes around it. The list has the outermost first.
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

/// Returns the length of the longest run, without the time for which it keeps its hosts.
fn longest_run_seconds() -> u64 {
    longest_seconds("limits", "maxMinutes")
}

/// Returns the most that the schema allows a number of minutes, in seconds.
fn longest_seconds(object: &str, field: &str) -> u64 {
    let schema = request_schema();
    let minutes = &schema["properties"][object]["properties"][field];
    60 * minutes["maximum"].as_u64().unwrap_or_else(|| panic!("no maximum in {minutes}"))
}

#[test]
fn timeouts_are_ordered() {
    let states: BTreeMap<_, _> = all_states().into_iter().collect();
    let execution_seconds = definition()["TimeoutSeconds"].as_u64().unwrap();
    let teardown = &states["Teardown"];
    let again =
        teardown["Retry"].as_array().unwrap().iter().find(|rule| rule["ErrorEquals"][0] == "TeardownIncomplete");
    let teardowns = 1 + again.unwrap()["MaxAttempts"].as_u64().unwrap();
    let teardown_seconds = teardowns * teardown["TimeoutSeconds"].as_u64().unwrap();
    // The last look ends at the expiry. A function that crashes in it is tried twice more.
    let look_seconds = states["Measure block"]["TimeoutSeconds"].as_u64().unwrap();
    let summary_seconds = states["Summarize"]["TimeoutSeconds"].as_u64().unwrap();
    let run_seconds = longest_run_seconds() + 3 * look_seconds;
    // Hosts that stay are summarized before, too.
    let kept_seconds = longest_seconds("keepHosts", "minutes") + 3 * summary_seconds;
    assert!(run_seconds + kept_seconds + teardown_seconds + 3 * summary_seconds < execution_seconds);
    // No single step outlasts the looks at it.
    let looks = u64::from(MAX_STEP_LOOKS);
    assert!((looks - 1) * MAX_WAIT_SECONDS > STEP_BUDGET_SECONDS);
    assert!(u64::from(MAX_FURTHER_PARTS) >= longest_run_seconds() / MAX_STEP_SECONDS);
}

#[test]
fn a_function_that_watches_has_a_minute_for_everything_else() {
    let template = template();
    for name in ["LaunchFunction", "RunStepFunction"] {
        let timeout = template.functions()[name]["Timeout"].as_u64().unwrap();
        assert!(timeout >= MAX_WATCH_SECONDS + 60, "{name}: {timeout} s");
    }
}

#[test]
fn hosts_are_looked_at_until_the_longest_patience_is_over() {
    let most = template().parameter("LaunchTimeoutSeconds")["MaxValue"].as_u64().unwrap();
    let looks = u64::from(MAX_LAUNCH_LOOKS);
    assert!(looks * MAX_WATCH_SECONDS + (looks - 1) * LAUNCH_WAIT_SECONDS > most);
}

/// Of the quota of 25,000 events of an execution's history (Step Functions, "Service quotas"), 30% is left for retries,
/// which log two or three events each.
const MAX_EVENTS: u64 = 17_500;

/// AWS logs five events for a Task, two for any other state, and one more at the start and end of each item of a Map.
#[test]
fn the_longest_run_takes_70_percent_of_an_executions_events_at_most() {
    let cost: BTreeMap<String, u64> =
        all_states().into_iter().map(|(name, state)| (name, if state["Type"] == "Task" { 5 } else { 2 })).collect();
    let looks = |most: u32, [task, choice, wait]: [&str; 3]| {
        let most = u64::from(most);
        most * (cost[task] + cost[choice]) + (most - 1) * cost[wait]
    };
    let launch = looks(MAX_LAUNCH_LOOKS, ["Launch", "Hosts ready?", "Wait for hosts"]);
    let client = looks(MAX_STEP_LOOKS, ["Configure client", "client done?", "Wait for client"]);
    let server = looks(MAX_STEP_LOOKS, ["Configure server", "server done?", "Wait for server"]);
    let measure = looks(MAX_STEP_LOOKS, ["Measure block", "measurement done?", "Wait for measurement"]);
    let collect = looks(MAX_STEP_LOOKS, ["Collect", "collection done?", "Wait for collection"]);
    // Each step of full length may be a further part of some block.
    let parts = longest_run_seconds() / MAX_STEP_SECONDS;
    let choices = [cost["Server to configure?"], cost["Server to collect from?"]];
    let keep: u64 =
        ["Keep hosts?", "Summarize and keep", "Hosts kept?", "Wait for expiry"].map(|name| cost[name]).iter().sum();
    let blocks = MAX_BLOCK_RUNS as u64 * (server + measure + choices[0] + 8) + parts * measure;
    let total = launch + client + blocks + choices[1] + collect + keep + 60;
    assert!(total <= MAX_EVENTS, "{total} events");
    // docs/how-it-works.md tells the number.
    assert_eq!(total, 16_989);
}
