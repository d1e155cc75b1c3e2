//! The control interface: counts over HTTP.
//!
//! `GET /instances` returns [`Counted`](super::Counted), `DELETE /instances` resets it.

use std::sync::Arc;
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tiny_http::{Header, Method, Request, Response, Server};

use super::document::SinkDocument;
use super::tally::Tally;

/// The path of the counts.
pub const INSTANCES_PATH: &str = "/instances";

/// Serves the counts in a separate thread.
///
/// # Errors
/// An address on which the sink cannot listen.
pub(super) fn start(document: &SinkDocument, tally: Arc<Tally>) -> anyhow::Result<()> {
    let address = (document.address.as_str(), document.control_port);
    let server = Server::http(address).map_err(|error| anyhow::anyhow!("listen on {address:?}: {error}"))?;
    let credentials = BASE64_STANDARD.encode(format!("{}:{}", document.rest_user, document.rest_password));
    let authorization = format!("Basic {credentials}");
    thread::Builder::new().spawn(move || {
        for request in server.incoming_requests() {
            answer(request, &authorization, &tally);
        }
    })?;
    Ok(())
}

fn answer(request: Request, authorization: &str, tally: &Tally) {
    let is_authorized = request
        .headers()
        .iter()
        .any(|header| header.field.equiv("Authorization") && header.value.as_str() == authorization);
    // The client may have closed the connection.
    let _ = match (is_authorized, request.method(), request.url()) {
        (false, ..) => {
            let mut response = Response::empty(401);
            if let Ok(header) = Header::from_bytes("WWW-Authenticate", "Basic") {
                response.add_header(header);
            }
            request.respond(response)
        }
        (true, Method::Get, INSTANCES_PATH) => match serde_json::to_vec(&tally.snapshot()) {
            Ok(counted) => request.respond(Response::from_data(counted)),
            Err(_) => request.respond(Response::empty(500)),
        },
        (true, Method::Delete, INSTANCES_PATH) => {
            tally.clear();
            request.respond(Response::from_string("{}"))
        }
        (true, _, INSTANCES_PATH) => request.respond(Response::empty(405)),
        _ => request.respond(Response::empty(404)),
    };
}
