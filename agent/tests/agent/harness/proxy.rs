//! A company's proxy: it forwards HTTP, passes TLS through, and answers for one host itself, with a certificate of its
//! own CA.

use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub struct Proxy {
    port: u16,
    address: String,
    /// The CA's certificate, PEM.
    pub ca: String,
    seen: Arc<Mutex<Vec<String>>>,
}

/// The host for which the proxy answers itself, and its answer to every request.
struct Intercepted {
    host: String,
    tls: Arc<ServerConfig>,
    answer: Vec<u8>,
}

impl Proxy {
    /// Starts on an address of this machine. It answers every request to `host` over TLS with `answer`.
    pub fn start(address: &str, host: &str, answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut parameters = CertificateParams::default();
        // OpenSSL takes a certificate whose subject is its issuer's for a self-signed one.
        parameters.distinguished_name.push(DnType::CommonName, format!("CA of proxy {port}"));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        let intercepted = Arc::new(Intercepted { host: host.to_owned(), tls: Arc::new(tls), answer });
        let seen = Arc::new(Mutex::new(Vec::new()));
        let proxy = Self { port, address: address.to_owned(), ca: ca.pem(), seen: seen.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, intercepted) = (seen.clone(), intercepted.clone());
                // A client that goes away is its own affair.
                thread::spawn(move || serve(stream, &seen, &intercepted));
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("http://{}:{}", self.address, self.port)
    }

    /// The method and the host of every connection so far: `CONNECT s3.example.com:443`.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(client: TcpStream, seen: &Mutex<Vec<String>>, intercepted: &Intercepted) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let [method, target, version] = first.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let is_tunnel = method == "CONNECT";
    let (host, path) = match target.strip_prefix("http://") {
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
        None => (target, ""),
    };
    seen.lock().unwrap().push(format!("{method} {host}"));
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    if !is_tunnel {
        let server = TcpStream::connect(address)?;
        write!(&server, "{method} /{path} {version}\r\n")?;
        return join(reader, client, server);
    }
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    write!(&client, "HTTP/1.1 200 Connection established\r\n\r\n")?;
    if address == format!("{}:443", intercepted.host) {
        return answer(client, intercepted);
    }
    join(reader, client, TcpStream::connect(address)?)
}

/// Copies in both directions until both have ended.
fn join(mut from_client: BufReader<TcpStream>, mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
    let mut to_server = server.try_clone()?;
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        to_server.shutdown(Shutdown::Write)
    });
    io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Write)
}

/// Answers one request.
fn answer(client: TcpStream, intercepted: &Intercepted) -> io::Result<()> {
    let connection = ServerConnection::new(intercepted.tls.clone()).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, client);
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", intercepted.answer.len())?;
    stream.write_all(&intercepted.answer)?;
    stream.conn.send_close_notify();
    stream.flush()
}
