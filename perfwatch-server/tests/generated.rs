//! What is written from this server is what it says: the files that the dashboard's types are made
//! from, and the README's table of settings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::{fs, path::Path};

use perfwatch_collect::{MetricsAggregator, Roots};
use perfwatch_server::{catalog_of, openapi, settings_markdown};
use serde::Serialize;

/// Rewrites a file that is stale, and then fails, so that nobody commits without it.
fn check(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if fs::read_to_string(&path).unwrap_or_default() != wanted {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, wanted).unwrap();
        panic!("{} was stale and is written anew: commit it", path.display());
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[test]
fn the_openapi_document_is_current() {
    check("dashboard/generated/openapi.json", &json(&openapi()));
}

#[test]
fn the_catalog_is_current() {
    let tables = MetricsAggregator::new(&Roots::default()).tables();
    check("dashboard/generated/catalog.json", &json(&catalog_of(&tables)));
}

#[test]
fn the_readme_has_the_table_of_settings() {
    let (name, start, end) = ("../README.md", "<!-- settings:", "<!-- end of settings -->");
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let (before, rest) = readme.split_once(start).expect("README marks where the table starts");
    let (mark, _) = rest.split_once('\n').unwrap();
    let (_, after) = rest.split_once(end).expect("README marks where the table ends");
    let table = settings_markdown();
    check(name, &format!("{before}{start}{mark}\n{table}{end}{after}"));
}
