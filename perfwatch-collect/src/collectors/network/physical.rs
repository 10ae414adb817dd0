//! Which interfaces are devices of their own.

use std::{collections::HashMap, fs, path::PathBuf, time::Duration};

use perfwatch_core::Block;

use super::interfaces;
use crate::{Roots, clock};

/// What is not known of any interface is asked again this often.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// Which interfaces are devices of their own, asked once per interface at its first sight: a
/// total that leaves a new interface out, even for seconds, would be wrong.
pub(super) struct PhysicalLinks {
    folder: PathBuf,
    /// In the order of `/proc/net/dev`, so that a row is mostly found at its own place.
    known: Vec<(String, Option<bool>)>,
    ask_at_ns: u64,
}

impl PhysicalLinks {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { folder: roots.sys("class/net"), known: Vec::new(), ask_at_ns: 0 }
    }

    /// Writes `physical` into every row of which it is known.
    pub(super) fn mark(&mut self, block: &mut Block) {
        let rows = block.keys().len();
        let same = self.known.len() == rows
            && self.known.iter().zip(block.keys().iter()).all(|((name, _), key)| name == key);
        if !same || self.is_due() {
            self.follow(block);
        }
        for (row, (_, physical)) in self.known.iter().enumerate() {
            if let Some(physical) = physical {
                block.row_mut(row).set_flag(interfaces::physical, *physical);
            }
        }
    }

    /// Whether `/sys` knows none of the interfaces: it is another host's, or not there.
    pub(super) fn nothing_known(&self) -> bool {
        self.known.iter().all(|(_, physical)| physical.is_none())
    }

    fn is_due(&self) -> bool {
        self.known.iter().any(|(_, physical)| physical.is_none())
            && clock::monotonic_ns() >= self.ask_at_ns
    }

    /// Takes over what is known of the names that are still there and asks for the others.
    fn follow(&mut self, block: &Block) {
        let mut before: HashMap<String, Option<bool>> = self.known.drain(..).collect();
        let names: Vec<String> = block.keys().iter().map(str::to_owned).collect();
        for name in names {
            let physical = before.remove(&name).flatten().or_else(|| self.ask(&name));
            self.known.push((name, physical));
        }
        self.ask_at_ns = clock::monotonic_ns().saturating_add(ASK_AGAIN.as_nanos() as u64);
    }

    /// A device of its own links to a bus; bridges, bonds, VLANs and `lo` to `devices/virtual`.
    fn ask(&self, name: &str) -> Option<bool> {
        let target = fs::read_link(self.folder.join(name)).ok()?;
        Some(!target.to_string_lossy().contains("/virtual/"))
    }
}
