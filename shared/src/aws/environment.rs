//! What the template and Lambda tell a function, by its environment.

/// A variable that must be there is not.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not set in the environment of this function")]
pub struct Missing(&'static str);

/// A variable that must be there.
///
/// # Errors
/// It is not there, or empty.
pub fn required(name: &'static str) -> Result<String, Missing> {
    optional(name).ok_or(Missing(name))
}

/// A variable that may be empty, as an unused parameter of the template is.
#[must_use]
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
