//! The names that the store keeps frames under.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;

/// After this a name is claimed again: tables that were put back between two frames say nothing.
const SURE: Duration = Duration::from_secs(3600);

/// The names that the store gave, by the names that frames have here.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<Arc<str>, Given>);

#[derive(Debug)]
struct Given {
    name: Arc<str>,
    /// Not later than this the store is asked again.
    until: Instant,
}

impl Names {
    /// The name that the store gave, as long as nothing speaks against it.
    pub(super) fn sure(&self, own: &str) -> Option<&Arc<str>> {
        let given = self.0.get(own).filter(|given| Instant::now() < given.until)?;
        Some(&given.name)
    }

    /// The name that the store gave last, which is the one to ask for again: so the frames of a
    /// host stay together, whoever is the first to claim its own name.
    pub(super) fn last(&self, own: &str) -> Option<&Arc<str>> {
        Some(&self.0.get(own)?.name)
    }

    /// The store gave this name; says whether that is news.
    pub(super) fn learn(&mut self, own: &Arc<str>, name: &Arc<str>) -> bool {
        let given = Given { name: Arc::clone(name), until: Instant::now() + SURE };
        let before = self.0.insert(Arc::clone(own), given);
        before.is_none_or(|before| before.name != *name)
    }

    /// The store was away, or lost something: it may be another one now, or an older state of it.
    pub(super) fn doubt(&mut self) {
        let now = Instant::now();
        self.0.values_mut().for_each(|given| given.until = now);
    }
}
