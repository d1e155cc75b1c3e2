//! The existing servers that a stack allows: its parameter AllowedServers. A run sends to no other.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use ipnet::Ipv4Net;

use dicomperf_model::request::Existing;
use dicomperf_model::validation::FieldError;

/// Ports of a URL without one (RFC 9110 4.2.1, 4.2.2).
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;
/// Form of an entry, for messages.
const ENTRY: &str = "HOST:PORT, where HOST is a name, an IPv4 address or a range like 10.0.0.0/8, and PORT is a number, a \
                     range like 4000-4999, or *";

/// An entry of the parameter.
#[derive(Debug, PartialEq, Eq)]
struct AllowedServer {
    host: AllowedHost,
    ports: RangeInclusive<u16>,
}

#[derive(Debug, PartialEq, Eq)]
enum AllowedHost {
    /// This name, whatever it resolves to. No address is looked up: a name that is not listed is refused even if its
    /// address is.
    Name(String),
    /// Each address in this network.
    Network(Ipv4Net),
}

/// Returns the errors of a request for an existing server. `allowed` is the parameter: entries with commas between them.
pub(super) fn errors(allowed: &str, existing: &Existing) -> Vec<FieldError> {
    let servers = match parse(allowed) {
        Ok(servers) => servers,
        Err(problem) => return vec![FieldError::new("the stack's parameter AllowedServers", problem, ENTRY)],
    };
    let words = match servers.is_empty() {
        true => "none: the stack's parameter AllowedServers is empty".to_owned(),
        false => format!("{allowed}, the stack's parameter AllowedServers"),
    };
    let mut errors = Vec::new();
    if let Err(part) = check(&servers, &existing.address, existing.port) {
        let path = match part {
            Refused::Host => "server.existing.address",
            Refused::Port => "server.existing.port",
        };
        errors.push(FieldError::new(path, format!("is {}:{}", existing.address, existing.port), words.clone()));
    }
    if let Some(url) = &existing.url {
        let is_allowed = host_and_port(url).is_some_and(|(host, port)| check(&servers, host, port).is_ok());
        if !is_allowed {
            errors.push(FieldError::new("server.existing.url", format!("is {url}"), words));
        }
    }
    errors
}

/// The part of an address that no entry allows.
enum Refused {
    Host,
    /// Another port of the host is allowed.
    Port,
}

fn check(servers: &[AllowedServer], host: &str, port: u16) -> Result<(), Refused> {
    let of_host: Vec<_> = servers.iter().filter(|server| server.host.contains(host)).collect();
    if of_host.is_empty() {
        return Err(Refused::Host);
    }
    if of_host.iter().any(|server| server.ports.contains(&port)) { Ok(()) } else { Err(Refused::Port) }
}

impl AllowedHost {
    fn contains(&self, host: &str) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case(host),
            // Text like 10.1, which a resolver takes for an address, is none here. It is refused as an unknown name.
            Self::Network(network) => host.parse::<Ipv4Addr>().is_ok_and(|address| network.contains(&address)),
        }
    }
}

/// Returns host and port of a URL that fits the schema of a request.
fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    match authority.split_once(':') {
        Some((host, port)) => Some((host, port.parse().ok()?)),
        None => Some((authority, if scheme == "https" { HTTPS_PORT } else { HTTP_PORT })),
    }
}

/// Reads the parameter. Returns the first entry that cannot be read as the error.
fn parse(allowed: &str) -> Result<Vec<AllowedServer>, String> {
    let entries = allowed.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(|entry| parse_entry(entry).ok_or_else(|| format!("has the entry {entry:?}"))).collect()
}

fn parse_entry(entry: &str) -> Option<AllowedServer> {
    let (host, ports) = entry.rsplit_once(':')?;
    Some(AllowedServer { host: parse_host(host)?, ports: parse_ports(ports)? })
}

fn parse_host(host: &str) -> Option<AllowedHost> {
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Some(AllowedHost::Network(address.into()));
    }
    if host.contains('/') {
        return host.parse().ok().map(AllowedHost::Network);
    }
    let is_name = host.chars().all(|one| one.is_ascii_alphanumeric() || one == '.' || one == '-')
        && host.starts_with(|one: char| one.is_ascii_alphanumeric())
        && host.ends_with(|one: char| one.is_ascii_alphanumeric());
    // A resolver takes digits for an address. The last label of a name is not a number (RFC 1123 2.1).
    let last_label = host.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_number = last_label.starts_with("0x") || last_label.chars().all(|one| one.is_ascii_digit());
    (is_name && !is_number).then(|| AllowedHost::Name(host.to_owned()))
}

