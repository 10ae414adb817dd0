//! All hosts of the store: who they are, whether they still send, and their vital signs.
//!
//! What the store says is asked at most once per interval, whoever asks here; how old it is and
//! what this host measures itself is looked at each time.

mod ahead;
mod state;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use perfwatch_collect::VITALS;
use perfwatch_core::{View, series::Pattern};
use perfwatch_store::{HostInfo, Store, StoreError};
use tokio::sync::Mutex;

pub(crate) use ahead::TOLERANCE_MS;
pub(crate) use state::{State, newest_span_ms, trouble};

use crate::time;

/// What the store says is believed for so long, however long the interval is.
const LONGEST: Duration = Duration::from_secs(10);

/// A store that is slow to answer is asked less often: it has other work to do.
const REST: u32 = 4;

/// A host and its vital signs, one per path of [`VITALS`].
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) info: HostInfo,
    pub(crate) vitals: Vec<Option<f64>>,
}

/// What the store said last.
pub(crate) struct Hosts {
    store: Arc<dyn Store>,
    fresh_for: Duration,
    /// What it said, and until when that is believed.
    known: Mutex<Option<(Instant, Arc<Vec<Host>>)>>,
}

impl Hosts {
    /// `interval` is how often this daemon writes itself.
    pub(crate) fn new(store: Arc<dyn Store>, interval: Duration) -> Self {
        Self { store, fresh_for: interval.min(LONGEST), known: Mutex::default() }
    }

    /// All hosts by name. Who comes while they are asked for waits for the same answer.
    ///
    /// # Errors
    /// What the store said.
    pub(crate) async fn all(&self) -> Result<Arc<Vec<Host>>, StoreError> {
        let mut known = self.known.lock().await;
        let begun = Instant::now();
        if let Some((until, hosts)) = &*known
            && begun < *until
        {
            return Ok(Arc::clone(hosts));
        }
        let hosts = Arc::new(ask(&*self.store).await?);
        let rest = self.fresh_for.max(begun.elapsed() * REST);
        *known = Some((Instant::now() + rest, Arc::clone(&hosts)));
        Ok(hosts)
    }

    /// One host; nothing if the store holds none of this name.
    ///
    /// # Errors
    /// What the store said.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<HostInfo>, StoreError> {
        let hosts = self.all().await?;
        let at = hosts.binary_search_by(|host| host.info.name.as_str().cmp(name)).ok();
        Ok(at.and_then(|at| hosts.get(at)).map(|host| host.info.clone()))
    }
}

async fn ask(store: &dyn Store) -> Result<Vec<Host>, StoreError> {
    let now_ms = time::now_ms();
    let mut infos = store.hosts().await?;
    infos.sort_by(|a, b| a.name.cmp(&b.name));
    // Of hosts that send no more there is nothing to show.
    let since_ms = infos
        .iter()
        .filter(|host| State::of(host, now_ms) != State::Gone)
        .map(|host| host.last_seen_ms - newest_span_ms(host))
        .min();
    let patterns = patterns();
    let mut newest = match since_ms {
        Some(since_ms) => store.newest(&patterns, since_ms).await?,
        None => Vec::new(),
    };
    newest.sort_by(|a, b| a.host.cmp(&b.host));
    let hosts = infos.into_iter().map(|info| {
        let at = newest.binary_search_by(|host| host.host.cmp(&info.name)).ok();
        let values = at.and_then(|at| newest.get(at)).map_or(&[][..], |host| &host.values);
        let value = |path: &&str| values.iter().find(|value| value.path == **path);
        let vitals = VITALS.iter().map(|path| value(path).map(|value| value.value)).collect();
        Host { info, vitals }
    });
    let mut hosts: Vec<Host> = hosts.collect();
    ahead::look_back(store, &mut hosts, &patterns, now_ms).await?;
    Ok(hosts)
}

fn patterns() -> Vec<Pattern> {
    VITALS.iter().filter_map(|path| Pattern::parse(path).ok()).collect()
}

/// The vital signs in what this host measures itself.
pub(crate) fn vitals_of(view: &View) -> Vec<Option<f64>> {
    VITALS.iter().map(|path| value_at(view, &path.split('.').collect::<Vec<_>>())).collect()
}

/// The value at a path: of a table about the host, or of one with rows.
fn value_at(view: &View, segments: &[&str]) -> Option<f64> {
    let (column, place) = segments.split_last()?;
    let (row, table) = place.split_last()?;
    let whole = view.block(&place.join(".")).and_then(|block| block.get("", column));
    let in_row = || view.block(&table.join(".")).and_then(|block| block.get(row, column));
    whole.or_else(in_row)?.get()
}
