use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use dicomperf_testkit::{Cause, not_tested};

/// moto needs a second to start; a busy machine takes longer.
const MAX_START: Duration = Duration::from_secs(60);
/// Objects on a page of a listing. S3 has 1,000, which would take this test half a minute to write.
pub const OBJECTS_A_PAGE: usize = 3;

/// A server of moto on a port of its own, with an account of its own. It ends with this value.
pub struct Moto {
    server: Child,
    url: String,
}

impl Moto {
    /// Starts a server. Without moto, notes that the calling test could not test.
    pub fn start() -> Option<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/moto_server");
        if !program.exists() {
            not_tested(Cause::Missing("no moto: make install"));
            return None;
        }
        let mut command = Command::new(program);
        // Port 0: the kernel chooses a free port, and moto prints it.
        command.args(["-H", "127.0.0.1", "-p", "0"]);
        command.env("MOTO_S3_DEFAULT_MAX_KEYS", OBJECTS_A_PAGE.to_string());
        let mut server = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let (sender, address) = mpsc::channel();
        // Reads on until moto ends: it logs each request, and a full pipe would stop it.
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("Running on ") {
                    let _ = sender.send(url.trim().to_owned());
                }
            }
        });
        let mut moto = Self { server, url: String::new() };
        moto.url = address.recv_timeout(MAX_START).expect("moto does not start");
        Some(moto)
    }

    /// Returns the SDK's configuration for this server.
    pub fn configuration(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http.build_https())
            .build()
    }

    /// Calls an action of IAM, for which this project has no client.
    pub fn call_iam(&self, action: &str, parameters: &[(&str, &str)]) {
        let form = [("Action", action), ("Version", "2010-05-08")].into_iter().chain(parameters.iter().copied());
        // moto finds the service in the credential's scope and checks no signature.
        let scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, Signature=none";
        ureq::post(&self.url).header("Authorization", scope).send_form(form).unwrap();
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
