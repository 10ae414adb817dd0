//! What each fixture host looks like after 10 seconds.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use perfwatch_core::{View, prometheus};
use support::{Host, file_collectors, frame, settle};

fn view_of(name: &str) -> View {
    let host = Host::new(name);
    let mut collectors = file_collectors(&host.roots());
    settle(&collectors);
    let before = frame(&mut collectors, 1000);
    host.later();
    let now = frame(&mut collectors, 1010);
    let mut view = View::default();
    view.update(Some(&before), &now);
    view
}

/// One line per value that is there, without the file systems (they are this machine's).
fn shown(view: &View) -> String {
    let mut lines = Vec::new();
    view.for_each_row(|table, key, values| {
        if table.name == "disk.filesystems" {
            return;
        }
        for (column, &value) in table.columns.iter().zip(values) {
            let value = perfwatch_core::Decimal { value, decimals: column.unit.decimals() };
            if value.get().is_some_and(|value| value != 0.0) {
                lines.push(format!("{} {value}", perfwatch_core::series::path(table, key, column)));
            }
        }
    });
    lines.join("\n")
}

#[test]
fn a_server_with_sensors_bond_bridge_lvm_and_raid() {
    insta::assert_snapshot!(shown(&view_of("server")));
}

#[test]
fn an_old_kernel_in_a_container() {
    insta::assert_snapshot!(shown(&view_of("old-container")));
}

#[test]
fn prometheus_text_of_a_server() {
    let host = Host::new("server");
    let mut collectors = file_collectors(&host.roots());
    settle(&collectors);
    let mut text = String::new();
    let mut frame = frame(&mut collectors, 1000);
    frame.blocks.retain(|block| block.table().name != "disk.filesystems");
    prometheus::write_frame(&frame, &mut text);
    insta::assert_snapshot!(text);
}

#[test]
fn whole_disks_and_physical_interfaces_count_once() {
    let view = view_of("server");
    let sum = |table: &str, physical: &str, column: &str| -> f64 {
        let block = view.block(table).unwrap();
        let names: Vec<String> = block.keys().iter().map(str::to_owned).collect();
        names
            .iter()
            .filter(|name| block.get(name, physical).unwrap().get() == Some(1.0))
            .map(|name| block.get(name, column).unwrap().get().unwrap())
            .sum()
    };
    let total = |table: &str, column| view.block(table).unwrap().get("", column).unwrap().get();
    let column = "bytes_read_per_sec";
    assert_eq!(total("disk", column), Some(sum("disk.devices", "physical", column)));
    let column = "bytes_recv_per_sec";
    assert_eq!(total("network", column), Some(sum("network.interfaces", "physical", column)));
}
