//! Parameters of the hosts' first boot: CloudFormation and `launch` allow the same.

use dicomperf_model::first_boot::FirstBoot;
use regex::Regex;

use crate::template::template;

/// True if the template allows a value.
fn is_allowed(parameter: &str, value: &str) -> bool {
    let template = template();
    let pattern = template.parameter(parameter)["AllowedPattern"].as_str().unwrap();
    Regex::new(pattern).unwrap().is_match(value)
}

#[test]
fn the_template_allows_what_launch_accepts() {
    let values = [
        "http://mirror.example.com/ubuntu",
        "https://[fd00::1]:8443/a_b~c+d/",
        "http://proxy:3128",
        "http://proxy:3128/",
        "http://user:password@proxy:3128",
        "http://proxy/$(id)",
        "http://proxy/a b",
        "http://",
        "http:///path",
        "ftp://proxy",
        "*",
        ".amazonaws.com,10.0.0.4,[fd00::1]",
        "a, b",
        "a,,b",
        "a;b",
        "*.example.com",
    ];
    for value in values {
        let some = || Some(value.to_owned());
        for (parameter, accepted) in [
            ("PackageMirror", FirstBoot::new(some(), None, None)),
            ("HttpProxy", FirstBoot::new(None, some(), None)),
            ("NoProxy", FirstBoot::new(None, None, some())),
        ] {
            assert_eq!(is_allowed(parameter, value), accepted.is_ok(), "{parameter} {value}");
        }
    }
    // The default, which launch reads as an absent setting.
    for parameter in ["PackageMirror", "HttpProxy", "NoProxy"] {
        assert!(is_allowed(parameter, ""), "{parameter}");
    }
}
