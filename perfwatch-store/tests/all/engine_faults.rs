//! What an engine's refusals, silences and cuts become: a server of a few lines answers as told.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use perfwatch_core::series::Pattern;
use perfwatch_store::{
    BatchMetricsWriter, HostIdentity, PrometheusStore, Store, StoreError, WriterOptions,
    WriterStatus,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    fixture::{START, ask, check, clock_ms, every, loads, record, select},
    process::{Engine, PROMETHEUS_TLS},
};

/// What a request is answered with.
#[derive(Clone)]
enum Reply {
    /// Status line, headers and body behind one another.
    Says(String),
    /// Nothing, for ever.
    Hangs,
    /// The connection ends.
    Cuts,
}

/// A server, and the requests that it got.
struct Fake {
    url: String,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    /// How many clients left while they were kept waiting.
    left: Arc<Mutex<usize>>,
}

impl Fake {
    /// Answers with each of these in turn, and with the last for ever.
    async fn answering(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("prometheus+http://{}", listener.local_addr().unwrap());
        let fake = Self { url, requests: Arc::default(), left: Arc::default() };
        let (requests, left) = (Arc::clone(&fake.requests), Arc::clone(&fake.left));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (requests, left) = (Arc::clone(&requests), Arc::clone(&left));
                tokio::spawn(serve(stream, replies.clone(), requests, left));
            }
        });
        fake
    }

    async fn saying(status: &str, headers: &str, body: &str) -> Self {
        Self::answering(vec![says(status, headers, body)]).await
    }

    fn store(&self) -> PrometheusStore {
        PrometheusStore::new(&self.url).unwrap()
    }

    fn request(&self, number: usize) -> String {
        String::from_utf8_lossy(&self.requests.lock().unwrap()[number]).into_owned()
    }
}

fn says(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Says(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}"))
}

async fn serve(
    mut stream: TcpStream,
    replies: Vec<Reply>,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    left: Arc<Mutex<usize>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        let number = {
            let mut requests = requests.lock().unwrap();
            requests.push(request);
            requests.len() - 1
        };
        match &replies[number.min(replies.len() - 1)] {
            Reply::Says(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Reply::Cuts => return,
            Reply::Hangs => {
                let _ = stream.read(&mut [0]).await;
                *left.lock().unwrap() += 1;
                return;
            }
        }
    }
}

/// A request's head and body.
async fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1)?;
            let length: usize = length.lines().next()?.parse().ok()?;
            let end = request.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
            if request.len() >= end + length {
                return Some(request);
            }
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
}

