//! Which mounts are real file systems, each once.

use std::{collections::HashMap, fs, path::Path};

use procfs::process::MountInfo;

/// File systems that no local block device backs and that hold data of their own all the same.
const POOLS_AND_NETWORK: [&str; 14] = [
    "zfs",
    "btrfs",
    "bcachefs",
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "ceph",
    "9p",
    "virtiofs",
    "lustre",
    "glusterfs",
    "afs",
    "fuseblk",
];

/// Images that are always full.
const IMAGES: [&str; 4] = ["squashfs", "erofs", "iso9660", "cramfs"];

/// The mount points of real file systems: one per device, the shortest of its whole mounts.
pub(super) fn real_mounts(mountinfo: &Path, filesystems: &Path) -> Vec<String> {
    let text = fs::read(mountinfo).unwrap_or_default();
    let kinds = fs::read_to_string(filesystems).unwrap_or_default();
    select(&String::from_utf8_lossy(&text), &kinds)
}

fn select(mountinfo: &str, kinds: &str) -> Vec<String> {
    let mut best: HashMap<String, (bool, String)> = HashMap::new();
    let mut order = Vec::new();
    for mount in mountinfo.lines().filter_map(|line| MountInfo::from_line(line).ok()) {
        if !is_real(&mount.fs_type, kinds) {
            continue;
        }
        // A bind mount shows a part of the device: its root is not `/`.
        let part = mount.root != "/";
        let candidate = (part, unescape(&mount.mount_point.to_string_lossy()));
        match best.get_mut(&mount.majmin) {
            None => {
                order.push(mount.majmin.clone());
                best.insert(mount.majmin, candidate);
            }
            Some(known) if rank(&candidate) < rank(known) => *known = candidate,
            Some(_) => {}
        }
    }
    order.iter().filter_map(|device| best.remove(device)).map(|(_, mount)| mount).collect()
}

fn rank((part, mount): &(bool, String)) -> (bool, usize) {
    (*part, mount.len())
}

/// Whether a block device backs this kind (`nodev` in `/proc/filesystems` says that none does).
fn is_real(kind: &str, kinds: &str) -> bool {
    if IMAGES.contains(&kind) {
        return false;
    }
    let on_device = kinds.lines().any(|line| !line.starts_with("nodev") && line.trim() == kind);
    on_device || POOLS_AND_NETWORK.contains(&kind) || kind.starts_with("fuse.sshfs")
}

/// The kernel writes space, tab, newline and backslash as `\040` and the like (proc_pid_mountinfo(5)).
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let octal = tail.get(..3).filter(|_| *byte == b'\\');
        let code = octal.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(code) => {
                bytes.push(code);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: &str = "nodev\tsysfs\nnodev\ttmpfs\nnodev\toverlay\n\text4\n\txfs\n\tsquashfs\n";

    #[test]
    fn each_device_stands_once_at_its_shortest_whole_mount() {
        let mountinfo = "\
22 27 0:21 / /proc rw - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 254:0 /var/lib/data /data rw - ext4 /dev/vda rw
29 27 254:1 /home/a /a rw - xfs /dev/vdb rw
30 27 254:1 / /mnt/big\\040disk rw - xfs /dev/vdb rw
31 27 0:40 / /merged rw - overlay overlay rw
32 27 7:0 / /snap/core ro - squashfs /dev/loop0 ro
33 27 0:50 / /srv/nfs rw - nfs4 server:/export rw
this is no mount
";
        assert_eq!(select(mountinfo, KINDS), ["/", "/mnt/big disk", "/srv/nfs"]);
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape(r"a\040b\134c\011d\9"), "a b\\c\td\\9");
    }
}
