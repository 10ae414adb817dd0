//! The accept loop.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::{
    Place,
    answer::{Deadline, Flushed},
    places::Places,
};
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
    response_timeout: Duration,
    places: Places,
    stop: Stop,
}

impl Acceptor {
    pub(crate) fn new(router: Router, config: &HttpConfig, stop: Stop) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(config.header_timeout);
        let places = Places::new(config.max_connections, config.max_connections_per_address);
        let (send_timeout, response_timeout) = (config.send_timeout, config.response_timeout);
        Self { router, http, send_timeout, response_timeout, places, stop }
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
        let deadline = Deadline::new(self.response_timeout);
        async move {
            let (held, answers) = (Arc::clone(&place), deadline.clone());
            let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
                let mut request: Request = request.map(axum::body::Body::new);
                request.extensions_mut().insert(peer);
                request.extensions_mut().insert(Arc::clone(&held));
                let (answer, answers) = (router.clone().oneshot(request), answers.clone());
                async move { answer.await.map(|answer| answer.map(|body| answers.watch(body))) }
            });
            let stream = TokioIo::new(Flushed::new(stream, deadline.clone()));
            let connection = http.serve_connection(stream, service).with_upgrades();
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.given() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                () = deadline.missed() => {
                    tracing::debug!(%peer, "connection closed: it takes its answer too slowly");
                    Ok(())
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpSocket,
        time::{sleep, timeout},
    };

    use super::*;
    use crate::{config::Config, stop};

    const LARGE: usize = 8 * 1024 * 1024;
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    /// A client of a server whose one answer is large. Its own buffer is small.
    async fn client(config: &HttpConfig) -> (TcpStream, stop::Stopper) {
        let (stopper, stop) = stop::stop();
        let router = Router::new().route("/", get(async || vec![b'x'; LARGE]));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(Acceptor::new(router, config, stop).run(listener, Duration::ZERO));
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        (stream, stopper)
    }

    /// Reads a little now and then: how much until the end, and when that came.
    async fn trickle(mut stream: TcpStream, pause: Duration) -> (usize, Duration) {
        let (start, mut all, mut little) = (Instant::now(), 0, vec![0; 16 * 1024]);
        // A connection that is reset has ended as well.
        while let Ok(length @ 1..) = stream.read(&mut little).await {
            all += length;
            sleep(pause).await;
        }
        (all, start.elapsed())
    }

    fn patient_for(response_timeout: Duration) -> HttpConfig {
        HttpConfig { response_timeout, ..Config::default().http }
    }

    #[tokio::test]
    async fn a_client_that_reads_too_slowly_is_closed() {
        let (stream, _stop) = client(&patient_for(Duration::from_millis(500))).await;
        let reading = trickle(stream, Duration::from_millis(20));
        let (length, took) = timeout(Duration::from_secs(10), reading).await.unwrap();
        assert!(length < LARGE && took > Duration::from_millis(400), "{length} in {took:?}");
    }

    #[tokio::test]
    async fn a_client_that_reads_in_time_gets_all_and_may_ask_again_later() {
        let (mut stream, _stop) = client(&patient_for(Duration::from_secs(1))).await;
        let mut answer = vec![0; LARGE];
        for _ in 0..2 {
            stream.read_exact(&mut answer).await.unwrap();
            // What is left is as long as the head was.
            let left = stream.read(&mut answer).await.unwrap();
            assert!((1..1000).contains(&left), "{left}");
            sleep(Duration::from_millis(1200)).await;
            stream.write_all(REQUEST).await.unwrap();
        }
    }
}
