//! The accept loop.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::{Place, places::Places};
use crate::{config::HttpConfig, stop::Stop};

/// What the kernel may hold for a client that does not read. Some live messages fit; more would
/// only be old when read.
const SEND_BUFFER: usize = 128 * 1024;

/// How long to wait after the kernel had no descriptor for a new connection.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Accepts connections and answers their requests with a router.
pub(crate) struct Acceptor {
    router: Router,
    http: http1::Builder,
    send_timeout: Duration,
    places: Places,
    stop: Stop,
}

impl Acceptor {
    pub(crate) fn new(router: Router, config: &HttpConfig, stop: Stop) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(config.header_timeout);
        let places = Places::new(config.max_connections, config.max_connections_per_address);
        Self { router, http, send_timeout: config.send_timeout, places, stop }
    }

    /// Accepts until told to stop, then waits for the connections to end, but not longer than
    /// `patience`.
    pub(crate) async fn run(self, listener: TcpListener, patience: Duration) {
        loop {
            tokio::select! {
                () = self.stop.given() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.start(stream, peer),
                    Err(error) => refused(&error).await,
                },
            }
        }
        drop(listener);
        self.places.all_free(patience).await;
    }

    fn start(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(place) = self.places.take(peer.ip()) else {
            tracing::debug!(%peer, "connection refused: too many");
            return;
        };
        if let Err(error) = set_options(&stream, self.send_timeout) {
            tracing::debug!(%peer, %error, "connection lost at once");
            return;
        }
        tokio::spawn(self.connection(stream, peer, Arc::new(place)));
    }

    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Arc<Place>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (http, router, stop) = (self.http.clone(), self.router.clone(), self.stop.clone());
        async move {
            let held = Arc::clone(&place);
            let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
                let mut request: Request = request.map(axum::body::Body::new);
                request.extensions_mut().insert(peer);
                request.extensions_mut().insert(Arc::clone(&held));
                router.clone().oneshot(request)
            });
            let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.given() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "connection ended");
            }
            drop(place);
        }
    }
}

/// A peer that vanishes, or stops reading, is given up by the kernel after the send timeout.
fn set_options(stream: &TcpStream, send_timeout: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_tcp_user_timeout(Some(send_timeout))
}

async fn refused(error: &io::Error) {
    // A client that left before it was accepted is nobody's fault.
    if !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    ) {
        tracing::warn!(%error, "cannot accept connections");
        tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
    }
}
