//! A daemon that knows one login and one moment, speaking just enough HTTP.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

pub(crate) const PASSWORD: &str = "correct horse";
const TOKEN: &str = "token-1";

pub(crate) struct FakeDaemon {
    pub(crate) address: String,
}

impl FakeDaemon {
    /// Answers until the test's process ends.
    pub(crate) fn start(message: &str, catalog: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (message, catalog) = (message.to_owned(), catalog.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &message, &catalog);
            }
        });
        Self { address }
    }
}

fn answer(mut stream: TcpStream, message: &str, catalog: &str) {
    let (head, body) = request(&stream);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let allowed = head.contains(&format!("Bearer {TOKEN}"));
    let (status, text) = match path.as_str() {
        "/api/auth/login" if body.contains(PASSWORD) && body.contains("admin") => {
            ("200 OK", format!(r#"{{"access_token": "{TOKEN}"}}"#))
        }
        _ if !allowed => ("401 Unauthorized", r#"{"detail": "no"}"#.to_owned()),
        "/api/metrics/latest" => ("200 OK", message.to_owned()),
        "/api/metrics/catalog" => ("200 OK", catalog.to_owned()),
        "/api/config" => ("200 OK", config()),
        "/metrics" => ("200 OK", "# HELP perfwatch_x X.\n# TYPE perfwatch_x gauge\n".to_owned()),
        _ => ("404 Not Found", r#"{"detail": "no such page"}"#.to_owned()),
    };
    let length = text.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all((head + &text).as_bytes()).unwrap();
}

/// One collector works, another failed for a reason that a terminal must not obey.
fn config() -> String {
    r#"{"collectors": [
        {"name": "cpu", "status": "ok", "reason": null, "cure": null},
        {"name": "pressure", "status": "failed", "reason": "out of \u001bluck", "cure": null}
    ]}"#
    .to_owned()
}

fn request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}
