//! Keeps what is written of the tables what they say.

use std::{fs, path::Path};

#[test]
fn the_page_about_metrics_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let current = perfwatch_cli::markdown(&perfwatch_cli::all_tables());
    if fs::read_to_string(&path).is_ok_and(|written| written == current) {
        return;
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, current).unwrap();
    panic!("docs/metrics.md was stale and has been written anew: look at it and commit it");
}

#[test]
fn the_catalog_is_what_a_daemon_answers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../perfwatch-server/dashboard/generated/catalog.json");
    let answered: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let own = perfwatch_cli::Catalog::of(&perfwatch_cli::all_tables());
    assert_eq!(serde_json::to_value(own).unwrap(), answered);
}
