//! The known name that an unknown one was probably meant to be.

/// How alike two names must be (1 is equal) for the one to be offered for the other.
const ALIKE: f64 = 0.75;

/// The nearest of the known names, if one is near enough to be worth naming.
pub(crate) fn nearest<'a>(
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}
