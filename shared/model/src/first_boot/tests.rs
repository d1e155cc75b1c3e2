use super::*;

const MIRROR: &str = "https://packages.example.com:8443/repository/ubuntu/";

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn expires_at() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().expect("a time")
}

/// The cloud-config as cloud-init reads it.
fn config(first_boot: &FirstBoot) -> Value {
    let text = first_boot.user_data(expires_at());
    let json = text.strip_prefix("#cloud-config\n").expect("the header of a cloud-config");
    // EC2's limit for user data, before its encoding in base64 (Amazon EC2 User Guide, "Run commands at launch").
    assert!(text.len() < 16_384, "{}", text.len());
    serde_json::from_str(json).expect("JSON")
}

#[test]
fn without_settings_the_user_data_has_the_expiry_and_nothing_of_a_network() {
    let config = config(&FirstBoot::default());
    let keys: Vec<_> = config.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["bootcmd", "snap", "runcmd"]);
    let commands = config["runcmd"].as_array().expect("a list");
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0][4], "1767268800");
}

#[test]
fn a_proxy_reaches_both_units_of_the_ssm_agent_but_not_the_metadata() {
    let first_boot = FirstBoot::new(None, some("http://proxy.example.com:3128"), some(".amazonaws.com,10.0.0.4"));
    let config = config(&first_boot.expect("valid"));
    let files = config["write_files"].as_array().expect("a list");
    let content = |path: &str| {
        let file = files.iter().find(|file| file["path"] == path).unwrap_or_else(|| panic!("no {path}"));
        file["content"].as_str().expect("a text").to_owned()
    };
    assert_eq!(
        content(PROXY_FILE),
        "http_proxy=http://proxy.example.com:3128\nhttps_proxy=http://proxy.example.com:3128\n\
         no_proxy=169.254.169.254,.amazonaws.com,10.0.0.4\n"
    );
    for unit in SSM_AGENT_UNITS {
        let drop_in = content(&format!("/etc/systemd/system/{unit}.d/dicomperf-proxy.conf"));
        assert_eq!(drop_in, "[Service]\nEnvironmentFile=/etc/dicomperf/proxy.env\n");
    }
}

#[test]
fn a_mirror_replaces_the_sources_even_where_the_distribution_preserves_them() {
    let config = config(&FirstBoot::new(some(MIRROR), None, None).expect("valid"));
    assert_eq!(config["apt"]["primary"][0]["uri"], MIRROR);
    assert_eq!(config["apt"]["preserve_sources_list"], false);
    assert!(config.get("write_files").is_none(), "{config}");
}

#[test]
fn no_setting_is_inside_a_script() {
    let settings = FirstBoot::new(some(MIRROR), some("http://proxy:3128"), some("a,b")).expect("valid");
    let config = config(&settings.in_region("eu-central-1"));
    let scripts: Vec<_> = config["runcmd"].as_array().expect("a list").iter().map(|command| &command[2]).collect();
    assert_eq!(scripts, [EXPIRE, USE_MIRROR, USE_PROXY, INSTALL_SSM_AGENT]);
}

#[test]
fn a_setting_with_a_password_or_a_character_of_a_shell_is_refused() {
    let refused = [
        "ftp://mirror/",
        "mirror/debian",
        "http://",
        "http:///debian",
        "http://user:password@mirror/debian",
        "http://mirror/$(id)",
        "http://mirror/a b",
        "http://mirror/\n",
        "http://mirror/%41",
        "http://mirror/?token=1",
    ];
    for mirror in refused {
        let error = FirstBoot::new(some(mirror), None, None).expect_err(mirror);
        assert!(error.starts_with("PackageMirror ") && error.contains("without a password"), "{error}");
        FirstBoot::new(None, some(mirror), None).expect_err(mirror);
    }
    FirstBoot::new(None, some("http://proxy:3128/path"), None).expect_err("a path");
    for hosts in ["", "a b", "a, b", "a\nb", "a;b", "a,,b"] {
        let error = FirstBoot::new(None, None, some(hosts)).expect_err(hosts);
        assert!(error.starts_with("NoProxy "), "{error}");
    }
    for proxy in ["http://10.0.0.1:3128", "https://proxy.example.com:443/", "http://[fd00::1]:8080"] {
        FirstBoot::new(None, some(proxy), some("*")).expect(proxy);
    }
}

#[test]
fn the_ssm_agent_comes_from_the_regions_own_bucket() {
    assert_eq!(
        ssm_agent_url("eu-central-1"),
        "https://s3.eu-central-1.amazonaws.com/amazon-ssm-eu-central-1/latest/debian_amd64/amazon-ssm-agent.deb"
    );
    assert!(ssm_agent_url("cn-north-1").starts_with("https://s3.cn-north-1.amazonaws.com.cn/amazon-ssm-cn-north-1/"));
}
