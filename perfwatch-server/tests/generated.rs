//! The files that the dashboard's types are made from are what this server says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::{fs, path::Path};

use perfwatch_collect::{MetricsAggregator, Roots};
use perfwatch_server::{catalog_of, openapi};
use serde::Serialize;

/// Rewrites a file that is stale, and then fails, so that nobody commits without it.
fn check(name: &str, value: &impl Serialize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard/generated").join(name);
    let wanted = serde_json::to_string_pretty(value).unwrap() + "\n";
    if fs::read_to_string(&path).unwrap_or_default() != wanted {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, wanted).unwrap();
        panic!("{} was stale and is written anew: commit it", path.display());
    }
}

#[test]
fn the_openapi_document_is_current() {
    check("openapi.json", &openapi());
}

#[test]
fn the_catalog_is_current() {
    check("catalog.json", &catalog_of(&MetricsAggregator::new(&Roots::default()).tables()));
}