async fn refused(fake: &Fake) -> StoreError {
    let error = fake.store().append(&loads([START])).await.unwrap_err();
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

#[tokio::test]
async fn a_pause_is_as_long_as_the_engine_says() {
    let in_a_minute = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
    for (status, after, seconds) in [
        ("429 Too Many Requests", "retry-after: 7\r\n", 7..=7),
        ("503 Service Unavailable", "retry-after: 7\r\n", 7..=7),
        ("429 Too Many Requests", "", 1..=1),
        ("503 X", &format!("retry-after: {in_a_minute}\r\n"), 57..=60),
        ("429 X", "retry-after: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 0..=0),
        ("429 X", "retry-after: 999999999999\r\n", 999_999_999_999..=999_999_999_999),
        ("429 X", "retry-after: soon\r\n", 1..=1),
    ] {
        let error = refused(&Fake::saying(status, after, "slow down").await).await;
        let StoreError::Throttled { retry_after, reason } = &error else { panic!("{error:?}") };
        assert!(seconds.contains(&retry_after.as_secs()), "{status} {after}: {error}");
        assert!(error.is_transient() && reason.contains("slow down"), "{error}");
    }
}

#[tokio::test]
async fn only_what_can_never_be_taken_is_refused() {
    let long = format!("out of \r\n\u{1b}[31mluck{}", "x".repeat(5000));
    for (status, body) in [
        ("400 Bad Request", long.as_str()),
        ("400 Bad Request", r#"{"status":"error","error":"out of luck"}"#),
        ("409 Conflict", "out of luck"),
        ("413 Too Large", "out of luck"),
        ("422 Unprocessable", "out of luck"),
    ] {
        let error = refused(&Fake::saying(status, "", body).await).await;
        let StoreError::Refused { reason } = &error else { panic!("{status}: {error:?}") };
        assert!(!error.is_transient() && reason.contains("out of"), "{error}");
        assert!(reason.len() < 300 && !reason.chars().any(char::is_control), "{error:?}");
    }
    // Their time is the fault of these, whatever becomes of others.
    for (status, body) in [
        ("400 Bad Request", "out of order sample"),
        ("400 Bad Request", "out of bounds"),
        ("400 Bad Request", "duplicate sample for timestamp"),
        ("400 Bad Request", "(err-mimir-sample-timestamp-too-old)"),
        ("409 Conflict", "store locally: out of bounds"),
    ] {
        let error = refused(&Fake::saying(status, "", body).await).await;
        assert!(matches!(error, StoreError::Late { .. }), "{status}: {error:?}");
        assert!(!error.is_transient() && error.to_string().contains(body), "{error}");
    }
    for (status, cure) in [
        ("500 Internal Server Error", "broken"),
        ("502 Bad Gateway", "broken"),
        ("503 Service Unavailable", "broken"),
        ("408 Request Timeout", "broken"),
        ("301 Moved", "broken"),
    ] {
        let error = refused(&Fake::saying(status, "", "broken").await).await;
        assert!(matches!(error, StoreError::Unavailable { .. }), "{status}: {error:?}");
        assert!(error.is_transient() && error.to_string().contains(cure), "{error}");
    }
    for (status, cure) in [
        ("401 Unauthorized", "check user and password"),
        ("403 Forbidden", "check user and password"),
        ("404 Not Found", "--web.enable-remote-write-receiver"),
    ] {
        let error = refused(&Fake::saying(status, "", "broken").await).await;
        assert!(matches!(error, StoreError::Denied { .. }), "{status}: {error:?}");
        assert!(error.is_transient() && error.to_string().contains(cure), "{error}");
    }
}

#[tokio::test]
async fn a_cut_is_noticed_at_once_and_silence_within_ten_seconds() {
    let cut = Fake::answering(vec![Reply::Cuts]).await;
    assert!(matches!(refused(&cut).await, StoreError::Unavailable { .. }));
    // Half an answer is none.
    let half = Reply::Says("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".into());
    let half = Fake::answering(vec![half, Reply::Cuts]).await;
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("prometheus+http://me:geheim@{}", listener.local_addr().unwrap())
    };
    let nobody = PrometheusStore::new(&nobody).unwrap();
    let error = nobody.append(&loads([START])).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("refused") && !error.to_string().contains("geheim"));

    let silent = Fake::answering(vec![Reply::Hangs]).await;
    let start = Instant::now();
    let (error, half) = tokio::join!(refused(&silent), refused(&half));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(matches!(half, StoreError::Unavailable { .. }), "{half}");
}

#[tokio::test]
async fn who_does_not_wait_any_more_leaves_no_connection() {
    let silent = Fake::answering(vec![Reply::Hangs]).await;
    let store = silent.store();
    let records = loads([START]);
    let waited = timeout(Duration::from_millis(300), store.append(&records)).await;
    assert!(waited.is_err());
    timeout(Duration::from_secs(5), async {
        while *silent.left.lock().unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the connection is closed");
}

#[tokio::test]
async fn a_failed_write_is_sent_again_as_it_was() {
    let replies = vec![says("500 X", "", ""), says("204 No Content", "", "")];
    let fake = Fake::answering(replies).await;
    let store = fake.store();
    let records = loads([START, START + 1000]);
    store.append(&records).await.unwrap_err();
    store.append(&records).await.unwrap();
    let requests = fake.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 2);
    // With the mark of the hour, which was not there either.
    assert_eq!(requests[0], requests[1]);
    assert!(fake.request(0).contains("content-encoding: snappy"));
    store.append(&records).await.unwrap();
    let third = fake.requests.lock().unwrap()[2].clone();
    assert!(third.len() < requests[0].len(), "an hour is marked once");
}

#[tokio::test]
async fn a_renewed_token_is_read_after_a_refusal() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "first-token\n").unwrap();
    let replies = vec![says("401 Unauthorized", "", ""), says("204 No Content", "", "")];
    let fake = Fake::answering(replies).await;
    let url = format!("{}?token_file={}", fake.url, file.path().display());
    let store = PrometheusStore::new(&url).unwrap();
    std::fs::write(file.path(), "second-token\n").unwrap();
    let error = store.append(&loads([START])).await.unwrap_err();
    assert!(error.is_transient() && !error.to_string().contains("first"), "{error}");
    store.append(&loads([START])).await.unwrap();
    assert!(fake.request(0).contains("authorization: Bearer first-token\r\n"));
    assert!(fake.request(1).contains("authorization: Bearer second-token\r\n"));
    drop(file);
    let error = PrometheusStore::new(&url).unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn a_certificate_is_verified() {
    let engine = Engine::running(&PROMETHEUS_TLS);
    let first = async |store: &PrometheusStore| {
        // It listens before it is ready.
        let patience = Instant::now() + Duration::from_secs(30);
        loop {
            match store.append(&loads([START])).await {
                Err(error) if error.to_string().contains("503") && Instant::now() < patience => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                done => return done,
            }
        }
    };
    let url = format!("prometheus+https://127.0.0.1:{}", engine.port);
    let stranger = PrometheusStore::new(&url).unwrap();
    let error = stranger.append(&loads([START])).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("certificate"), "{error}");

    let trusted = engine.directory.path().join("cert.pem");
    let store = PrometheusStore::new(&format!("{url}?ca_file={}", trusted.display())).unwrap();
    first(&store).await.unwrap();
    check(&store, &ask(START, START + 1), &["step 0 of 0 raw", "at 0", "app.load avg 1"]).await;
    // The name is verified too.
    let other = format!("prometheus+https://localhost:{}", engine.port);
    let other = PrometheusStore::new(&format!("{other}?ca_file={}", trusted.display())).unwrap();
    other.append(&loads([START])).await.unwrap_err();

    let no_certificate = engine.directory.path().join("key.pem");
    let url = format!("{url}?ca_file={}", no_certificate.display());
    let error = PrometheusStore::new(&url).unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn what_is_no_engine_is_told() {
    for body in ["<html>", "{}", r#"{"status":"success","data":{"result":[{}]}}"#, ""] {
        let error =
            Fake::saying("200 OK", "", body).await.store().range(&ask(START, START + 1)).await;
        let error = error.unwrap_err();
        assert!(error.to_string().contains("is not PromQL"), "{body}: {error}");
    }
}

#[tokio::test]
async fn the_newest_values_of_all_hosts_are_one_question() {
    let line = |host: &str, decimals: u8, value: &str| {
        format!(
            r#"{{"metric":{{"host":"{host}","series":"app.load","decimals":"{decimals}"}},
                "value":[1.0,"{value}"]}}"#
        )
    };
    let lines = [line("b", 1, "0.1999999"), line("a", 2, "4.25"), line("a", 1, "4.0")];
    let body = format!(r#"{{"status":"success","data":{{"result":[{}]}}}}"#, lines.join(","));
    let fake = Fake::saying("200 OK", "", &body).await;
    let store = fake.store();
    let load = [Pattern::parse("app.load").unwrap()];
    let expected = [("a", 4.25), ("b", 0.2)];
    for questions in [3, 4] {
        let newest = store.newest(&load, START).await.unwrap();
        let found = newest.iter().map(|host| (host.host.as_str(), host.values[0].value));
        assert_eq!(found.collect::<Vec<_>>(), expected);
        // The first two ask what a window covers.
        assert_eq!(fake.requests.lock().unwrap().len(), questions);
    }
    let asked = fake.request(3);
    assert!(asked.contains("last_over_time") && !asked.contains("host%3D"), "{asked}");
}

