//! A host's first boot: its user data, which cloud-init applies.
//!
//! User data is no secret: every process on the host can read it, and so can everyone who may describe the host. No
//! setting is interpolated into a script; scripts get settings as arguments, and files get them as content.

use jiff::Timestamp;
use serde_json::{Value, json};

/// Shuts the host down at its expiry.
const EXPIRE: &str = include_str!("expire.sh");
/// Removes the list of sources that a mirror replaces.
const USE_MIRROR: &str = include_str!("mirror.sh");
/// Starts the SSM agent anew.
const USE_PROXY: &str = include_str!("proxy.sh");
/// Installs the SSM agent.
const INSTALL_SSM_AGENT: &str = include_str!("ssm-agent.sh");

/// The variables of the proxy, in the format of systemd's EnvironmentFile.
const PROXY_FILE: &str = "/etc/dicomperf/proxy.env";
/// The units of the SSM agent: of its package, and of its snap (AWS Systems Manager User Guide, "Configuring SSM Agent to
/// use a proxy on Linux nodes"). Commands of SSM inherit the unit's environment (amazon-ssm-agent,
/// agent/executers/executers.go, prepareEnvironment), so curl, the agent and apt use the same proxy.
const SSM_AGENT_UNITS: [&str; 2] = ["amazon-ssm-agent.service", "snap.amazon-ssm-agent.amazon-ssm-agent.service"];
/// The address of the instance metadata service. The same page wants it reached without the proxy.
const METADATA_ADDRESS: &str = "169.254.169.254";

/// Settings of a host's first boot. All hosts of a stack have the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstBoot {
    package_mirror: Option<String>,
    proxy: Option<String>,
    no_proxy: Option<String>,
    ssm_agent_url: Option<String>,
}

impl FirstBoot {
    /// Checks the settings. Each is `None` where the stack does not set it.
    ///
    /// # Errors
    /// A setting of another form, or with a password. The text names the stack's parameter and the allowed form.
    pub fn new(
        package_mirror: Option<String>,
        proxy: Option<String>,
        no_proxy: Option<String>,
    ) -> Result<Self, String> {
        let check = |name: &str, value: &Option<String>, is_valid: fn(&str) -> bool, form: &str| match value {
            Some(value) if !is_valid(value) => Err(format!("{name} {value:?}; allowed: {form}, without a password")),
            _ => Ok(()),
        };
        check("PackageMirror", &package_mirror, is_mirror, "http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH")?;
        check("HttpProxy", &proxy, is_proxy, "http://HOST:PORT or https://HOST:PORT")?;
        check("NoProxy", &no_proxy, is_host_list, "hosts, addresses and .domains, with commas between them")?;
        Ok(Self { package_mirror, proxy, no_proxy, ssm_agent_url: None })
    }

    /// Sets the region, from whose bucket the SSM agent is installed where the AMI has none.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        self.ssm_agent_url = Some(ssm_agent_url(region));
        self
    }

    /// The user data of a host that expires at a time. The same run always gets the same text, because EC2 requires the
    /// same parameters for each request with the same token. For that the expiry is a time and not a duration.
    #[must_use]
    pub fn user_data(&self, expires_at: Timestamp) -> String {
        let no_proxy = match &self.no_proxy {
            Some(hosts) => format!("{METADATA_ADDRESS},{hosts}"),
            None => METADATA_ADDRESS.to_owned(),
        };
        // The last of three limits comes first: the host shuts itself down, and EC2 terminates it then.
        let mut commands = vec![script(EXPIRE, &[&expires_at.as_second().to_string()])];
        let mut config = json!({
            // Automatic updates would disturb the measurement. This stage precedes the timers.
            "bootcmd": [["systemctl", "mask", "--now", "apt-daily.timer", "apt-daily-upgrade.timer"]],
            // The config stage is the first in which snapd runs: cloud-init waits for its seeds (cc_snap.py). Until then
            // snapd itself holds refreshes, for two hours after seeding (snapd, overlord/snapstate/autorefresh.go, AtSeed).
            // Only a text passes through a shell, which ignores that there is no snap.
            "snap": { "commands": ["snap refresh --hold || true"] },
        });
        if let Some(mirror) = &self.package_mirror {
            // Security updates come from there too (cc_apt_configure.py, update_mirror_info). Debian's cloud.cfg
            // preserves the list of sources unless it is told otherwise.
            let primary = json!([{ "arches": ["default"], "uri": mirror }]);
            config["apt"] = json!({ "preserve_sources_list": false, "primary": primary });
            commands.push(script(USE_MIRROR, &[mirror]));
        }
        if let Some(proxy) = &self.proxy {
            config["write_files"] = proxy_files(proxy, &no_proxy);
            commands.push(script(USE_PROXY, &SSM_AGENT_UNITS));
        }
        if let Some(url) = &self.ssm_agent_url {
            commands.push(script(INSTALL_SSM_AGENT, &[url, self.proxy.as_deref().unwrap_or_default(), &no_proxy]));
        }
        config["runcmd"] = Value::Array(commands);
        // JSON is YAML, and escapes every value.
        format!("#cloud-config\n{config:#}\n")
    }
}

/// The URL of the SSM agent's package (AWS Systems Manager User Guide, "Verifying the signature of SSM Agent", column
/// of the signature files).
fn ssm_agent_url(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://s3.{region}.{domain}/amazon-ssm-{region}/latest/debian_amd64/amazon-ssm-agent.deb")
}

/// The files through which the SSM agent gets the proxy.
fn proxy_files(proxy: &str, no_proxy: &str) -> Value {
    let variables = format!("http_proxy={proxy}\nhttps_proxy={proxy}\nno_proxy={no_proxy}\n");
    let drop_in = format!("[Service]\nEnvironmentFile={PROXY_FILE}\n");
    let file = |path: String, content: &str| json!({ "path": path, "content": content, "permissions": "0644" });
    let drop_ins = SSM_AGENT_UNITS.iter().map(|unit| {
        let path = format!("/etc/systemd/system/{unit}.d/dicomperf-proxy.conf");
        file(path, &drop_in)
    });
    std::iter::once(file(PROXY_FILE.to_owned(), &variables)).chain(drop_ins).collect()
}

/// A command that runs a constant script with arguments.
fn script(text: &str, arguments: &[&str]) -> Value {
    // The word after the script is its own name, $0.
    let words = ["sh", "-c", text, "dicomperf"];
    words.iter().chain(arguments).copied().collect()
}

/// True for a URL of HTTP without user, password, query and escapes.
fn is_mirror(text: &str) -> bool {
    let Some((authority, path)) = split_url(text) else { return false };
    is_authority(authority) && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~/+-".contains(&byte))
}

fn is_proxy(text: &str) -> bool {
    split_url(text).is_some_and(|(authority, path)| is_authority(authority) && path.is_empty())
}

fn split_url(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

/// True for a host or an address, with or without a port.
fn is_authority(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}

/// True for hosts with commas between them. No program reads blanks in it alike.
fn is_host_list(text: &str) -> bool {
    text.split(',').all(|host| is_authority(host) || host == "*")
}

#[cfg(test)]
mod tests;
