//! Who may depend on whom: read from the manifests, so that a forbidden arrow fails here.

#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

use std::{collections::BTreeSet, fs, path::Path};

/// The crates of the workspace and which of its other crates each may use.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("perfwatch-core", &[]),
    ("perfwatch-collect", &["perfwatch-core"]),
    ("perfwatch-store", &["perfwatch-core"]),
    ("perfwatch-server", &["perfwatch-core", "perfwatch-collect", "perfwatch-store"]),
    ("perfwatch-cli", &["perfwatch-core", "perfwatch-collect", "perfwatch-store"]),
    ("benches", &["perfwatch-core", "perfwatch-collect", "perfwatch-store", "perfwatch-server"]),
    ("examples", &["perfwatch-core", "perfwatch-collect", "perfwatch-store"]),
];

/// What the two libraries without async, SQL and HTTP must never pull in themselves.
const NOT_BELOW_STORE: [&str; 7] =
    ["tokio", "sqlx", "axum", "hyper", "async-trait", "futures-util", "ureq"];

fn manifest(folder: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("Cargo.toml");
    fs::read_to_string(path).unwrap().parse().unwrap()
}

fn dependencies(folder: &str, sections: &[&str]) -> BTreeSet<String> {
    let manifest = manifest(folder);
    let tables = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn arrows_point_where_the_design_says() {
    let members = manifest(".")["workspace"]["members"].as_array().unwrap().len();
    assert_eq!(members, ALLOWED.len(), "a new crate needs its line in this test");
    for (folder, allowed) in ALLOWED {
        for used in dependencies(folder, &["dependencies", "build-dependencies"]) {
            let inside = used.starts_with("perfwatch-");
            assert!(!inside || allowed.contains(&used.as_str()), "{folder} may not use {used}");
        }
    }
}

#[test]
fn core_and_collect_know_no_async_sql_or_http() {
    for folder in ["perfwatch-core", "perfwatch-collect"] {
        let used = dependencies(folder, &["dependencies"]);
        for forbidden in NOT_BELOW_STORE {
            assert!(!used.contains(forbidden), "{folder} may not use {forbidden}");
        }
    }
    let core = dependencies("perfwatch-core", &["dependencies"]);
    assert_eq!(core, ["serde", "thiserror"].map(String::from).into(), "core does no I/O");
}

#[test]
fn versions_stand_once_in_the_workspace_manifest() {
    for (folder, _) in ALLOWED {
        let manifest = manifest(folder);
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(section).and_then(|it| it.as_table()) else { continue };
            for (name, value) in table {
                let inherited = value.get("workspace").and_then(toml::Value::as_bool);
                assert_eq!(inherited, Some(true), "{folder}: {name} has a version of its own");
            }
        }
    }
}
