//! The bucket behind presigned URLs. It stores every body that is put, and serves the objects that a test adds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;

use dicomperf_model::step::StepReport;
use tiny_http::{Method, Response, Server, StatusCode};

#[derive(Clone)]
pub struct Bucket {
    server: Arc<Server>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    uploads: Vec<(String, Vec<u8>)>,
    objects: BTreeMap<String, Vec<u8>>,
    failures_left: u32,
}

impl Bucket {
    pub fn start() -> Self {
        Self::start_on("127.0.0.1")
    }

    /// Starts on a port of this address.
    pub fn start_on(address: &str) -> Self {
        let server = Arc::new(Server::http((address, 0)).unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let bucket = Self { server: server.clone(), state: state.clone() };
        thread::spawn(move || {
            for mut request in server.incoming_requests() {
                let name = request.url().trim_start_matches('/').split('?').next().unwrap().to_owned();
                let mut body = Vec::new();
                request.as_reader().read_to_end(&mut body).unwrap();
                let mut state = state.lock().unwrap();
                let (status, answer) = match request.method() {
                    Method::Put if state.failures_left > 0 => {
                        state.failures_left -= 1;
                        (503, b"SlowDown".to_vec())
                    }
                    Method::Put => {
                        state.uploads.push((name, body));
                        (200, Vec::new())
                    }
                    _ => state.objects.get(&name).map_or((404, Vec::new()), |object| (200, object.clone())),
                };
                drop(state);
                let _ = request.respond(Response::from_data(answer).with_status_code(StatusCode(status)));
            }
        });
        bucket
    }

    /// The URL of an object, with a signature that must stay secret.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}?X-Amz-Signature=signature-{name}", self.server.server_addr())
    }

    pub fn serve(&self, name: &str, object: Vec<u8>) {
        self.state.lock().unwrap().objects.insert(name.to_owned(), object);
    }

    /// Answers the next uploads with 503.
    pub fn fail(&self, uploads: u32) {
        self.state.lock().unwrap().failures_left = uploads;
    }

    /// Every body that was put under this name.
    pub fn uploads(&self, name: &str) -> Vec<Vec<u8>> {
        let state = self.state.lock().unwrap();
        state.uploads.iter().filter(|upload| upload.0 == name).map(|upload| upload.1.clone()).collect()
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.uploads(name).pop().expect("an upload")).unwrap()
    }

    /// Every report that was put for a step.
    pub fn reports(&self, step: &str) -> Vec<StepReport> {
        let uploads = self.uploads(&format!("{step}.json"));
        uploads.iter().map(|body| serde_json::from_slice(body).expect("a report")).collect()
    }
}