#[tokio::test]
async fn a_name_that_is_claimed_again_needs_no_question() {
    let body = r#"{"status":"success","data":{"result":[]}}"#;
    let fake = Fake::saying("200 OK", "", body).await;
    let store = fake.store();
    let host = |name: &str, id: &str| HostIdentity {
        name: name.into(),
        id: id.repeat(32).into(),
        interval_ms: 1000,
        version: "1".into(),
    };
    // A question and a claim, then a claim; another machine has to ask.
    for (id, requests) in [("1", 2), ("1", 3), ("2", 5)] {
        assert_eq!(&*store.register(&host("a", id)).await.unwrap(), "a");
        assert_eq!(fake.requests.lock().unwrap().len(), requests);
    }
    assert!(fake.request(2).starts_with("POST /api/v1/write"), "{}", fake.request(2));
}

#[tokio::test]
async fn wrong_credentials_are_told_from_silence() {
    let fake = Fake::saying("401 Unauthorized", "", "").await;
    let writer = BatchMetricsWriter::spawn(Arc::new(fake.store()), WriterOptions::default());
    writer.push(loads([START]).remove(0));
    let status = loop {
        match writer.status() {
            WriterStatus::Ok => tokio::time::sleep(Duration::from_millis(5)).await,
            WriterStatus::Degraded { summary, reason, .. } => break (summary, reason),
        }
    };
    assert_eq!(status.0, "it lets nobody in by this URL");
    assert!(status.1.contains("check user and password"), "{}", status.1);
}

/// What becomes of frames while the engine says that they are out of bounds, for a second.
async fn out_of_bounds(from: i64) -> (u64, String) {
    let fake = Fake::saying("400 Bad Request", "", "out of bounds").await;
    let writer = BatchMetricsWriter::spawn(Arc::new(fake.store()), WriterOptions::default());
    loads(every(1000, from, from + 100_000)).into_iter().for_each(|frame| writer.push(frame));
    let patience = Instant::now() + Duration::from_secs(1);
    while writer.counts().waiting > 0 && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let reason = match writer.status() {
        WriterStatus::Degraded { reason, .. } => reason,
        WriterStatus::Ok => String::new(),
    };
    (writer.counts().set_aside, reason)
}

