//! The daemon as a whole: what it opens, what it starts, and in which order it stops.

use std::{
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::Router;
use perfwatch_collect::{MetricsAggregator, Sampler, host_facts};
use perfwatch_store::{Opened, Record, WriterCounts};
use tokio::{net::TcpListener, task::JoinSet, time::timeout};

use crate::{
    app::{App, Shared},
    auth::{self, Passwords, Sessions, SigningSecret, Tokens},
    cleanup::Cleanup,
    config::Config,
    first_user::{FirstUser, Show},
    gate::Gate,
    hosts::Hosts,
    identity::{KeptName, identity},
    live::{Hub, Sample},
    net::Acceptor,
    router,
    secret::Secret,
    start_error::StartError,
    stop::{self, Stop, Stopper},
    way::Way,
};

/// How long open requests and sockets may take to end.
const LAST_REQUESTS: Duration = Duration::from_millis(1500);

/// How long the sampler may take to end its tick.
const LAST_TICK: Duration = Duration::from_millis(500);

/// How long the last frames may take to reach the store.
const LAST_FRAMES: Duration = Duration::from_secs(3);

/// How long the store may take to close.
const LAST_WORD: Duration = Duration::from_millis(500);

/// Questions that the store answers at once, and how many more may wait.
const QUERIES: usize = 4;
const WAITING_QUERIES: usize = 32;

/// A daemon that has opened its store and does not serve yet.
///
/// At the first start without a configured password there is no user: show
/// [`Self::first_password`], then call [`Self::make_first_user`]. The password is kept nowhere, so
/// a user made before somebody has seen it could never log in. Where the store is away nobody knows
/// whether there is a user: say by [`Self::show_later`] how to show a password once it is there.
pub struct Daemon {
    app: Shared,
    aggregator: MetricsAggregator,
    stop: Stopper,
    first_user: FirstUser,
    show: Option<Show>,
}

impl Daemon {
    /// Opens the store. If there is no user, makes the first one with the configured password.
    ///
    /// # Errors
    /// [`StartError`] with what is in the way.
    pub async fn open(config: Config) -> Result<Self, StartError> {
        let (store, accounts) = (config.store.url.expose(), config.store.accounts_url());
        let opened = perfwatch_store::open_with_accounts(store, accounts).await?;
        Self::on(config, opened).await
    }

    /// The same on a store that is open already.
    ///
    /// # Errors
    /// [`StartError`] with what is in the way.
    pub async fn on(config: Config, opened: Opened) -> Result<Self, StartError> {
        let directory = config.store.directory();
        let secret = match &directory {
            Some(directory) => auth::load_or_create(directory).map_err(StartError::Secret)?,
            None => auth::random_secret(),
        };
        let first_user = FirstUser::find(opened.accounts.as_ref(), &config.auth).await?;
        let (stop, stopped) = stop::stop();
        let aggregator = MetricsAggregator::new(&config.sampling.roots);
        let app = app(config, opened, (&secret, directory.as_deref()), &aggregator, stopped)?;
        Ok(Self { app: Arc::new(app), aggregator, stop, first_user, show: None })
    }

    /// The random password that the first user will have, if there is none yet.
    pub fn first_password(&self) -> Option<&Secret> {
        self.first_user.password()
    }

    /// Says how to show the first user's password where the store was away until now. The user is
    /// made once it was shown without an error.
    pub fn show_later(
        &mut self,
        show: impl Fn(&Secret) -> std::io::Result<()> + Send + Sync + 'static,
    ) {
        self.show = Some(Box::new(show));
    }

    /// Makes the first user with [`Self::first_password`], which somebody must have seen by now.
    /// Without such a password there is nothing to do.
    ///
    /// # Errors
    /// [`StartError`] if the password cannot be hashed or stored; it is kept for another try.
    pub async fn make_first_user(&mut self) -> Result<(), StartError> {
        self.first_user.make(self.app.accounts.as_ref()).await
    }

    /// The routes, for a caller that brings its own connections.
    pub fn router(&self) -> Router {
        router::router(Arc::clone(&self.app))
    }

    /// Watches the host and answers on the listener until `shutdown` ends, then stores the last
    /// frames and stops, within 5 seconds.
    ///
    /// # Errors
    /// [`StartError::Sampler`] if the system gives no thread.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), StartError> {
        let acceptor = Acceptor::new(self.router(), &self.app.config.http, self.app.stop.clone());
        let Self { app, aggregator, stop, first_user, show } = self;
        if first_user.password().is_some() {
            tracing::warn!("nobody can log in: there is no user yet, and no password was shown");
        }
        let sampler = start_sampler(&app, aggregator)?;
        let mut tasks = JoinSet::new();
        if first_user.is_unknown() {
            let (accounts, auth) = (Arc::clone(&app.accounts), app.config.auth.clone());
            tasks.spawn(async move { FirstUser::make_later(accounts, auth, show).await });
        }
        let cleaner = Arc::clone(&app);
        tasks.spawn(async move { cleaner.cleanup.hourly().await });
        let accepting = tokio::spawn(acceptor.run(listener, LAST_REQUESTS));

        shutdown.await;
        tracing::info!("stopping");
        stop.stop();
        let flushed = async {
            let stopped = tokio::task::spawn_blocking(move || sampler.stop());
            // A tick that hangs must not keep the frames before it from the store.
            let _ = timeout(LAST_TICK, stopped).await;
            flush(&app).await;
        };
        // A request that panicked is nothing to wait for.
        let (_, ()) = tokio::join!(accepting, flushed);
        tasks.shutdown().await;
        let _ = timeout(LAST_WORD, app.store.close()).await;
        Ok(())
    }
}

