//! Environment variables, which the template and Lambda set for a function.

/// Error for a required variable that is not set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not set in the environment of this function")]
pub struct Missing(&'static str);

/// Reads a required variable.
///
/// # Errors
/// The variable is not set, or empty.
pub fn required_variable(name: &'static str) -> Result<String, Missing> {
    optional_variable(name).ok_or(Missing(name))
}

/// Reads a variable that may be empty, as an unused parameter of the template is.
#[must_use]
pub fn optional_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
