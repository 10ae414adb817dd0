//! A network link to another network namespace, which can be cut.

#![allow(clippy::disallowed_methods, reason = "there is no library for it")]

use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A namespace and the link to it, as long as this is there.
pub(crate) struct Link {
    /// Of the namespace.
    pub(crate) name: String,
    /// The address at its end.
    pub(crate) far: String,
}

impl Link {
    /// Names and addresses are of this process alone.
    pub(crate) fn new() -> Self {
        let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let name = format!("pw{process}x{number}");
        let (third, fourth) = (process % 250, number * 4 % 250);
        let [near, far] = [1, 2].map(|end| format!("10.199.{third}.{}", fourth + end));
        ip(&["netns", "add", &name]);
        // From here on what was made is removed, whatever fails.
        let link = Self { name, far };
        let (name, far) = (link.name.as_str(), format!("{}/30", link.far));
        ip(&["link", "add", name, "type", "veth", "peer", "name", "far", "netns", name]);
        ip(&["address", "add", &format!("{near}/30"), "dev", name]);
        ip(&["link", "set", name, "up"]);
        ip(&["-n", name, "address", "add", &far, "dev", "far"]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        link.plug();
        link
    }

    /// Everything that is sent from now on vanishes, and nobody says so: it goes to an interface
    /// that is not there.
    pub(crate) fn swallow(&self) {
        let nobody = ["lladdr", "02:00:00:00:00:01", "dev", &self.name, "nud", "permanent"];
        ip(&[&["neighbour", "replace", &self.far], &nobody[..]].concat());
    }

    /// Undoes it.
    pub(crate) fn deliver(&self) {
        ip(&["neighbour", "delete", &self.far, "dev", &self.name]);
    }

    /// The interface at the other end goes down; the system here notices.
    pub(crate) fn cut(&self) {
        ip(&["-n", &self.name, "link", "set", "far", "down"]);
    }

    /// Undoes it.
    pub(crate) fn plug(&self) {
        ip(&["-n", &self.name, "link", "set", "far", "up"]);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The namespace lives on while a process is in it, and with it the link.
        let _ = Command::new("ip").args(["link", "delete", &self.name]).output();
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).output();
    }
}

fn ip(arguments: &[&str]) {
    let needs = "a cut link needs root, the program ip (scripts/test-tools.sh) and the right to \
                 make network namespaces (docker run --privileged)";
    let output = Command::new("ip").args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run ip: {error}; {needs}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?} failed: {}; {needs}", said.trim());
}
