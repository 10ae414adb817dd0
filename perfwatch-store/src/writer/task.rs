//! The loop that writes what waits.

use std::{slice, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout, timeout_at};

use super::{
    WriterOptions,
    backoff::Backoff,
    blame::Blame,
    disk::Disk,
    doubt::{Doubt, Doubted},
    names::Names,
    queue::{Place, Queue},
    suspect::Suspect,
};
use crate::{HostIdentity, Record, Store, StoreError};

/// While shutting down there is no time for long waits.
const LAST_RETRY: Duration = Duration::from_millis(100);

/// How long a spool that takes nothing is left alone.
const SPOOL_RETRY: Duration = Duration::from_secs(5);

/// What writes.
pub(super) struct Task {
    queue: Arc<Queue>,
    store: Arc<dyn Store>,
    options: WriterOptions,
    disk: Option<Disk>,
    backoff: Backoff,
    suspect: Suspect,
    /// Fewer than the options say where the store did not manage more in time.
    most: usize,
    names: Names,
    blame: Blame,
    doubt: Doubt,
    /// The spool is not tried before.
    spool_from: Instant,
}

/// What is to be done next.
enum Next {
    /// There is nothing to write.
    Rest,
    /// There may be more.
    GoOn,
    /// The store is to be left alone for so long.
    Wait(Duration),
}

/// Why frames were not appended.
enum Failure {
    /// The store does not take any now.
    Store(StoreError),
    /// It does not take one of these.
    Frames(StoreError),
}

impl Task {
    pub(super) fn new(
        queue: Arc<Queue>,
        store: Arc<dyn Store>,
        options: WriterOptions,
        disk: Option<Disk>,
    ) -> Self {
        Self {
            backoff: Backoff::new(options.first_retry, options.longest_retry),
            most: options.batch.max(1),
            suspect: Suspect::default(),
            names: Names::default(),
            blame: Blame::default(),
            doubt: Doubt::default(),
            spool_from: Instant::now(),
            queue,
            store,
            options,
            disk,
        }
    }

    /// Writes until the queue is closed, and what waits is stored, in the spool, or out of time.
    pub(super) async fn run(mut self) {
        loop {
            let ends = self.queue.ends();
            if ends.is_some_and(|ends| Instant::now() >= ends || self.queue.counts().spooled > 0) {
                break;
            }
            self.spool_what_is_due().await;
            match self.step().await {
                Next::Rest if ends.is_some() => break,
                Next::Rest => self.queue.changed().await,
                Next::GoOn => {}
                Next::Wait(_) if ends.is_some() && self.disk.is_some() => break,
                Next::Wait(length) => self.pause(length).await,
            }
        }
        self.spool_all().await;
    }

    /// Writes one batch.
    async fn step(&mut self) -> Next {
        let (from, batch) = match self.batch(self.suspect.most(self.most)).await {
            Ok((_, batch)) if batch.is_empty() => return Next::Rest,
            Ok(batch) => batch,
            Err(error) => return self.failed(&error),
        };
        match self.send(&batch).await {
            Ok(left_out) => {
                self.backoff.reset();
                self.suspect.taken(batch.len());
                self.blame.clear();
                self.doubt.clear();
                self.stored(from, batch.len()).await;
                left_out.iter().for_each(|error| self.queue.left_out(error));
                Next::GoOn
            }
            Err(Failure::Store(error)) => {
                // One that asks for a pause is there, and is what it was.
                if !matches!(error, StoreError::Throttled { .. }) {
                    self.names.doubt();
                }
                self.failed(&error)
            }
            Err(Failure::Frames(error)) => self.refused(from, batch, &error).await,
        }
    }

    /// The oldest records, so many at most: those of the spool first.
    async fn batch(&mut self, most: usize) -> Result<(Place, Vec<Record>), StoreError> {
        let bytes = self.options.batch_bytes;
        let Some(disk) = self.disk.as_ref().filter(|_| self.queue.counts().spooled > 0) else {
            return Ok((Place::Memory, self.queue.begin(most, bytes)));
        };
        loop {
            let (taken, size) = disk.with(move |spool| spool.peek(most, bytes as u64)).await?;
            let taken = taken.map_err(|error| {
                StoreError::unavailable(format!("cannot read the spool: {error}"))
            })?;
            self.queue.damaged(taken.damaged, size);
            if !taken.records.is_empty() {
                return Ok((Place::Spool, taken.records));
            }
            // Behind what was damaged there may be more, before all that is in memory.
            if taken.damaged == 0 {
                return Ok((Place::Memory, self.queue.begin(most, bytes)));
            }
        }
    }

    /// Appends records under the name that the store gave, within the time it has: that ends early
    /// where memory would be full before, which the spool can empty. Says what was left out of them.
    async fn send(&mut self, batch: &[Record]) -> Result<Option<StoreError>, Failure> {
        let (queue, deadline) = (Arc::clone(&self.queue), self.options.deadline);
        let can_spool = self.disk.is_some() && self.spool_from <= Instant::now();
        let sent = async {
            let named = timeout(deadline, self.named(batch)).await;
            let named = named.unwrap_or_else(|_| Err(StoreError::no_answer(deadline)));
            let named = named.map_err(Failure::Store)?;
            let begun = Instant::now();
            let answer = timeout(deadline, self.store.append(&named)).await;
            // Nobody knows what became of those without an answer: they go again, and count once.
            let answer = answer.unwrap_or_else(|_| Err(StoreError::no_answer(deadline)));
            let answer = match answer {
                Err(error @ StoreError::TooManySeries { .. }) => Ok(Some(error)),
                answer => answer.map(|()| None),
            };
            self.adapt(batch.len(), answer.is_ok(), begun.elapsed());
            answer.map_err(failure)
        };
        tokio::select! {
            sent = sent => sent,
            () = queue.ended() => Err(Failure::Store(StoreError::unavailable("it took too long"))),
            () = queue.filled(), if can_spool => {
                self.adapt(batch.len(), false, deadline);
                let reason = "frames come faster than it answers";
                Err(Failure::Store(StoreError::unavailable(reason)))
            }
        }
    }

