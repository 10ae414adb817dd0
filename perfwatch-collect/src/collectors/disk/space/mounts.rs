//! Which mounts are real file systems, each once.

use std::collections::HashMap;

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

/// One mount of a real file system.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mount {
    pub(super) point: String,
    /// The device's numbers as `major:minor`; nothing where `stat` of its files says another one.
    pub(super) device: Option<String>,
    /// Whether the file system itself is read-only, not only this mount of it.
    pub(super) read_only: bool,
}

/// The mounts of real file systems in the text of `mountinfo`: one per device, the shortest of its
/// whole mounts. `kinds` is the text of `/proc/filesystems`.
pub(super) fn select(mountinfo: &str, kinds: &str) -> Vec<Mount> {
    let mut best: HashMap<String, (bool, Mount)> = HashMap::new();
    let mut order = Vec::new();
    for mount in mountinfo.lines().filter_map(|line| MountInfo::from_line(line).ok()) {
        if !is_real(&mount.fs_type, kinds) {
            continue;
        }
        // A bind mount shows a part of the device: its root is not `/`.
        let part = mount.root != "/";
        let device = mount.majmin.clone();
        let candidate = (part, describe(mount));
        match best.get_mut(&device) {
            None => {
                order.push(device.clone());
                best.insert(device, candidate);
            }
            Some(known) if rank(&candidate) < rank(known) => *known = candidate,
            Some(_) => {}
        }
    }
    order.iter().filter_map(|device| best.remove(device)).map(|(_, mount)| mount).collect()
}

fn describe(mount: MountInfo) -> Mount {
    Mount {
        point: unescape(&mount.mount_point.to_string_lossy()),
        // Each subvolume of btrfs has a device number of its own.
        device: (mount.fs_type != "btrfs").then_some(mount.majmin),
        read_only: mount.super_options.contains_key("ro"),
    }
}

fn rank((part, mount): &(bool, Mount)) -> (bool, usize) {
    (*part, mount.point.len())
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
30 27 254:1 / /mnt/big\\040disk rw - xfs /dev/vdb ro,noatime
31 27 0:40 / /merged rw - overlay overlay rw
32 27 7:0 / /snap/core ro - squashfs /dev/loop0 ro
33 27 0:50 / /srv/nfs rw - nfs4 server:/export rw
this is no mount
";
        let mounts = select(mountinfo, KINDS);
        let points: Vec<_> = mounts.iter().map(|mount| mount.point.as_str()).collect();
        assert_eq!(points, ["/", "/mnt/big disk", "/srv/nfs"]);
        let read_only: Vec<_> = mounts.iter().map(|mount| mount.read_only).collect();
        assert_eq!(read_only, [false, true, false]);
        assert_eq!(mounts[1].device.as_deref(), Some("254:1"));
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape(r"a\040b\134c\011d\9"), "a b\\c\td\\9");
    }

    #[test]
    fn each_dataset_of_zfs_stands_for_itself_and_a_bind_mount_does_not() {
        let mountinfo = "\
40 1 0:30 / / rw - zfs rpool/ROOT/debian rw
41 40 0:31 / /home rw - zfs rpool/home rw
42 40 0:31 /ada /srv/ada rw - zfs rpool/home rw
43 40 0:32 / /tank rw - zfs tank ro
";
        let mounts = select(mountinfo, KINDS);
        let points: Vec<_> = mounts.iter().map(|mount| mount.point.as_str()).collect();
        assert_eq!(points, ["/", "/home", "/tank"]);
    }
}
