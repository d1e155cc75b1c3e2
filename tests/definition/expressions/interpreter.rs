//! Walks the state machine as Step Functions does. The test answers for its functions, and Node.js evaluates JSONata.
//!
//! Facts from the Step Functions Developer Guide ("Transforming data with JSONata", "Passing data between states with
//! variables") and from the Amazon States Language: `$states` has `input` and `context`, after a Task, Map or Parallel
//! `result`, and in a Catch `errorOutput`. Every expression of a state sees the variables as they were when the state
//! began. A branch and an item see the variables around them, and their own end with them.

use std::collections::{BTreeMap, BTreeSet};

use dicomperf_aws::workflow::StatesError;
use serde_json::{Map, Value, json};

use super::jsonata::Jsonata;

/// More states than any walk enters. A walk that enters more goes round in a circle.
const MAX_STATES: u32 = 500;

/// End of a state or a scope that gave no output.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// An error that a Catch may match.
    Error(StatesError),
    /// A fault of the definition: an expression without a value, or with a value that its field does not accept.
    Fault(String),
}

/// A function of the state machine: takes its name in the definition and its payload.
pub type Function<'a> = dyn FnMut(&str, Value) -> Result<Value, Stop> + 'a;

/// The places of expressions that were evaluated.
#[derive(Debug, Default)]
pub struct Coverage {
    /// JSON pointers of the expressions.
    pub expressions: BTreeSet<String>,
    /// Values of each condition, by its JSON pointer.
    pub conditions: BTreeMap<String, BTreeSet<bool>>,
    /// The times that the walk waited for.
    pub timestamps: Vec<Value>,
}

/// One walk through a definition.
pub struct Walk<'a> {
    pub definition: &'a Value,
    pub jsonata: &'a mut Jsonata,
    pub function: &'a mut Function<'a>,
    /// The execution's input.
    pub input: Value,
    pub coverage: Coverage,
    pub entered: u32,
}

/// A state that the walk is in.
struct Visit<'s> {
    state: &'s Value,
    /// JSON pointer of the state.
    at: String,
    /// The variables when the state began, and `$states`.
    bindings: Map<String, Value>,
}

impl Visit<'_> {
    fn input(&self) -> Value {
        self.bindings["states"]["input"].clone()
    }

    /// Returns the visit with another member of `$states`.
    fn with(&self, member: &str, value: Value) -> Map<String, Value> {
        let mut bindings = self.bindings.clone();
        bindings["states"][member] = value;
        bindings
    }
}

/// The end of a state: its output, its assignments and the next state, if any.
struct End {
    output: Value,
    assigned: Map<String, Value>,
    next: Option<String>,
}