    /// Finds how many frames the store manages in time: half of what took too long, and more than
    /// what took next to no time. A store may have a deadline of its own, which comes first.
    fn adapt(&mut self, count: usize, is_well: bool, took: Duration) {
        let deadline = self.options.deadline;
        if is_well && took < deadline / 4 {
            self.most = (self.most * 2).min(self.options.batch.max(1));
        } else if !is_well && took > deadline / 2 {
            self.most = (count / 2).max(1);
        }
    }

    /// The records with the names that the store keeps them under.
    async fn named(&mut self, batch: &[Record]) -> Result<Vec<Record>, StoreError> {
        let mut named = Vec::with_capacity(batch.len());
        for record in batch {
            let own = &record.host;
            let host = match (&self.options.identity, self.names.sure(own)) {
                (None, _) => Arc::clone(own),
                (_, Some(host)) => Arc::clone(host),
                // Frames of an earlier name of this host may lie in the spool.
                (Some(identity), None) => {
                    let name = Arc::clone(self.names.last(own).unwrap_or(own));
                    let identity = HostIdentity { name, ..identity.clone() };
                    let host = self.store.register(&identity).await?;
                    if self.names.learn(own, &host) {
                        self.queue.registered(own, &host);
                    }
                    host
                }
            };
            named.push(record.under(host));
        }
        Ok(named)
    }

    async fn stored(&mut self, from: Place, count: usize) {
        let mut bytes = 0;
        if from == Place::Spool
            && let Some(disk) = &self.disk
            && let Ok(((), size)) = disk.with(move |spool| spool.advance(count)).await
        {
            bytes = size;
        }
        self.queue.stored(from, count, bytes);
    }

    fn failed(&mut self, error: &StoreError) -> Next {
        self.queue.failed(error);
        Next::Wait(self.backoff.after(error))
    }

    /// One record may spoil a batch: it is looked for by halves, and given up once it is alone. Where
    /// one after another is alone, it may be the store, which is left alone then.
    async fn refused(&mut self, from: Place, batch: Vec<Record>, error: &StoreError) -> Next {
        if let ([record], StoreError::Backend(_)) = (batch.as_slice(), error) {
            match self.doubt.refused(record) {
                Doubted::Alone => {}
                Doubted::Again if self.takes_another().await => {
                    self.doubt.took_another();
                    return Next::GoOn;
                }
                _ => return self.failed(error),
            }
        }
        if batch.len() == 1 && !self.blame.is_on_frame(error) {
            self.queue.suspects(self.blame.verdict(error));
            return Next::Wait(self.backoff.after(error));
        }
        self.queue.refused(error);
        if !self.suspect.refused(batch.len()) {
            return Next::GoOn;
        }
        let mut bytes = 0;
        match (&self.disk, batch.into_iter().next()) {
            (Some(disk), Some(record)) => {
                let aside = disk.set_aside(record, error.to_string(), from == Place::Spool);
                bytes = aside.await.unwrap_or_default();
            }
            _ => tracing::warn!(%error, "the store refused a frame, which is dropped"),
        }
        self.queue.set_aside(from, bytes);
        Next::GoOn
    }

    /// Whether the store takes another frame than the oldest, if there is one. It stays where it is,
    /// and goes again: it counts once.
    async fn takes_another(&mut self) -> bool {
        let Ok((_, batch)) = self.batch(self.most.max(2)).await else { return false };
        match batch.as_slice() {
            [_, .., other] => self.send(slice::from_ref(other)).await.is_ok(),
            _ => false,
        }
    }

    /// Waits, while what is due goes to the spool; a closing queue cuts it short, a push does not.
    async fn pause(&mut self, length: Duration) {
        let until = Instant::now() + length;
        while self.queue.ends().is_none() && Instant::now() < until {
            self.spool_what_is_due().await;
            let due = self.due().map_or(until, |due| due.min(until));
            let _ = timeout_at(due, self.queue.changed()).await;
        }
        if self.queue.ends().is_some() {
            tokio::time::sleep(LAST_RETRY.min(length)).await;
        }
    }

    /// When something must go to the spool.
    fn due(&self) -> Option<Instant> {
        self.disk.as_ref()?;
        Some(self.queue.due(self.options.spool_after)?.max(self.spool_from))
    }

    async fn spool_what_is_due(&mut self) {
        if self.due().is_some_and(|due| due <= Instant::now()) {
            self.spool_all().await;
        }
    }

    /// Brings all that waits in memory to the spool.
    async fn spool_all(&mut self) {
        while let Some(disk) = &self.disk {
            let records = self.queue.begin_spooling();
            if records.is_empty() {
                return;
            }
            let Ok((done, bytes)) = disk.with(move |spool| spool.append(&records)).await else {
                return self.queue.release();
            };
            self.queue.spooled(done.taken, done.dropped, bytes);
            let trouble = done.error.map(|error| error.to_string());
            let is_troubled = trouble.is_some();
            self.queue.spool_trouble(trouble);
            if is_troubled {
                self.spool_from = Instant::now() + SPOOL_RETRY;
                return;
            }
        }
    }
}

/// Whose fault it is.
fn failure(error: StoreError) -> Failure {
    // What has no name may be either's.
    match error.is_of_a_frame() || matches!(error, StoreError::Backend(_)) {
        true => Failure::Frames(error),
        false => Failure::Store(error),
    }
}
