//! Who writes, under which name, and what each said last.

use perfwatch_core::series::Pattern;
use perfwatch_store::{HostIdentity, HostInfo, HostNewest, NewestValue, Store};

use crate::fixture::{MINUTE, SECOND, START, record};

const ONE: &str = "11111111aaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "22222222bbbbbbbbbbbbbbbbbbbbbbbb";

fn machine(name: &str, id: &str) -> HostIdentity {
    let (name, id) = (name.into(), id.into());
    HostIdentity { name, id, interval_ms: 5000, version: "1.0.0".into() }
}

async fn register(store: &dyn Store, name: &str, id: &str) -> String {
    store.register(&machine(name, id)).await.unwrap().to_string()
}

async fn append(store: &dyn Store, host: &str, time: i64) {
    store.append(&[record(host, time, Some(1.0), &[])]).await.unwrap();
}

/// Each host with the first digit of its machine's id.
async fn ids(store: &dyn Store) -> Vec<(String, Option<char>)> {
    let hosts = store.hosts().await.unwrap().into_iter();
    hosts.map(|host| (host.name, host.id.and_then(|id| id.chars().next()))).collect()
}

pub(crate) async fn a_machine_that_registers_again_has_its_name(store: &dyn Store) {
    for _ in 0..2 {
        assert_eq!(register(store, "a", ONE).await, "a");
        append(store, "a", START).await;
    }
    assert_eq!(ids(store).await, [("a".to_owned(), Some('1'))]);
}

pub(crate) async fn two_machines_with_one_name_are_told_apart(store: &dyn Store) {
    assert_eq!(register(store, "web", ONE).await, "web");
    for _ in 0..2 {
        assert_eq!(register(store, "web", OTHER).await, "web-22222222");
        assert_eq!(register(store, "web", ONE).await, "web", "the first keeps it");
    }
    append(store, "web", START).await;
    append(store, "web-22222222", START + SECOND).await;
    let expected = [("web".to_owned(), Some('1')), ("web-22222222".to_owned(), Some('2'))];
    assert_eq!(ids(store).await, expected);
    assert_eq!(store.hosts().await.unwrap()[1].last_seen_ms, START + SECOND);
}

pub(crate) async fn frames_of_nobody_go_to_the_first_that_registers(store: &dyn Store) {
    append(store, "a", START).await;
    assert_eq!(ids(store).await, [("a".to_owned(), None)]);
    assert_eq!(register(store, "a", ONE).await, "a");
    assert_eq!(ids(store).await, [("a".to_owned(), Some('1'))]);
    assert_eq!(register(store, "a", OTHER).await, "a-22222222");
}

pub(crate) async fn interval_and_version_are_renewed(store: &dyn Store) {
    append(store, "a", START).await;
    register(store, "a", ONE).await;
    let newer = HostIdentity {
        interval_ms: 100,
        version: "1.1.0-ü'; DROP TABLE hosts; --".into(),
        ..machine("a", ONE)
    };
    assert_eq!(&*store.register(&newer).await.unwrap(), "a");
    let expected = HostInfo {
        name: "a".to_owned(),
        first_seen_ms: START,
        last_seen_ms: START,
        id: Some(ONE.to_owned()),
        interval_ms: Some(100),
        version: Some(newer.version.to_string()),
    };
    assert_eq!(store.hosts().await.unwrap(), [expected]);
}

pub(crate) async fn hosts_come_by_name(store: &dyn Store) {
    for (name, id) in [("zoë's box", ONE), ("", OTHER), ("B", OTHER), ("a", "33")] {
        if !name.is_empty() {
            register(store, name, id).await;
            append(store, name, START).await;
        }
    }
    // Nobody has seen a frame of this one.
    register(store, "silent", "44").await;
    let names: Vec<String> = ids(store).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["B", "a", "zoë's box"]);
}

pub(crate) async fn the_newest_values_of_all_hosts_come_at_once(store: &dyn Store) {
    let records = [
        record("b", START, Some(1.0), &[("x", 20.5)]),
        record("b", START + MINUTE, Some(2.25), &[]),
        record("a", START + MINUTE, None, &[("y", -3.0), ("x", 4.0)]),
        record("gone", START - 1, Some(9.0), &[]),
        record("other", START + MINUTE, None, &[]),
    ];
    store.append(&records).await.unwrap();
    let patterns = ["app.load", "app.parts.*.heat_celsius", "app.parts.x.heat_celsius"];
    let patterns = patterns.map(|pattern| Pattern::parse(pattern).unwrap());
    let newest = |host: &str, values: &[(&str, f64)]| HostNewest {
        host: host.to_owned(),
        values: values
            .iter()
            .map(|(path, value)| NewestValue { path: (*path).to_owned(), value: *value })
            .collect(),
    };
    let [x, y] = ["app.parts.x.heat_celsius", "app.parts.y.heat_celsius"];
    let expected =
        [newest("a", &[(x, 4.0), (y, -3.0)]), newest("b", &[("app.load", 2.25), (x, 20.5)])];
    assert_eq!(store.newest(&patterns, START).await.unwrap(), expected);
    let expected = [newest("b", &[("app.load", 2.25)])];
    assert_eq!(store.newest(&patterns[..1], START + 1).await.unwrap(), expected);
    assert_eq!(store.newest(&patterns, START + 2 * MINUTE).await.unwrap(), []);
}