fn parse_ports(ports: &str) -> Option<RangeInclusive<u16>> {
    if ports == "*" {
        return Some(1..=u16::MAX);
    }
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (first > 0 && first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn existing(address: &str, port: u16, url: Option<&str>) -> Existing {
        serde_json::from_value(json!({ "address": address, "port": port, "aeTitle": "PACS", "url": url }))
            .expect("an existing server")
    }

    fn found(allowed: &str, existing: &Existing) -> Vec<String> {
        errors(allowed, existing).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_is_allowed_by_itself_and_an_address_by_its_network() {
        let allowed = "pacs.example.org:104, 10.1.0.0/16:11112,192.0.2.7:4000-4010,198.51.100.0/24:*";
        for (address, port, expected) in [
            ("pacs.example.org", 104, true),
            ("PACS.Example.ORG", 104, true),
            ("pacs.example.org", 105, false),
            ("archive.pacs.example.org", 104, false),
            ("example.org", 104, false),
            ("10.1.255.255", 11112, true),
            ("10.2.0.1", 11112, false),
            ("192.0.2.7", 4000, true),
            ("192.0.2.7", 4010, true),
            ("192.0.2.7", 4011, false),
            ("192.0.2.8", 4000, false),
            ("198.51.100.3", 1, true),
            ("198.51.100.3", 65535, true),
            // A resolver takes these for addresses.
            ("10.1.1", 11112, false),
            ("010.1.0.1", 11112, false),
            ("3325256707", 104, false),
            ("0xc6336403", 104, false),
        ] {
            let errors = found(allowed, &existing(address, port, None));
            assert_eq!(errors.is_empty(), expected, "{address}:{port}: {errors:?}");
        }
    }

    #[test]
    fn every_network_does_not_admit_a_name() {
        assert_eq!(found("0.0.0.0/0:*", &existing("192.0.2.7", 104, None)), Vec::<String>::new());
        assert_eq!(found("0.0.0.0/0:*", &existing("pacs.example.org", 104, None)).len(), 1);
    }

    #[test]
    fn errors_name_the_field_and_what_the_stack_allows() {
        assert_eq!(
            found("", &existing("pacs.example.org", 104, Some("https://pacs.example.org"))),
            [
                "server.existing.address: is pacs.example.org:104; allowed: none: the stack's parameter AllowedServers is \
                 empty",
                "server.existing.url: is https://pacs.example.org; allowed: none: the stack's parameter AllowedServers is \
                 empty",
            ]
        );
        assert_eq!(
            found("192.0.2.7:104", &existing("192.0.2.7", 105, None)),
            ["server.existing.port: is 192.0.2.7:105; allowed: 192.0.2.7:104, the stack's parameter AllowedServers"]
        );
    }

    #[test]
    fn the_url_needs_its_host_and_port_too() {
        let allowed = "pacs.example.org:104,pacs.example.org:443,10.0.0.0/8:8042";
        for (url, expected) in [
            ("https://pacs.example.org/dicom-web", true),
            ("https://pacs.example.org:443", true),
            ("http://pacs.example.org/dicom-web", false),
            ("https://pacs.example.org:8443/dicom-web", false),
            ("http://10.3.4.5:8042/a/b", true),
            ("http://10.3.4.5:99999", false),
            ("https://other.example.org", false),
        ] {
            let errors = found(allowed, &existing("pacs.example.org", 104, Some(url)));
            assert_eq!(errors.is_empty(), expected, "{url}: {errors:?}");
        }
    }

    #[test]
    fn a_malformed_parameter_is_named() {
        for entry in [
            "pacs.example.org",
            "pacs.example.org:",
            "pacs.example.org:0",
            "pacs.example.org:70000",
            "pacs.example.org:20-10",
            "pacs_1:104",
            "*.example.org:104",
            "-pacs:104",
            "10.0.0.0/33:104",
            "10.0.0:104",
            "10.0.0.256:104",
            "2130706433:104",
            "0x7f000001:104",
            "example.org/8:104",
            ":104",
        ] {
            let allowed = format!("10.0.0.0/8:104,{entry}");
            let errors = found(&allowed, &existing("10.0.0.1", 104, None));
            let expected =
                format!("the stack's parameter AllowedServers: has the entry {entry:?}; allowed: HOST:PORT, ");
            assert!(errors.len() == 1 && errors[0].starts_with(&expected), "{entry}: {errors:?}");
        }
    }
}
