//! The live view of another host: what the store has of it, as soon as it has it.
//!
//! One task per host asks the store while somebody watches, and all who watch share what it finds.
//! It asks when the next frame is due, a little too early, and then in short pauses until the frame
//! is there: what is shown is as old as the way through the store, not an interval older. That a
//! host is silent, or the store away, is said as well.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use perfwatch_store::StoreError;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    message::{Notice, Told, text},
    stored::StoredFrame,
};
use crate::{
    app::Shared,
    hosts::{State, TOLERANCE_MS},
    time,
};

/// What a host is asked for that has not registered and has too few frames to tell.
const USUAL_INTERVAL_MS: u64 = 5000;

/// While a frame is due, the pause between two looks is this part of the host's interval.
const PARTS: u32 = 8;

/// After so many looks in vain a host is late, and is looked at once per interval.
const PATIENCE: u32 = 2 * PARTS;

/// A host is looked at so often at least, however rarely it is sampled.
const RAREST: Duration = Duration::from_secs(60);

/// How often it is asked whether a host is there.
const NOT_THERE: Duration = Duration::from_secs(1);

/// How often it is asked whether the host is sampled in another interval now.
const RENEWAL: Duration = Duration::from_secs(60);

/// How far before its last frame others are looked for, to tell the interval.
const SPAN_MS: i64 = 60_000;

/// The newest of a host.
#[derive(Clone, Default)]
pub(super) struct News {
    /// How many frames there were so far.
    pub(super) ticks: u64,
    /// The newest frame.
    pub(super) metrics: Option<Utf8Bytes>,
    /// How the host is doing, once there was something to tell.
    pub(super) notice: Option<Utf8Bytes>,
}

type Sender = Arc<watch::Sender<Option<Arc<News>>>>;
pub(super) type Receiver = watch::Receiver<Option<Arc<News>>>;

/// The hosts that somebody watches.
#[derive(Default)]
pub(crate) struct Others(Mutex<HashMap<String, Sender>>);

impl Others {
    fn senders(&self) -> MutexGuard<'_, HashMap<String, Sender>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins those who watch a host; the first one makes somebody look.
    pub(super) fn watch(app: &Shared, host: &str) -> Receiver {
        let mut senders = app.others.senders();
        if let Some(sender) = senders.get(host) {
            let mut news = sender.subscribe();
            news.mark_changed();
            return news;
        }
        let (sender, news) = watch::channel(None);
        let sender = Arc::new(sender);
        senders.insert(host.to_owned(), Arc::clone(&sender));
        tokio::spawn(follow(Shared::clone(app), host.to_owned(), sender));
        news
    }

    /// Ends the looking if nobody watches any more.
    fn leave(&self, host: &str, sender: &Sender) -> bool {
        let mut senders = self.senders();
        let is_over = sender.receiver_count() == 0;
        if is_over {
            senders.remove(host);
        }
        is_over
    }
}

/// Looks until nobody watches.
async fn follow(app: Shared, host: String, sender: Sender) {
    let mut look = Look::new(host);
    loop {
        let begun = Instant::now();
        if look.again(&app).await {
            sender.send_replace(Some(Arc::new(look.news.clone())));
        }
        let earliest = Instant::now() + perfwatch_collect::MIN_INTERVAL;
        tokio::select! {
            () = sleep_until(earliest.max(begun + look.pause())) => {}
            () = app.stop.given() => return,
            () = sender.closed() => {
                if app.others.leave(&look.host, &sender) {
                    return;
                }
            }
        }
    }
}

/// What is known of a host that is watched.
struct Look {
    host: String,
    interval_ms: u64,
    /// The interval that it registered with.
    registered_ms: Option<u64>,
    /// When the interval was asked for.
    renewed: Option<Instant>,
    /// The time of its newest frame.
    last_ms: Option<i64>,
    /// How often it was looked at since without finding a newer one.
    vain: u32,
    news: News,
    /// What was told last.
    told: Told,
}

impl Look {
    fn new(host: String) -> Self {
        let news = News::default();
        let (interval_ms, told) = (USUAL_INTERVAL_MS, Told::Seen(State::Live));
        let (registered_ms, renewed, last_ms, vain) = (None, None, None, 0);
        Self { host, interval_ms, registered_ms, renewed, last_ms, vain, news, told }
    }

    fn pause(&self) -> Duration {
        if self.last_ms.is_none() {
            return NOT_THERE;
        }
        let interval = Duration::from_millis(self.interval_ms);
        let part = interval / PARTS;
        let pause = match self.vain {
            0 => interval - part,
            1..=PATIENCE => part,
            _ => interval,
        };
        pause.min(RAREST)
    }

    /// Asks the store, and says whether there is news.
    async fn again(&mut self, app: &Shared) -> bool {
        // Where too many ask already, the next look will do.
        let Ok(_pass) = app.queries.enter().await else { return false };
        let before = self.news.ticks;
        self.vain = self.vain.saturating_add(1);
        let (state, detail) = match self.ask(app).await {
            Ok(()) => self.state(),
            Err(error) => {
                tracing::debug!(%error, "the store did not say how another host is");
                (
                    Told::Seen(State::Away),
                    "the store does not answer; this is tried again".to_owned(),
                )
            }
        };
        let is_told = state == self.told;
        if !is_told {
            self.told = state;
            let host = &*self.host;
            let last_seen = self.last_ms.map(time::rfc3339);
            self.news.notice = Some(text(&Notice::Host { host, state, detail, last_seen }));
        }
        self.news.ticks > before || !is_told
    }

    async fn ask(&mut self, app: &Shared) -> Result<(), StoreError> {
        let mut seen_ms = None;
        if self.last_ms.is_none() || self.renewed.is_none_or(|at| at.elapsed() > RENEWAL) {
            let Some(info) = app.hosts.find(&self.host).await? else { return Ok(()) };
            self.renewed = Some(Instant::now());
            self.registered_ms = info.interval_ms;
            self.interval_ms = info.interval_ms.unwrap_or(self.interval_ms);
            // Its clock may have been ahead, and be right again.
            self.last_ms = self.last_ms.filter(|last| *last <= info.last_seen_ms + TOLERANCE_MS);
            seen_ms = Some(info.last_seen_ms);
        }
        let behind_last = self.last_ms.map(|last| last + 1);
        let Some(from) = behind_last.or(seen_ms.map(|seen| seen - SPAN_MS)) else { return Ok(()) };
        let until = time::now_ms().max(from + SPAN_MS) + TOLERANCE_MS;
        let frame = StoredFrame::newest(&*app.store, &self.host, from..until).await?;
        let Some(frame) = frame else { return Ok(()) };
        if self.last_ms.is_none() && self.registered_ms.is_none() {
            self.interval_ms = frame.resolution_ms().unwrap_or(self.interval_ms);
        }
        self.last_ms = Some(frame.timestamp_ms());
        self.vain = 0;
        self.news.ticks += 1;
        self.news.metrics = Some(frame.message(&self.host, self.interval_ms));
        Ok(())
    }

    /// How the host is doing, as in `/api/hosts`, for programs and for people.
    fn state(&self) -> (Told, String) {
        let Some(last_ms) = self.last_ms else {
            return (Told::Unknown, "no host of this name is in the store".to_owned());
        };
        let state = State::at(last_ms, self.registered_ms, time::now_ms());
        let detail = match state {
            State::Live => "it sends again".to_owned(),
            _ => format!("it has sent nothing since {}", time::rfc3339(last_ms)),
        };
        (Told::Seen(state), detail)
    }
}
