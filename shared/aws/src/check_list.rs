//! The checks that a function makes in a dry run.

use std::fmt::Display;

use dicomperf_model::results::Check;

/// Id of a host that does not exist. EC2 and SSM check a caller's rights before they look for the host.
pub(crate) const NO_HOST: &str = "i-00000000000000000";

/// The checks of one function.
#[derive(Debug)]
pub(crate) struct CheckList {
    function: &'static str,
    checks: Vec<Check>,
}

/// The answer to an action that a tag of the host permits, asked for a host that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WithoutHost {
    /// The caller may: AWS missed only the host.
    Permitted,
    /// The caller may not, with any host.
    Refused(String),
    /// AWS refused it, as it does without a host that has the tag. Only a host could show the right.
    Undecided(String),
}

impl CheckList {
    pub(crate) const fn new(function: &'static str) -> Self {
        Self { function, checks: Vec::new() }
    }

    /// Adds the result of an attempt. `actions` are the IAM actions that it needs.
    pub(crate) fn add<E: Display>(&mut self, subject: &str, actions: &str, result: Result<impl Into<String>, E>) {
        let name = self.name(subject);
        self.checks.push(match result {
            Ok(says) => Check::passed(name, says),
            Err(error) => Check::failed(name, format!("{error}; it needs {actions}")),
        });
    }

    /// Adds a check whose result is known.
    pub(crate) fn add_finding(&mut self, subject: &str, result: Result<String, String>) {
        let name = self.name(subject);
        self.checks.push(result.map_or_else(|fault| Check::failed(&name, fault), |says| Check::passed(&name, says)));
    }

    /// Adds a check that could not be made.
    pub(crate) fn add_not_made(&mut self, subject: &str, reason: &str) {
        self.checks.push(Check::not_made(self.name(subject), reason));
    }

    /// Adds the answer to an action on a host that does not exist.
    pub(crate) fn add_without_host(&mut self, subject: &str, action: &str, answer: WithoutHost) {
        match answer {
            WithoutHost::Permitted => self.add_finding(subject, Ok(format!("{action} is permitted"))),
            WithoutHost::Refused(words) => self.add_finding(subject, Err(words)),
            WithoutHost::Undecided(words) => self.add_not_made(
                subject,
                &format!(
                    "a tag of the host permits {action}, and no host exists. For this reason AWS answers: {words}"
                ),
            ),
        }
    }

    pub(crate) fn finish(self) -> Vec<Check> {
        self.checks
    }

    fn name(&self, subject: &str) -> String {
        format!("{}: {subject}", self.function)
    }
}

impl WithoutHost {
    /// Interprets AWS's error. A refusal names the resource that it is about, and an explicit deny as such (IAM User
    /// Guide, Troubleshoot access denied error messages).
    pub(crate) fn from_error(code: Option<&str>, words: String) -> Self {
        match code {
            Some("InvalidInstanceId" | "InvalidInstanceID.NotFound" | "DryRunOperation") => Self::Permitted,
            Some("UnauthorizedOperation" | "AccessDeniedException" | "AccessDenied")
                if words.contains(":instance/") && !words.contains("explicit deny") =>
            {
                Self::Undecided(words)
            }
            _ => Self::Refused(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_because_of_a_hosts_tag_is_not_a_missing_permission() {
        let words = |resource: &str| format!("AccessDenied: not authorized to perform: x:Y on resource: {resource}");
        let of = |code, resource: &str| WithoutHost::from_error(Some(code), words(resource));
        let host = "arn:aws:ec2:us-east-1:1:instance/i-00000000000000000";
        assert_eq!(of("InvalidInstanceID.NotFound", host), WithoutHost::Permitted);
        assert!(matches!(of("UnauthorizedOperation", host), WithoutHost::Undecided(_)));
        let document = "arn:aws:ssm:us-east-1::document/AWS-RunShellScript";
        assert!(matches!(of("AccessDeniedException", document), WithoutHost::Refused(_)));
        let denied = format!("{host} with an explicit deny in a service control policy");
        assert!(matches!(of("UnauthorizedOperation", &denied), WithoutHost::Refused(_)));
        assert!(matches!(of("ThrottlingException", host), WithoutHost::Refused(_)));
    }
}
