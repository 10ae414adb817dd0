//! The hosts that are read: this one, and a copied tree of a large one.

use anyhow::{Context, Result};
use perfwatch_collect::Roots;

use crate::SyntheticHost;

/// CPUs of the large host.
const LARGE: u32 = 128;

/// A host with its name in tables of figures.
pub struct Host {
    /// The name.
    pub name: String,
    /// Where its files are.
    pub roots: Roots,
    /// Keeps a copied tree until the end.
    _tree: Option<SyntheticHost>,
}

/// This host and a made one with 128 CPUs.
///
/// # Errors
/// If the tree cannot be written.
pub fn hosts() -> Result<[Host; 2]> {
    let tree = SyntheticHost::new(LARGE).context("cannot write the tree of the large host")?;
    let live = Host { name: "live".to_owned(), roots: Roots::default(), _tree: None };
    let roots = tree.roots();
    Ok([live, Host { name: format!("{LARGE} CPUs"), roots, _tree: Some(tree) }])
}