#[tokio::test]
async fn an_engine_whose_time_is_wrong_costs_few_frames() {
    let now = clock_ms();
    for ahead in [-100_000, 7_200_000] {
        let (set_aside, reason) = out_of_bounds(now + ahead).await;
        assert!(set_aside <= 8, "{set_aside} of those dated {ahead} ms from now");
        assert!(reason.contains("clock"), "{reason}");
        assert!(!reason.contains("window"), "{reason}");
    }
    // Waiting makes those no younger.
    assert_eq!(out_of_bounds(now - 7_200_000).await.0, 100);
}

#[tokio::test]
async fn what_is_older_than_what_was_taken_of_its_host_is_given_up() {
    let now = clock_ms();
    let replies = vec![says("204 No Content", "", ""), says("400 X", "", "too old sample")];
    let store = Fake::answering(replies).await.store();
    store.append(&[record("a", now, Some(1.0), &[])]).await.unwrap();
    let refused = async |host: &str, times: &[i64]| {
        let frames = times.iter().map(|ago| record(host, now - ago, Some(1.0), &[]));
        store.append(&frames.collect::<Vec<_>>()).await.unwrap_err()
    };
    for (host, times, is_late) in [
        ("a", &[1000][..], true),
        ("a", &[0], false),
        ("a", &[-1000], false),
        ("a", &[1000, -1000], false),
        ("b", &[1000], false),
        ("b", &[3_601_000], true),
    ] {
        let error = refused(host, times).await;
        assert_eq!(matches!(error, StoreError::Late { .. }), is_late, "{host} {times:?}: {error}");
        assert_eq!(error.to_string().contains("window"), is_late, "{error}");
    }
}

#[tokio::test]
async fn an_hour_is_an_hour_by_both_clocks() {
    let now = SystemTime::now();
    // An engine whose clock is two hours ahead is not believed.
    for (seconds, is_late) in [(7200, false), (0, false)] {
        let date = httpdate::fmt_http_date(now + Duration::from_secs(seconds));
        let fake = Fake::saying("400 X", &format!("date: {date}\r\n"), "out of bounds").await;
        let time = clock_ms();
        let error = fake.store().append(&loads([time])).await.unwrap_err();
        assert_eq!(matches!(error, StoreError::Late { .. }), is_late, "{seconds}: {error}");
    }
    // Nor is this machine's own, where that is ahead.
    let date = httpdate::fmt_http_date(now - Duration::from_secs(7200));
    let fake = Fake::saying("400 X", &format!("date: {date}\r\n"), "out of bounds").await;
    let time = clock_ms() - 7_200_000;
    let error = fake.store().append(&loads([time])).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_part_of_an_answer_is_none() {
    let asked = select("a", &["app.load"], START, START + 1000);
    let host = HostIdentity {
        name: "a".into(),
        id: "1".repeat(32).into(),
        interval_ms: 1000,
        version: "1".into(),
    };
    let part = r#"{"status":"success","isPartial":true,"data":{"result":[]}}"#;
    let fake = Fake::saying("200 OK", "", part).await;
    let names = part.replace(r#"{"result":[]}"#, "[]");
    let names = Fake::saying("200 OK", "", &names).await;
    let failed = [
        fake.store().summary(&asked).await.map(drop).unwrap_err(),
        fake.store().hosts().await.map(drop).unwrap_err(),
        names.store().series("a").await.map(drop).unwrap_err(),
        fake.store().register(&host).await.map(drop).unwrap_err(),
    ];
    for error in failed {
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        assert!(error.to_string().contains("a part"), "{error}");
    }
    let requests = fake.requests.lock().unwrap().len();
    for number in 0..requests {
        let asked = fake.request(number);
        assert!(asked.contains("&deny_partial_response=1&partial_response=false"), "{asked}");
    }
    // A claim is made on nothing less than everything; a new engine has no store yet.
    for (warning, is_claimed) in
        [("receive series from x: EOF", false), ("No StoreAPIs matched for this query", true)]
    {
        let warned =
            format!(r#"{{"status":"success","warnings":["{warning}"],"data":{{"result":[]}}}}"#);
        let fake = Fake::saying("200 OK", "", &warned).await;
        assert!(fake.store().hosts().await.is_ok());
        let claimed = fake.store().register(&host).await;
        assert_eq!(claimed.is_ok(), is_claimed, "{claimed:?}");
        if let Err(error) = claimed {
            assert!(error.is_transient() && error.to_string().contains(warning), "{error}");
        }
    }
}
