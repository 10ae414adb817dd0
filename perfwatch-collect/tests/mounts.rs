//! Which mounts are shown, beside the `procfs` crate's reading of the same list: folders that are
//! there, mounted over and over on one device, with names that the kernel has to escape.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use std::{fmt::Write, fs, os::linux::fs::MetadataExt};

use perfwatch_core::Frame;
use procfs::{FromRead, process::MountInfos};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use support::{Host, file_collectors, frame, settle};

/// One line of the list.
#[derive(Clone, Debug)]
struct Line {
    name: String,
    /// A bind mount shows a part of the device.
    part: bool,
    kind: &'static str,
    options: &'static str,
}

fn line() -> impl Strategy<Value = Line> {
    let name = "[a-z \\\\\t#é]{1,6}";
    let kind = prop::sample::select(vec!["ext4", "xfs", "overlay", "tmpfs", "squashfs"]);
    let options = prop::sample::select(vec!["rw", "ro", "ro,errors=remount-ro"]);
    (name, any::<bool>(), kind, options).prop_map(|(name, part, kind, options)| Line {
        name,
        part,
        kind,
        options,
    })
}

/// What the kernel writes for a space and its like (seq_path with `" \t\n\\#"`).
fn escape(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, c| {
        match c {
            ' ' | '\t' | '\n' | '\\' | '#' => write!(text, "\\{:03o}", c as u32).unwrap(),
            c => text.push(c),
        }
        text
    })
}

fn seen(host: &Host) -> Frame {
    let mut collectors = file_collectors(&host.roots());
    settle(&collectors);
    frame(&mut collectors, 1000)
}

/// Lists the mounts of folders of a host, all on the device that the host is kept on.
fn list(host: &Host, lines: &[Line]) -> String {
    let device = fs::metadata(host.path("proc")).unwrap().st_dev();
    let device = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        fs::create_dir_all(host.path(&line.name)).unwrap();
        let Line { name, part, kind, options } = line;
        let (id, root, point) = (30 + index, if *part { "/part" } else { "/" }, escape(name));
        let device = format!("{}:{}", device.0, device.1);
        writeln!(text, "{id} 1 {device} {root} /{point} rw shared:1 - {kind} /dev/x {options}")
            .unwrap();
    }
    text
}

#[test]
fn a_device_is_shown_once_at_its_shortest_whole_mount() {
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let lines = prop::collection::vec(line(), 0..6);
    let result = TestRunner::new(config).run(&lines, |lines| {
        let kinds = b"nodev\ttmpfs\nnodev\toverlay\n\text4\n\txfs\n\tsquashfs\n";
        let host = Host::with_files(&[("proc/1/mountinfo", b""), ("proc/filesystems", kinds)]);
        let text = list(&host, &lines);
        fs::write(host.path("proc/1/mountinfo"), &text).unwrap();
        let theirs = MountInfos::from_read(text.as_bytes()).unwrap().0;
        let real = theirs.iter().filter(|mount| ["ext4", "xfs"].contains(&&*mount.fs_type));
        let unescaped = |mount: &procfs::process::MountInfo| {
            let index = usize::try_from(mount.mnt_id).unwrap() - 30;
            format!("/{}", lines[index].name)
        };
        // The first of those that are as good.
        let best = real.min_by_key(|mount| (mount.root != "/", unescaped(mount).len()));
        let frame = seen(&host);
        let ours = frame.block("disk.filesystems").unwrap();
        let shown: Vec<_> = ours.keys().iter().map(str::to_owned).collect();
        assert_eq!(shown, best.map(unescaped).into_iter().collect::<Vec<_>>(), "{text}");
        if let Some(best) = best {
            let column = ours.table().fields.iter().position(|it| it.name == "read_only").unwrap();
            let read_only = best.super_options.contains_key("ro");
            assert_eq!(ours.row(0).unwrap()[column], i64::from(read_only), "{text}");
        }
        Ok(())
    });
    result.unwrap();
}
