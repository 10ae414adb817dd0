//! One WebSocket, from the upgrade to its close.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};

use super::{
    hub::{Joined, Sample},
    message::{Notice, Request, text},
    other::{self, News, Others},
};
use crate::{app::Shared, auth::Session, net::Place, stop::Stop};

/// The close code for a token that is not, or no longer, good.
const NOT_LOGGED_IN: u16 = 4001;

/// How often the server asks whether the client is still there.
const PING_EVERY: Duration = Duration::from_secs(20);

/// A client that says nothing for so long, not even the answer to a ping, is gone.
const SILENT_FOR: Duration = Duration::from_secs(50);

/// How long the client may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why a socket ends.
enum End {
    /// The client left, or does not read.
    Gone,
    /// It is told this code and reason.
    Close(u16, &'static str),
}

const LOGGED_OUT: End = End::Close(NOT_LOGGED_IN, "the login is missing, wrong or has ended");
const STOPPING: End = End::Close(close_code::AWAY, "the server is stopping");
const NOT_UNDERSTOOD: End =
    End::Close(close_code::UNSUPPORTED, "only {\"type\":\"ping\"} is understood");

/// Closes a socket whose token is not good; it is a connection until then.
pub(crate) async fn refuse(socket: WebSocket, place: Option<Arc<Place>>) {
    goodbye(socket, LOGGED_OUT).await;
    drop(place);
}

/// The host that a client watches.
pub(crate) enum Watched {
    /// The one that this daemon runs on.
    Own,
    /// One that others write of.
    Other(String),
}

/// Where its news come from.
enum Source {
    Own(watch::Receiver<Option<Arc<Sample>>>),
    Other(other::Receiver),
}

impl Source {
    fn of(watched: &Watched, app: &Shared) -> Self {
        match watched {
            Watched::Own => Self::Own(app.live.samples()),
            Watched::Other(host) => Self::Other(Others::watch(app, host)),
        }
    }

    /// Waits for news; nothing will come any more where there is an error.
    async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        match self {
            Self::Own(samples) => samples.changed().await,
            Self::Other(news) => news.changed().await,
        }
    }

    fn news(&mut self, app: &Shared) -> Option<News> {
        match self {
            Self::Own(samples) => {
                let sample = samples.borrow_and_update().clone()?;
                let metrics = Some(app.live.message(&sample));
                Some(News { ticks: sample.ticks, metrics, notice: None })
            }
            Self::Other(news) => news.borrow_and_update().as_deref().cloned(),
        }
    }
}

/// A client that receives every tick.
pub(crate) struct Live {
    app: Shared,
    session: Session,
    stop: Stop,
    watched: Watched,
    last_tick: Option<u64>,
    last_notice: Option<Utf8Bytes>,
    heard: Instant,
    _joined: Joined,
    /// The connection's place: an upgraded one still is a connection.
    _place: Option<Arc<Place>>,
}

impl Live {
    pub(crate) fn new(
        app: Shared,
        session: Session,
        watched: Watched,
        joined: Joined,
        place: Option<Arc<Place>>,
    ) -> Self {
        let (stop, heard) = (app.stop.clone(), Instant::now());
        let (last_tick, last_notice) = (None, None);
        let (_joined, _place) = (joined, place);
        Self { app, session, stop, watched, last_tick, last_notice, heard, _joined, _place }
    }

    /// Talks until one of both ends it.
    pub(crate) async fn run(mut self, mut socket: WebSocket) {
        let end = match self.talk(&mut socket).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        goodbye(socket, end).await;
    }

    async fn talk(&mut self, socket: &mut WebSocket) -> Result<std::convert::Infallible, End> {
        let mut source = Source::of(&self.watched, &self.app);
        let mut ended = self.app.sessions.ended();
        let stop = self.stop.clone();
        let session_end = Instant::now() + self.session.rest();
        let mut pings = interval(PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.reset();
        loop {
            tokio::select! {
                () = stop.given() => return Err(STOPPING),
                () = sleep_until(session_end) => return Err(LOGGED_OUT),
                _ = ended.changed() => self.confirm().await?,
                changed = source.changed() => {
                    changed.map_err(|_| STOPPING)?;
                    if let Some(news) = source.news(&self.app) {
                        self.pass_on(socket, news).await?;
                    }
                }
                received = socket.recv() => {
                    let received = received.and_then(Result::ok).ok_or(End::Gone)?;
                    self.answer(socket, &received).await?;
                }
                _ = pings.tick() => {
                    self.confirm().await?;
                    if self.heard.elapsed() > SILENT_FOR {
                        return Err(End::Gone);
                    }
                    self.send(socket, Message::Ping(bytes::Bytes::new())).await?;
                }
            }
        }
    }

    /// Ends the socket of a session that has ended. A store that does not say so ends none: it is
    /// asked again at the next ping.
    async fn confirm(&self) -> Result<(), End> {
        match self.app.sessions.confirm(&self.session).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_final() => Err(LOGGED_OUT),
            Err(error) => {
                self.app.outage.missed(&error);
                Ok(())
            }
        }
    }

    /// Sends a tick's message, and before it how many were lost since the last; then how the host
    /// is doing, if that is new.
    async fn pass_on(&mut self, socket: &mut WebSocket, news: News) -> Result<(), End> {
        let News { ticks, metrics, notice } = news;
        if let Some(metrics) = metrics.filter(|_| self.last_tick != Some(ticks)) {
            let lost = self.last_tick.map_or(0, |last| ticks.saturating_sub(last + 1));
            self.last_tick = Some(ticks);
            if lost > 0 {
                self.app.live.skip(lost);
                self.say(socket, text(&Notice::Skipped { count: lost })).await?;
            }
            self.say(socket, metrics).await?;
        }
        if notice != self.last_notice {
            self.last_notice.clone_from(&notice);
            if let Some(notice) = notice {
                self.say(socket, notice).await?;
            }
        }
        Ok(())
    }

    async fn answer(&mut self, socket: &mut WebSocket, received: &Message) -> Result<(), End> {
        self.heard = Instant::now();
        match received {
            Message::Text(said) => match serde_json::from_str(said) {
                Ok(Request::Ping) => self.say(socket, text(&Notice::Pong)).await,
                Err(_) => Err(NOT_UNDERSTOOD),
            },
            Message::Binary(_) => Err(NOT_UNDERSTOOD),
            Message::Close(_) => Err(End::Gone),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    async fn say(&mut self, socket: &mut WebSocket, said: Utf8Bytes) -> Result<(), End> {
        self.send(socket, Message::Text(said)).await
    }

    /// A client that does not read in time is given up; a stop does not wait for it.
    async fn send(&mut self, socket: &mut WebSocket, message: Message) -> Result<(), End> {
        let patience = self.app.config.http.send_timeout;
        tokio::select! {
            sent = timeout(patience, socket.send(message)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(End::Gone),
            },
            () = self.stop.given() => Err(STOPPING),
        }
    }
}

async fn goodbye(mut socket: WebSocket, end: End) {
    let End::Close(code, reason) = end else { return };
    let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    // Closing the connection before the client answered could lose the code on its way.
    let closed = async {
        if socket.send(close).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    let _ = timeout(GOODBYE, closed).await;
}
