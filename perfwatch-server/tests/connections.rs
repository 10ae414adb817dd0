//! Connections that send too little, or are too many.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;

use std::time::{Duration, Instant};

use common::{Server, config};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Sends this and says how long the connection then stays open.
async fn open_for(server: &Server, sent: &str) -> Duration {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let start = Instant::now();
    let mut rest = Vec::new();
    // A connection that is reset has ended as well.
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.unwrap();
    start.elapsed()
}

#[tokio::test]
async fn a_client_that_sends_nothing_or_half_a_head_is_closed() {
    let mut config = config();
    config.http.header_timeout = Duration::from_millis(300);
    let server = Server::start(config).await;
    let healthz = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
    for sent in ["", healthz, &format!("{healthz}\r\n")] {
        let open = open_for(&server, sent).await;
        let right = Duration::from_millis(200)..Duration::from_secs(2);
        assert!(right.contains(&open), "{sent:?} was open for {open:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let mut config = config();
    config.http.max_connections_per_address = 2;
    let server = Server::start(config).await;
    let _one = TcpStream::connect(server.address).await.unwrap();
    let two = TcpStream::connect(server.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(open_for(&server, "").await < Duration::from_secs(1), "the third");
    drop(two);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_and_never_reads_is_given_up() {
    let mut config = config();
    config.http.send_timeout = Duration::from_secs(1);
    config.http.max_connections = 1;
    let server = Server::start(config).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let request = b"GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    stream.write_all(&request).await.unwrap();
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        // The only place is free again when the next client is answered.
        if open_for_a_request(&server).await {
            return server.stop().await;
        }
    }
    panic!("it still holds the place");
}

async fn open_for_a_request(server: &Server) -> bool {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request).await.is_ok()
        && stream.read_to_string(&mut answer).await.is_ok_and(|length| length > 0)
}
