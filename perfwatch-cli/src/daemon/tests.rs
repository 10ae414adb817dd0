use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use super::*;

/// A server that gives one answer to one request; returns its address and what it was asked.
fn server(answer: &'static str) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let read = stream.read(&mut request).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    (address, asked)
}

fn http(status: &str, body: &str) -> &'static str {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n");
    Box::leak(format!("{head}\r\n{body}").into_boxed_str())
}

fn token(text: &str) -> Credentials {
    Credentials::find(None, &|name| (name == "PERFWATCH_TOKEN").then(|| text.to_owned()))
        .unwrap()
        .unwrap()
}

fn open(address: &str, credentials: &Credentials) -> Result<Daemon> {
    Daemon::new(address, Trust::default())?.log_in(credentials)
}

fn error_of(answer: &'static str) -> String {
    let (address, asked) = server(answer);
    let error = open(&address, &token("sesame-1")).unwrap().get("/api/x").unwrap_err();
    assert!(asked.join().unwrap().contains("Bearer sesame-1"));
    let text = format!("{error:#}");
    assert!(!text.contains("sesame"), "{text}");
    text.replace(&address, "ADDRESS")
}

#[test]
fn errors_name_the_address_and_the_cure() {
    assert!(error_of(http("401 Unauthorized", "{}")).starts_with("ADDRESS refused the token: set"));
    let stranger = "ADDRESS is not a PerfWatch daemon; check the address and port";
    assert_eq!(error_of(http("404 Not Found", "<html>")), stranger);
    assert_eq!(error_of(http("404 Not Found", r#"{"detail": "Not Found"}"#)), stranger);
    let nobody = error_of(http("404 Not Found", r#"{"detail": "host: `db2` is not known"}"#));
    assert_eq!(nobody, "ADDRESS answered with status 404: host: `db2` is not known");
    assert_eq!(error_of(http("302 Found", "")), stranger);
    assert_eq!(error_of("SSH-2.0-OpenSSH_9.2\r\n"), stranger);
    let away = error_of(http("503 Service Unavailable", r#"{"detail": "no frame yet"}"#));
    assert_eq!(away, "ADDRESS answered with status 503: no frame yet");
}

#[test]
fn a_refused_connection_says_so() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let daemon = open(&format!("http://{free}"), &token("t")).unwrap();
    let error = daemon.get("/metrics").unwrap_err().to_string();
    assert!(error.contains(&free.to_string()) && error.contains("nothing listens"), "{error}");
}

#[test]
fn a_wrong_password_is_not_repeated() {
    let (address, asked) = server(http("401 Unauthorized", "{}"));
    let login = Credentials::find(None, &|name| match name {
        "PERFWATCH_PASSWORD" => Some("hunter2-hunter2".to_owned()),
        _ => None,
    });
    let credentials = login.unwrap().unwrap();
    let error = open(&address, &credentials).err().unwrap().to_string();
    assert!(asked.join().unwrap().starts_with("POST /api/auth/login"));
    assert!(error.contains("refused the user name or the password"), "{error}");
    assert!(!error.contains("hunter2") && !format!("{credentials:?}").contains("hunter2"));
}

#[test]
fn an_address_with_a_secret_is_refused_without_repeating_it() {
    for bad in ["http://admin:hunter2@host", "ftp://host", "host:8000", "http://", "http://a b"] {
        let error = address(bad).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Failure::Usage(_))), "{bad}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert_eq!(address("https://host:8000/watch/").unwrap(), "https://host:8000/watch");
}

#[test]
fn a_token_is_one_line() {
    let find = |text: &str| {
        Credentials::find(None, &|name| (name == "PERFWATCH_TOKEN").then(|| text.to_owned()))
    };
    assert!(find("abc.def\n").is_ok());
    for bad in ["  ", "a\r\nX-Evil: 1", "a b"] {
        assert!(find(bad).is_err(), "{bad:?}");
    }
}
