//! What interfaces are, and whether and how fast they are connected.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use perfwatch_core::Block;

use super::{interfaces, kind::Kind};
use crate::Roots;

const INTERVAL: Duration = Duration::from_secs(10);

/// A round may take this share of one CPU; with thousands of interfaces it comes less often.
const SHARE: u32 = 100;

struct Link {
    name: String,
    /// Names the interface and its number, so that another one under the same name is noticed.
    uevent: String,
    kind: Option<Kind>,
    speed: Option<u64>,
    up: Option<bool>,
    carrier: Option<bool>,
    carrier_changes: Option<u64>,
}

/// All links, in the order of their names.
#[derive(Default)]
pub(super) struct Links(Vec<Link>);

impl Links {
    fn read(roots: &Roots, before: &Self) -> Self {
        let entries = fs::read_dir(roots.sys("class/net")).into_iter().flatten().flatten();
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut links: Vec<Link> =
            entries.map(name).map(|name| Link::read(roots, name, before)).collect();
        links.sort_by(|a, b| a.name.cmp(&b.name));
        Self(links)
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.0.binary_search_by(|link| link.name.as_str().cmp(name)).ok()
    }

    /// Writes what is known into the rows. `places` remembers where each row's link was found
    /// last, so that thousands of interfaces are not searched for at every tick.
    pub(super) fn fill(&self, block: &mut Block, places: &mut Vec<usize>) {
        places.resize(block.keys().len(), 0);
        for (row, place) in places.iter_mut().enumerate() {
            let Some(key) = block.keys().get(row) else { continue };
            let here = self.0.get(*place).is_some_and(|link| link.name == key);
            if !here {
                let Some(found) = self.find(key) else { continue };
                *place = found;
            }
            if let Some(link) = self.0.get(*place) {
                link.fill(block, row);
            }
        }
    }
}

impl Link {
    fn read(roots: &Roots, name: String, before: &Links) -> Self {
        let folder = roots.sys("class/net").join(&name);
        let text = |file: &str| fs::read_to_string(folder.join(file)).ok();
        let number = |file: &str| text(file)?.trim().parse::<u64>().ok();
        let uevent = text("uevent").unwrap_or_default();
        let known = before.find(&name).and_then(|index| before.0.get(index));
        let kind = match known.filter(|link| link.uevent == uevent) {
            Some(link) => link.kind,
            None => Kind::of(&folder, &roots.net("vlan"), &name, &uevent),
        };
        Self {
            kind,
            // A link that is down answers with an error or with -1.
            speed: number("speed").map(|megabits| megabits.saturating_mul(125_000)),
            up: text("operstate").and_then(|state| is_up(state.trim())),
            // An interface that is switched off answers with an error.
            carrier: number("carrier").map(|carrier| carrier == 1),
            carrier_changes: number("carrier_changes"),
            name,
            uevent,
        }
    }

    fn fill(&self, block: &mut Block, row: usize) {
        let mut row = block.row_mut(row);
        row.set_opt(interfaces::kind, self.kind.map(|kind| kind as u64));
        row.set_opt(interfaces::speed, self.speed);
        row.set_opt(interfaces::up, self.up.map(u64::from));
        row.set_opt(interfaces::carrier, self.carrier.map(u64::from));
        row.set_opt(interfaces::carrier_changes, self.carrier_changes);
    }
}

/// `unknown` is what devices say that do not report their state, such as `lo` and tunnels.
fn is_up(state: &str) -> Option<bool> {
    match state {
        "up" => Some(true),
        "down" | "lowerlayerdown" | "notpresent" | "dormant" => Some(false),
        _ => None,
    }
}

/// Reads the links again when it is time.
pub(super) struct LinkWatch {
    roots: Roots,
    latest: Arc<Links>,
    read_again: Option<Instant>,
}

impl LinkWatch {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone(), latest: Arc::default(), read_again: None }
    }

    pub(super) fn links(&mut self) -> Arc<Links> {
        let start = Instant::now();
        if self.read_again.is_none_or(|due| start >= due) {
            self.latest = Arc::new(Links::read(&self.roots, &self.latest));
            let pause = INTERVAL.max(start.elapsed() * SHARE);
            // It is asked at multiples of a pause of its own, which may come a moment early.
            self.read_again = Some(start + pause - INTERVAL / 10);
        }
        Arc::clone(&self.latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_interface_under_the_same_name_is_asked_anew() {
        let tree = tempfile::TempDir::new().unwrap();
        let sysfs = tree.path().to_owned();
        let device = sysfs.join("devices/virtual/net/eth0");
        fs::create_dir_all(&device).unwrap();
        fs::create_dir_all(sysfs.join("class/net")).unwrap();
        std::os::unix::fs::symlink(&device, sysfs.join("class/net/eth0")).unwrap();
        let roots = Roots { procfs: sysfs.clone(), rootfs: sysfs.clone(), sysfs };
        let mut links = Links::default();
        let mut kind = |uevent: &str, link_layer: &str| {
            fs::write(device.join("uevent"), uevent).unwrap();
            fs::write(device.join("type"), link_layer).unwrap();
            links = Links::read(&roots, &links);
            links.0[0].kind
        };
        assert_eq!(kind("IFINDEX=3\n", "65534\n"), Some(Kind::Tunnel));
        assert_eq!(kind("IFINDEX=3\n", "1\n"), Some(Kind::Tunnel), "it is not asked at every turn");
        assert_eq!(kind("IFINDEX=9\n", "1\n"), Some(Kind::OtherVirtual));
    }
}
