//! The real program, run beside the test, and the plainest of HTTP clients.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use super::PASSWORD;

/// The program with these arguments and nothing of the test's environment that could matter.
#[allow(clippy::disallowed_methods, reason = "the program itself is tested")]
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfwatch-server"));
    command.args(arguments).env_clear().env("PERFWATCH_ADMIN_PASSWORD", PASSWORD);
    command
}

/// Runs the program to its end, which must come by itself.
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = command(arguments);
    command.envs(environment.iter().copied()).output().unwrap()
}

/// The program on a free port with its data in this directory.
fn program(data: &Path, more: &[&str]) -> Command {
    let store = format!("--store=sqlite:{}", data.join("perfwatch.db").display());
    let arguments = ["--listen=127.0.0.1:0", "--interval=100ms", "--log=trace", &store];
    command(&[&arguments, more].concat())
}

/// A running program, which ends with its test.
pub struct Program {
    child: Child,
    log: Option<JoinHandle<String>>,
    lines: Receiver<String>,
    pub port: u16,
    pub said: Vec<String>,
}

impl Program {
    /// Starts it on a free port with its data in this directory.
    pub fn start(data: &Path, more: &[&str]) -> Self {
        Self::spawn(program(data, more), 2)
    }

    /// Starts it on a free port and this store, and says less.
    pub fn on(store: &str, more: &[&str]) -> Self {
        let store = format!("--store={store}");
        let arguments = ["--listen=127.0.0.1:0", "--interval=100ms", &store];
        Self::spawn(command(&[&arguments, more].concat()), 2)
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The same with more environment.
    pub fn start_with(data: &Path, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = program(data, more);
        command.envs(environment.iter().copied());
        Self::spawn(command, 2)
    }

    /// The same without a password from outside: it says one of its own.
    pub fn first_start(data: &Path) -> Self {
        let mut command = program(data, &[]);
        command.env_remove("PERFWATCH_ADMIN_PASSWORD");
        Self::spawn(command, 4)
    }

    /// Starts it on this store, without a password from outside; it may be away.
    pub fn first_start_on(store: &str, more: &[&str]) -> Self {
        let store = format!("--store={store}");
        let arguments = ["--listen=127.0.0.1:0", "--interval=100ms", &store];
        let mut command = command(&[&arguments, more].concat());
        command.env_remove("PERFWATCH_ADMIN_PASSWORD");
        Self::spawn(command, 2)
    }

    /// What it says next on its standard output, if that is within this time.
    pub fn next_line(&self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }

    /// Waits until it has said so many lines.
    fn spawn(mut command: Command, lines: usize) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        });
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                // Most tests do not wait for more.
                let _ = sender.send(line.unwrap());
            }
        });
        let mut said = Vec::new();
        while said.len() < lines {
            match receiver.recv() {
                Ok(line) => said.push(line),
                Err(_) => panic!("it did not start: {}", log.join().unwrap()),
            }
        }
        let port = said[0].rsplit(':').next().unwrap().parse().unwrap();
        Self { child, log: Some(log), lines: receiver, port, said }
    }

    pub fn get(&self, path: &str, token: &str) -> (u16, String) {
        request(self.port, &format!("GET {path}"), token, "")
    }

    pub fn try_login(&self, password: &str) -> (u16, String) {
        let body = json!({"username": "admin", "password": password}).to_string();
        request(self.port, "POST /api/auth/login", "", &body)
    }

    pub fn login(&self) -> String {
        self.login_with(PASSWORD)
    }

    pub fn login_with(&self, password: &str) -> String {
        let (status, body) = self.try_login(password);
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    pub fn json(&self, path: &str, token: &str) -> Value {
        let (status, body) = self.get(path, token);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Asks again and again until the answer is as wanted.
    pub fn wait_for(&self, path: &str, token: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait_within(Duration::from_secs(20), path, token, wanted)
    }

    /// The same for so long.
    pub fn wait_within(
        &self,
        patience: Duration,
        path: &str,
        token: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let deadline = Instant::now() + patience;
        loop {
            let answer = self.json(path, token);
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{path} stays {answer}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends a signal and waits for the end: the exit code, how long it took, and the log.
    pub fn end(mut self, signal: Signal) -> (Option<i32>, Duration, String) {
        let start = Instant::now();
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), start.elapsed(), self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Program {
    /// Of a test that panicked, nothing goes on.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection of its own.
pub fn request(port: u16, line: &str, token: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