/// Opens everything and serves until `shutdown` ends. It shows no password, so at the first start
/// nobody can log in unless one is configured; see [`Daemon`].
///
/// # Errors
/// [`StartError`] with what is in the way.
pub async fn serve(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), StartError> {
    Daemon::open(config).await?.serve(listener, shutdown).await
}

fn app(
    config: Config,
    Opened { store, accounts }: Opened,
    (secret, directory): (&SigningSecret, Option<&Path>),
    aggregator: &MetricsAggregator,
    stop: Stop,
) -> Result<App, StartError> {
    let facts = host_facts(&config.sampling.roots);
    let identity = identity(&config.sampling, &facts, directory).map_err(StartError::Secret)?;
    let tokens = Tokens::new(secret, config.auth.token_lifetime);
    let way = Way::open(&config.store, Arc::clone(&store), identity.clone())?;
    let host = Arc::new(KeptName::new(Arc::clone(&identity.name), Arc::clone(&way.writer)));
    Ok(App {
        way,
        sessions: Sessions::new(tokens, Arc::clone(&accounts)),
        passwords: Passwords::new().map_err(StartError::Password)?,
        throttle: auth::Throttle::default(),
        live: Arc::new(Hub::new(Arc::clone(&host), config.sampling.interval)),
        hosts: Hosts::new(Arc::clone(&store), config.sampling.interval),
        queries: Gate::new(QUERIES, WAITING_QUERIES, "too many questions to the store at once"),
        cleanup: Cleanup::new(Arc::clone(&store), Arc::clone(&accounts)),
        others: Default::default(),
        description: LazyLock::new(router::description),
        requests: Default::default(),
        outage: Default::default(),
        tables: aggregator.tables(),
        config,
        facts,
        identity,
        host,
        store,
        accounts,
        stop,
    })
}

/// Each tick goes to the store and to those who watch; neither is waited for.
fn start_sampler(app: &App, aggregator: MetricsAggregator) -> Result<Sampler, StartError> {
    // Under its own name: the writer knows which one the store gave.
    let (live, writer, host) =
        (Arc::clone(&app.live), Arc::clone(&app.way.writer), Arc::clone(&app.identity.name));
    let interval = app.config.sampling.interval;
    let on_tick = move |tick: &perfwatch_collect::Tick<'_>| {
        let sample = Sample::of(tick);
        writer.push(Record::new(Arc::clone(&host), Arc::clone(&sample.view)));
        live.leave(sample);
    };
    Sampler::spawn(aggregator, interval, on_tick).map_err(StartError::Sampler)
}

async fn flush(app: &App) {
    let before = app.way.writer.counts().dropped;
    let after = app.way.writer.shutdown(LAST_FRAMES).await;
    let lost = after.dropped.saturating_sub(before);
    let WriterCounts { expected, stored, waiting, dropped, .. } = after;
    tracing::info!(expected, stored, waiting, dropped, "what became of all frames");
    if lost > 0 {
        tracing::warn!(frames = lost, "the last frames could not be stored");
    }
    if after.waiting > 0 {
        tracing::info!(frames = after.waiting, "frames wait in the spool for the next start");
    }
}
