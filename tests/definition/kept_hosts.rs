//! The commands for hosts that stay: the AWS CLI itself says what it makes of them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use dicomperf_model::results::KeptHosts;
use dicomperf_testkit::{Cause, not_tested};
use serde_json::{Value, json};

/// Answers one request with an error, and returns its body. An empty connection stands for no request.
fn one_request(listener: &TcpListener) -> Value {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                let answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
                stream.write_all(answer.as_bytes()).unwrap();
                return serde_json::from_str(body).unwrap();
            }
        }
        let read = stream.read(&mut buffer).unwrap();
        if read == 0 {
            return Value::Null;
        }
        request.extend_from_slice(&buffer[..read]);
    }
}

/// Runs a command of the report as a person would, against a server that only listens. Returns the request that it sends.
fn sent_by(command: &str) -> Option<Value> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = format!("http://{address}");
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    shell.env("AWS_ENDPOINT_URL", endpoint).env("AWS_DEFAULT_REGION", "eu-central-1").env("AWS_MAX_ATTEMPTS", "1");
    shell.env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "secret").env_remove("AWS_PROFILE");
    let program = shell.spawn().unwrap();
    let body = thread::spawn(move || one_request(&listener));
    let output = program.wait_with_output().unwrap();
    // A CLI that refused the command itself has not connected, and nobody else would.
    drop(TcpStream::connect(address));
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(127) {
        return None;
    }
    let body = body.join().unwrap();
    assert!(body.is_object(), "{command}: {complaint}");
    Some(body)
}

#[test]
fn the_aws_cli_reads_the_commands_for_hosts_that_stay() {
    let (server, client) = ("i-0123456789abcdef0".to_owned(), "i-0fedcba9876543210".to_owned());
    let until = "2026-01-01T12:30:00Z".parse().unwrap();
    let kept = KeptHosts::new("run-1", until, Some(server.clone()), Some(client.clone()), "s3://bucket/key");
    let sessions: Vec<_> = kept.commands.iter().filter(|one| one.command.starts_with("aws ssm")).collect();
    let sent: Option<Vec<_>> = sessions.iter().map(|one| sent_by(&one.command)).collect();
    let Some(sent) = sent else { return not_tested(Cause::Missing("no AWS CLI")) };
    // The lists of text are those of the API (Systems Manager API Reference, StartSession).
    let forwarded = json!({ "portNumber": ["8042"], "localPortNumber": ["8042"] });
    assert_eq!(
        sent,
        [
            json!({ "Target": server, "DocumentName": "AWS-StartPortForwardingSession", "Parameters": forwarded }),
            json!({ "Target": server }),
            json!({ "Target": client }),
        ]
    );
}

#[test]
fn sessions_are_limited_to_hosts_of_the_stack() {
    let policy: Value = serde_json::from_str(&crate::read("policies/use-kept-hosts.json")).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let hosts = statements.iter().find(|one| one["Resource"].to_string().contains(":instance/")).unwrap();
    let tag = format!("ssm:resourceTag/{}", dicomperf_aws::clients::hosts::PROJECT_TAG);
    assert_eq!(hosts["Condition"]["StringEquals"][tag.as_str()], "STACK");
    let key = dicomperf_model::keys::RunKeys("*").secrets();
    assert!(statements.iter().any(|one| one["Resource"].as_str().is_some_and(|name| name.ends_with(&key))));
}
