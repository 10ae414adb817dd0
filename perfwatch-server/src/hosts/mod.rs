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

/// All hosts, as well as they are known.
#[derive(Clone, Default)]
pub(crate) struct Listing {
    /// By name.
    pub(crate) hosts: Arc<Vec<Host>>,
    /// When the store said so, in milliseconds since 1970.
    pub(crate) said_ms: i64,
    /// Whether the store did not answer since.
    pub(crate) is_old: bool,
}

/// What the store said last.
pub(crate) struct Hosts {
    store: Arc<dyn Store>,
    fresh_for: Duration,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    listing: Listing,
    /// Until when it need not be asked again.
    until: Option<Instant>,
}

impl Known {
    fn is_fresh(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
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
        if known.listing.is_old || !known.is_fresh() {
            self.renew(&mut known).await?;
        }
        Ok(Arc::clone(&known.listing.hosts))
    }

    /// All hosts; those that the store named last where it does not answer, and why it does not
    /// where it was asked for that.
    pub(crate) async fn listing(&self) -> (Listing, Option<StoreError>) {
        let mut known = self.known.lock().await;
        let asked = if known.is_fresh() { Ok(()) } else { self.renew(&mut known).await };
        (known.listing.clone(), asked.err())
    }

    /// Asks the store. One that does not answer is left alone for as long as it took to say so.
    async fn renew(&self, known: &mut Known) -> Result<(), StoreError> {
        let begun = Instant::now();
        let said_ms = time::now_ms();
        let asked = ask(&*self.store).await;
        let times = if asked.is_ok() { REST } else { 1 };
        known.until = Some(Instant::now() + self.fresh_for.max(begun.elapsed() * times));
        known.listing.is_old = asked.is_err();
        known.listing = Listing { hosts: Arc::new(asked?), said_ms, is_old: false };
        Ok(())
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