impl Walk<'_> {
    /// Walks the whole machine. Returns the execution's output.
    pub fn run(&mut self) -> Result<Value, Stop> {
        let (definition, input) = (self.definition, self.input.clone());
        self.scope(definition, "", input, &Map::new(), &Value::Null)
    }

    fn scope(
        &mut self,
        scope: &Value,
        at: &str,
        mut input: Value,
        outer: &Map<String, Value>,
        item: &Value,
    ) -> Result<Value, Stop> {
        let mut variables = outer.clone();
        let mut name = scope["StartAt"].as_str().unwrap_or_default().to_owned();
        loop {
            self.entered += 1;
            if self.entered > MAX_STATES {
                return Err(Stop::Fault(format!("{name}: state {MAX_STATES} of this walk")));
            }
            let mut bindings = variables.clone();
            bindings.insert("states".to_owned(), json!({ "input": input, "context": self.context(&name, item) }));
            let state = &scope["States"][&name];
            let visit = Visit { state, at: format!("{at}/States/{}", escape(&name)), bindings };
            let end = self.state(&visit)?;
            for (variable, value) in end.assigned {
                // Legal or not, a reader would take the two for one.
                if outer.contains_key(&variable) && variables[&variable] != value {
                    return Err(Stop::Fault(format!("{}: ${variable} is a variable of an outer scope", visit.at)));
                }
                variables.insert(variable, value);
            }
            match end.next {
                Some(next) => (name, input) = (next, end.output),
                None => return Ok(end.output),
            }
        }
    }

    /// Returns the context object, as far as a state machine may read it.
    fn context(&self, state: &str, item: &Value) -> Value {
        let mut context = json!({
            "Execution": {
                "Id": "arn:aws:states:eu-central-1:123456789012:execution:RunStateMachine:run-1",
                "Input": self.input,
                "Name": "run-1",
                "RoleArn": "arn:aws:iam::123456789012:role/RunStateMachineRole",
                "StartTime": "2026-01-01T12:00:00.123Z",
                "RedriveCount": 0
            },
            "State": { "Name": state, "EnteredTime": "2026-01-01T12:00:01.456Z", "RetryCount": 0 },
            "StateMachine": {
                "Id": "arn:aws:states:eu-central-1:123456789012:stateMachine:RunStateMachine",
                "Name": "RunStateMachine"
            }
        });
        if !item.is_null() {
            context["Map"] = json!({ "Item": item });
        }
        context
    }

    fn state(&mut self, visit: &Visit<'_>) -> Result<End, Stop> {
        let kind = visit.state["Type"].as_str().unwrap_or_default();
        match kind {
            "Task" | "Parallel" | "Map" => {
                let result = match kind {
                    "Task" => self.task(visit),
                    "Parallel" => self.parallel(visit),
                    _ => self.map(visit),
                };
                match result {
                    Ok(result) => self.end(visit.state, &visit.at, &visit.with("result", result.clone()), result),
                    Err(Stop::Error(error)) => self.catch(visit, error),
                    Err(fault) => Err(fault),
                }
            }
            "Pass" | "Succeed" => self.end(visit.state, &visit.at, &visit.bindings, visit.input()),
            "Wait" => {
                if visit.state.get("Timestamp").is_some() {
                    let accepts = |value: &Value| {
                        value
                            .as_str()
                            .is_some_and(|text| text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok())
                    };
                    let time = self.field(visit, "Timestamp", accepts, "a time in UTC")?;
                    self.coverage.timestamps.push(time);
                } else {
                    self.number(visit, "Seconds", 99_999_999)?;
                }
                self.end(visit.state, &visit.at, &visit.bindings, visit.input())
            }
            "Choice" => self.choice(visit),
            "Fail" => {
                let error = self.field(visit, "Error", Value::is_string, "a string")?;
                let cause = self.field(visit, "Cause", Value::is_string, "a string")?;
                let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
                Err(Stop::Error(StatesError { error: text(error), cause: text(cause) }))
            }
            other => Err(Stop::Fault(format!("{}: this test does not know the type {other:?}", visit.at))),
        }
    }

    fn task(&mut self, visit: &Visit<'_>) -> Result<Value, Stop> {
        let resource = visit.state["Resource"].as_str().unwrap_or_default();
        if !resource.ends_with(":states:::lambda:invoke") {
            return Err(Stop::Fault(format!("{}: this test does not know the resource {resource:?}", visit.at)));
        }
        self.number(visit, "TimeoutSeconds", 99_999_999)?;
        let arguments = self.field(visit, "Arguments", Value::is_object, "an object")?;
        let function = arguments["FunctionName"].as_str().unwrap_or_default();
        let retriers = visit.state["Retry"].as_array().cloned().unwrap_or_default();
        let mut attempts = vec![0; retriers.len()];
        loop {
            match (self.function)(function, arguments["Payload"].clone()) {
                Ok(payload) => {
                    return Ok(json!({ "ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200 }));
                }
                Err(Stop::Error(error)) => {
                    // Three attempts where the definition gives no number.
                    let most = |retrier: &Value| retrier["MaxAttempts"].as_u64().unwrap_or(3);
                    let found = retriers.iter().position(|retrier| matches(retrier, &error));
                    match found.filter(|&found| attempts[found] < most(&retriers[found])) {
                        Some(found) => attempts[found] += 1,
                        None => return Err(Stop::Error(error)),
                    }
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    fn parallel(&mut self, visit: &Visit<'_>) -> Result<Value, Stop> {
        let input = match visit.state.get("Arguments") {
            Some(_) => self.field(visit, "Arguments", |_| true, "")?,
            None => visit.input(),
        };
        let outer = variables(visit);
        let branches = visit.state["Branches"].as_array().cloned().unwrap_or_default();
        let outputs = branches.iter().enumerate().map(|(number, branch)| {
            self.scope(branch, &format!("{}/Branches/{number}", visit.at), input.clone(), &outer, &Value::Null)
        });
        outputs.collect::<Result<Vec<_>, _>>().map(Value::from)
    }

    fn map(&mut self, visit: &Visit<'_>) -> Result<Value, Stop> {
        let items = self.field(visit, "Items", Value::is_array, "an array")?;
        let outer = variables(visit);
        let mut outputs = Vec::new();
        for (index, value) in items.as_array().into_iter().flatten().enumerate() {
            let item = json!({ "Index": index, "Value": value });
            let input = match visit.state.get("ItemSelector") {
                Some(selector) => {
                    let mut bindings = visit.bindings.clone();
                    bindings["states"]["context"]["Map"] = json!({ "Item": item });
                    self.fill(selector, &format!("{}/ItemSelector", visit.at), &bindings)?
                }
                None => value.clone(),
            };
            let processor = &visit.state["ItemProcessor"];
            outputs.push(self.scope(processor, &format!("{}/ItemProcessor", visit.at), input, &outer, &item)?);
        }
        Ok(Value::from(outputs))
    }

    fn choice(&mut self, visit: &Visit<'_>) -> Result<End, Stop> {
        for (number, rule) in visit.state["Choices"].as_array().into_iter().flatten().enumerate() {
            let at = format!("{}/Choices/{number}", visit.at);
            let condition = self.fill(&rule["Condition"], &format!("{at}/Condition"), &visit.bindings)?;
            let Some(condition) = condition.as_bool() else {
                return Err(Stop::Fault(format!("{at}/Condition: {condition} is not a boolean")));
            };
            self.coverage.conditions.entry(format!("{at}/Condition")).or_default().insert(condition);
            if condition {
                return self.end(rule, &at, &visit.bindings, visit.input());
            }
        }
        let end = self.end(visit.state, &visit.at, &visit.bindings, visit.input())?;
        match visit.state["Default"].as_str() {
            Some(default) => Ok(End { next: Some(default.to_owned()), ..end }),
            None => Err(Stop::Fault(format!("{}: no choice matches", visit.at))),
        }
    }

    fn catch(&mut self, visit: &Visit<'_>, error: StatesError) -> Result<End, Stop> {
        let catchers = visit.state["Catch"].as_array().cloned().unwrap_or_default();
        match catchers.iter().position(|catcher| matches(catcher, &error)) {
            Some(found) => {
                let output = json!({ "Error": error.error, "Cause": error.cause });
                let bindings = visit.with("errorOutput", output.clone());
                self.end(&catchers[found], &format!("{}/Catch/{found}", visit.at), &bindings, output)
            }
            None => Err(Stop::Error(error)),
        }
    }

    /// Evaluates `Assign` and `Output` of a state, a choice or a Catch.
    fn end(&mut self, holder: &Value, at: &str, bindings: &Map<String, Value>, default: Value) -> Result<End, Stop> {
        let assigned = match holder.get("Assign") {
            Some(assign) => self.fill(assign, &format!("{at}/Assign"), bindings)?,
            None => json!({}),
        };
        let output = match holder.get("Output") {
            Some(output) => self.fill(output, &format!("{at}/Output"), bindings)?,
            None => default,
        };
        let Value::Object(assigned) = assigned else {
            return Err(Stop::Fault(format!("{at}/Assign: {assigned} is not an object")));
        };
        Ok(End { output, assigned, next: holder["Next"].as_str().map(str::to_owned) })
    }

    fn number(&mut self, visit: &Visit<'_>, field: &str, most: u64) -> Result<(), Stop> {
        let accepts = |value: &Value| value.as_u64().is_some_and(|number| number <= most);
        self.field(visit, field, accepts, "a whole number that is not negative").map(|_| ())
    }

    /// Evaluates a field of a state.
    fn field(
        &mut self,
        visit: &Visit<'_>,
        field: &str,
        accepts: impl Fn(&Value) -> bool,
        wanted: &str,
    ) -> Result<Value, Stop> {
        let at = format!("{}/{field}", visit.at);
        let value = self.fill(&visit.state[field], &at, &visit.bindings)?;
        if accepts(&value) { Ok(value) } else { Err(Stop::Fault(format!("{at}: {value} is not {wanted}"))) }
    }

    /// Evaluates every expression in a value.
    fn fill(&mut self, value: &Value, at: &str, bindings: &Map<String, Value>) -> Result<Value, Stop> {
        match value {
            Value::String(text) => {
                let Some(expression) = expression(text) else { return Ok(value.clone()) };
                self.coverage.expressions.insert(at.to_owned());
                let evaluated = self.jsonata.evaluate(expression, bindings);
                evaluated.map_err(|reason| Stop::Fault(format!("{at}: {text}: {reason}")))
            }
            Value::Array(values) => {
                let filled = values
                    .iter()
                    .enumerate()
                    .map(|(number, value)| self.fill(value, &format!("{at}/{number}"), bindings));
                filled.collect::<Result<Vec<_>, _>>().map(Value::from)
            }
            Value::Object(fields) => {
                let filled = fields.iter().map(|(name, value)| {
                    let filled = self.fill(value, &format!("{at}/{}", escape(name)), bindings)?;
                    Ok((name.clone(), filled))
                });
                filled.collect::<Result<Map<_, _>, _>>().map(Value::from)
            }
            _ => Ok(value.clone()),
        }
    }
}

/// Returns the expression in a text that is one.
pub fn expression(text: &str) -> Option<&str> {
    text.strip_prefix("{%")?.strip_suffix("%}").map(str::trim)
}

/// Returns the JSON pointer of every expression in a value.
pub fn expressions(value: &Value, at: &str) -> BTreeSet<String> {
    match value {
        Value::String(text) if expression(text).is_some() => [at.to_owned()].into(),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .flat_map(|(number, value)| expressions(value, &format!("{at}/{number}")))
            .collect(),
        Value::Object(fields) => {
            fields.iter().flat_map(|(name, value)| expressions(value, &format!("{at}/{}", escape(name)))).collect()
        }
        _ => BTreeSet::new(),
    }
}

fn variables(visit: &Visit<'_>) -> Map<String, Value> {
    let mut variables = visit.bindings.clone();
    variables.remove("states");
    variables
}

/// Returns true if a retrier or a catcher names the error. `States.TaskFailed` names every error but a timeout.
fn matches(rule: &Value, error: &StatesError) -> bool {
    rule["ErrorEquals"].as_array().into_iter().flatten().filter_map(Value::as_str).any(|name| match name {
        "States.ALL" => true,
        "States.TaskFailed" => error.error != "States.Timeout",
        name => name == error.error,
    })
}

/// Escapes a name for a JSON pointer (RFC 6901).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
