//! What the environment says.

/// A variable; one that is empty is not there.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
