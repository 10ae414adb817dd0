//! Between a daemon and its engine: passes everything on, or does what engines do at times.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use prost::Message;

/// What is sent to write: the times of its samples are all that matters here.
#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// How writes are answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mood {
    /// As the engine answers them.
    Well,
    /// With this status and `Retry-After`, in seconds.
    Busy(&'static str, u64),
    /// With 400 where a sample of this time is in it.
    Refuses(i64),
    /// With nothing, for ever.
    Hangs,
    /// The engine has them, and the connection ends before anybody says so.
    Cuts,
}

/// What was seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// When a write was answered with `Busy`.
    pub(crate) busy: Vec<Instant>,
    /// Of all writes that the engine has: the times of their samples, each once and in order.
    pub(crate) taken: Vec<Vec<i64>>,
    /// How many writes the engine refused.
    pub(crate) refused: usize,
    /// How many connections were cut after a write.
    pub(crate) cut: usize,
}

struct State {
    engine: u16,
    mood: Mutex<Mood>,
    seen: Mutex<Seen>,
}

/// A server in front of an engine, as long as the test runs.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

impl Proxy {
    pub(crate) fn before(engine: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mood, seen) = (Mutex::new(Mood::Well), Mutex::default());
        let state = Arc::new(State { engine, mood, seen });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || while state.answer(&stream).is_some() {});
            }
        });
        Self { port, state }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.state.mood.lock().unwrap() = mood;
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.state.seen.lock().unwrap()
    }
}

impl State {
    /// Answers one request; nothing if the connection is to end.
    fn answer(&self, mut client: &TcpStream) -> Option<()> {
        let request = read_message(client)?;
        let mood = *self.mood.lock().unwrap();
        if !request.head.starts_with("POST /api/v1/write") {
            return client.write_all(&self.ask(&request, mood)?).ok();
        }
        let times = times(&request.body);
        match mood {
            Mood::Busy(status, seconds) => {
                self.seen.lock().unwrap().busy.push(Instant::now());
                let text = format!(
                    "HTTP/1.1 {status}\r\nretry-after: {seconds}\r\ncontent-length: 0\r\n\r\n"
                );
                client.write_all(text.as_bytes()).ok()
            }
            Mood::Refuses(time) if times.contains(&time) => {
                self.seen.lock().unwrap().refused += 1;
                let text = "HTTP/1.1 400 Bad Request\r\ncontent-length: 13\r\n\r\nout of bounds";
                client.write_all(text.as_bytes()).ok()
            }
            mood => {
                let answer = self.ask(&request, mood)?;
                self.seen.lock().unwrap().taken.push(times);
                if mood == Mood::Cuts {
                    self.seen.lock().unwrap().cut += 1;
                    return None;
                }
                client.write_all(&answer).ok()
            }
        }
    }

    /// What the engine answers, if anything.
    fn ask(&self, request: &Request, mood: Mood) -> Option<Vec<u8>> {
        if mood == Mood::Hangs {
            // Whoever asked gives up first.
            std::thread::sleep(Duration::from_secs(20));
            return None;
        }
        let mut engine = TcpStream::connect(("127.0.0.1", self.engine)).ok()?;
        engine.write_all(request.head.as_bytes()).ok()?;
        engine.write_all(&request.body).ok()?;
        let mut answer = read_message(&engine)?;
        let mut whole = answer.head.into_bytes();
        whole.append(&mut answer.body);
        Some(whole)
    }
}

/// The head of a message, with the empty line at its end, and its body.
struct Request {
    head: String,
    body: Vec<u8>,
}

fn read_message(mut stream: &TcpStream) -> Option<Request> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let lower = head.to_lowercase();
    let mut body = Vec::new();
    if lower.contains("transfer-encoding: chunked") {
        while !body.ends_with(b"0\r\n\r\n") {
            stream.read_exact(&mut byte).ok()?;
            body.push(byte[0]);
        }
    } else if let Some((_, rest)) = lower.split_once("content-length: ") {
        body.resize(rest.lines().next()?.trim().parse().ok()?, 0);
        stream.read_exact(&mut body).ok()?;
    }
    Some(Request { head, body })
}

/// The times of all samples of frames, each once and in order.
fn times(body: &[u8]) -> Vec<i64> {
    let body = snap::raw::Decoder::new().decompress_vec(body).unwrap();
    let series = WriteRequest::decode(body.as_slice()).unwrap().series;
    if series.len() == 1 {
        // A host claims its name.
        return Vec::new();
    }
    let mut times: Vec<i64> =
        series.iter().flat_map(|series| &series.samples).map(|sample| sample.timestamp).collect();
    times.sort_unstable();
    times.dedup();
    times
}
