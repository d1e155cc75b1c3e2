use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Map, Value, json};

/// The reference implementation of JSONata, in a process of Node.js.
pub struct Jsonata {
    node: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Jsonata {
    /// Starts it. Returns `None` if Node.js or the package is not installed.
    pub fn start() -> Option<Self> {
        let folder = crate::root().join("tests/definition/jsonata");
        folder.join("node_modules/jsonata").exists().then_some(())?;
        let mut command = Command::new("node");
        command.arg(folder.join("evaluate.js")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut node = command.spawn().ok()?;
        let (input, output) = (node.stdin.take()?, BufReader::new(node.stdout.take()?));
        Some(Self { node, input, output })
    }

    /// Returns the value of an expression, or the reason why it has no value.
    pub fn evaluate(&mut self, expression: &str, variables: &Map<String, Value>) -> Result<Value, String> {
        writeln!(self.input, "{}", json!({ "expression": expression, "variables": variables })).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        match answer.get_mut("value") {
            Some(value) => Ok(value.take()),
            None => Err(answer["error"].as_str().unwrap_or_default().to_owned()),
        }
    }
}

impl Drop for Jsonata {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}
