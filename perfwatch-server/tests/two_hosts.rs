//! Two daemons on one PostgreSQL: each answers for both hosts. `scripts/two-hosts.sh` does the same
//! with two networks and a browser.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]
#![allow(clippy::indexing_slicing, reason = "these are tests")]

#[path = "../../perfwatch-store/tests/all/cluster.rs"]
#[allow(dead_code, reason = "a part is used")]
mod cluster;
mod common;
#[path = "../../perfwatch-store/tests/all/postgres_process.rs"]
mod postgres_process;

use std::time::{Duration, Instant};

use common::program::Program;
use futures_util::StreamExt;
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;

const INTERVAL: Duration = Duration::from_millis(500);

/// A daemon on a machine of its own.
struct Machine {
    program: Program,
    token: String,
    directory: TempDir,
}

impl Machine {
    /// With this name, and a machine id made of this digit; without a digit it has none.
    fn start(store: &str, name: &str, digit: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), store, name, digit)
    }

    fn start_in(directory: TempDir, store: &str, name: &str, digit: &str) -> Self {
        let root = directory.path().join("root");
        std::fs::create_dir_all(root.join("etc")).unwrap();
        std::fs::write(root.join("etc/machine-id"), digit.repeat(32)).unwrap();
        let store = format!("--store={store}");
        let (host, root) = (format!("--host={name}"), format!("--path.rootfs={}", root.display()));
        let interval = format!("--interval={}ms", INTERVAL.as_millis());
        let data = ("STATE_DIRECTORY", directory.path().to_str().unwrap());
        let more = [&*store, &host, &root, &interval];
        let program = Program::start_with(directory.path(), &more, &[data]);
        let token = program.login();
        Self { program, token, directory }
    }

    fn wait_for(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.program.wait_for(path, &self.token, wanted)
    }

    /// Waits until it lists so many hosts as live: their names and ids, by name.
    fn live(&self, count: usize) -> Vec<(String, String)> {
        let is_live = |host: &&Value| host["state"] == "live" && host["id"].is_string();
        let answer = self.wait_for("/api/hosts", |answer| {
            answer["hosts"].as_array().unwrap().iter().filter(is_live).count() == count
        });
        let text = |host: &Value, key: &str| host[key].as_str().unwrap().to_owned();
        let hosts = answer["hosts"].as_array().unwrap().iter();
        let mut hosts: Vec<_> = hosts.map(|host| (text(host, "name"), text(host, "id"))).collect();
        hosts.sort();
        hosts
    }

    /// The name that its own frames are kept under.
    fn name(&self) -> String {
        let answer = self.program.json("/api/hosts", &self.token);
        let hosts = answer["hosts"].as_array().unwrap();
        let own = hosts.iter().find(|host| host["current"] == true).unwrap();
        own["name"].as_str().unwrap().to_owned()
    }
}

/// Its history, two periods compared, and what changed: from a daemon on another host.
fn answers_for(asked: &Machine, host: &str) {
    let history = format!("/api/history/metrics?metric_type=cpu&fields=load_1m&host={host}");
    let points = asked.wait_for(&history, |answer| {
        answer["data_points"].as_array().is_some_and(|points| points.len() >= 8)
    });
    assert_eq!(points["host"], host);
    let points = points["data_points"].as_array().unwrap();
    let time = |index: usize| points[index]["timestamp"].as_str().unwrap();
    let (start, middle, end) = (time(0), time(4), time(7));
    let compare = format!(
        "/api/history/compare?metric_type=cpu&fields=load_1m&host={host}&start_time={middle}\
         &end_time={end}&compare_start_time={start}&compare_end_time={middle}"
    );
    let compared = asked.wait_for(&compare, |_| true);
    for period in ["previous_average", "current_average"] {
        assert!(compared["series"][0][period].is_number(), "{compared}");
    }
    let changes = format!(
        "/api/history/changes?host={host}&before_start={start}&before_end={middle}\
         &after_start={middle}&after_end={end}"
    );
    let changes = asked.wait_for(&changes, |_| true);
    assert!(changes["series"].as_u64().unwrap() > 50, "{changes}");
}

/// How long the first frame of another host's live view takes.
async fn first_frame(asked: &Machine, host: &str) -> Duration {
    let address = format!("127.0.0.1:{}", asked.program.port);
    let url = format!("ws://{address}/api/ws/metrics?token={}&host={host}", asked.token);
    let start = Instant::now();
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut socket, _) = client_async(url, stream).await.unwrap();
    loop {
        let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
        let message = message.expect("a frame").unwrap().unwrap();
        let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        if message["type"] == "metrics" {
            assert_eq!(message["host"], host);
            assert!(message["data"]["cpu"]["load_1m"].is_number(), "{message}");
            return start.elapsed();
        }
    }
}

#[tokio::test]
async fn each_daemon_answers_for_the_other_host() {
    let store = cluster::database().await;
    let machines = [("web1", "1"), ("db1", "2")].map(|(name, id)| Machine::start(&store, name, id));
    let [web, db] = &machines;
    for (asked, other) in [(web, "db1"), (db, "web1")] {
        let hosts = asked.live(2);
        assert_eq!([&*hosts[0].0, &hosts[1].0], ["db1", "web1"]);
        assert_ne!(hosts[0].1, hosts[1].1);
        answers_for(asked, other);
        let took = first_frame(asked, other).await;
        assert!(took <= 2 * INTERVAL, "the first frame of {other} came after {took:?}");
    }
}

#[tokio::test]
async fn two_machines_of_one_name_are_told_apart() {
    let store = cluster::database().await;
    let first = Machine::start(&store, "web", "1");
    let (_, id) = first.live(1).remove(0);
    let second = Machine::start(&store, "web", "2");
    let hosts = second.live(2);
    let (name, other) = &hosts[1];
    assert_eq!(hosts[0], ("web".to_owned(), id));
    assert_eq!(*name, format!("web-{}", &other[..8]));
    assert_eq!(first.live(2), hosts);
    assert_eq!([first.name(), second.name()], ["web", name]);
    answers_for(&first, name);
    answers_for(&second, "web");
}

#[tokio::test]
async fn a_machine_without_an_id_keeps_the_one_that_it_was_given() {
    let store = cluster::database().await;
    let machine = Machine::start(&store, "web", "");
    machine.live(1);
    let Machine { program, directory, .. } = machine;
    program.end(Signal::SIGTERM);
    let again = Machine::start_in(directory, &store, "web", "");
    again.wait_for("/api/config", |config| config["writer"]["stored"].as_u64() > Some(0));
    // With another id it would be another machine of that name.
    assert_eq!(again.name(), "web");
}
