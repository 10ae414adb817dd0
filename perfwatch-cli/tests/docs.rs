//! Keeps `docs/metrics.md` what the tables say.

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
