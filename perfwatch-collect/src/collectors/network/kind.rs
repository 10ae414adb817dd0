//! Kinds of interfaces, told apart by what sysfs says of them.

use std::{fs, path::Path};

/// What an interface is; the field's codes say what the numbers are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Device = 1,
    Loopback = 2,
    Bond = 3,
    Bridge = 4,
    Vlan = 5,
    Veth = 6,
    Tunnel = 7,
    OtherVirtual = 8,
}

/// Types of link layers (include/uapi/linux/if_arp.h).
const ETHERNET: u64 = 1;
const LOOPBACK: u64 = 772;
/// PPP, IP in IP, IPv6 tunnels, IPv6 in IPv4, GRE for IPv4 and IPv6, and packets without a header
/// (tun, WireGuard).
const TUNNELS: [u64; 7] = [512, 768, 769, 776, 778, 823, 0xFFFE];

/// Encapsulations whose link layer is Ethernet all the same.
const TUNNEL_DRIVERS: [&str; 6] = ["wireguard", "vxlan", "geneve", "bareudp", "gtp", "ppp"];

impl Kind {
    /// The kind of the interface whose folder this is; nothing where sysfs says too little.
    /// `vlans` is `/proc/net/vlan`, which has a file per VLAN.
    pub(super) fn of(folder: &Path, vlans: &Path, name: &str, uevent: &str) -> Option<Self> {
        let number = |file: &str| -> Option<u64> {
            fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()
        };
        let has = |file: &str| folder.join(file).exists();
        let link_layer = number("type");
        if name == "lo" || link_layer == Some(LOOPBACK) {
            return Some(Self::Loopback);
        }
        let target = fs::read_link(folder).ok();
        if target.is_some_and(|target| !target.to_string_lossy().contains("/virtual/")) {
            return Some(Self::Device);
        }
        let driver = uevent.lines().find_map(|line| line.strip_prefix("DEVTYPE="));
        Some(match driver {
            Some("bond") => Self::Bond,
            Some("bridge") => Self::Bridge,
            Some("vlan") => Self::Vlan,
            Some(driver) if TUNNEL_DRIVERS.contains(&driver) => Self::Tunnel,
            _ if has("bonding") => Self::Bond,
            _ if has("bridge") => Self::Bridge,
            _ if vlans.join(name).exists() => Self::Vlan,
            _ if has("tun_flags") => Self::Tunnel,
            Some(_) => Self::OtherVirtual,
            None if TUNNELS.contains(&link_layer?) => Self::Tunnel,
            // One end of a pair names the other end's number as the link below it.
            None if link_layer == Some(ETHERNET)
                && number("iflink")
                    .is_some_and(|peer| peer > 0 && number("ifindex") != Some(peer)) =>
            {
                Self::Veth
            }
            None => Self::OtherVirtual,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn each_kind_is_known_by_what_sysfs_says() {
        let tree = tempfile::TempDir::new().unwrap();
        let vlans = tree.path().join("vlan");
        fs::create_dir_all(&vlans).unwrap();
        fs::write(vlans.join("eth0.7"), "").unwrap();
        let check = |name: &str, bus: &str, files: &[(&str, &str)], expected: Option<Kind>| {
            let device = tree.path().join("devices").join(bus).join("net").join(name);
            fs::create_dir_all(&device).unwrap();
            for (file, text) in files {
                match file.strip_suffix('/') {
                    Some(folder) => fs::create_dir_all(device.join(folder)).unwrap(),
                    None => fs::write(device.join(file), text).unwrap(),
                }
            }
            let folder = tree.path().join(name);
            symlink(&device, &folder).unwrap();
            let uevent = fs::read_to_string(device.join("uevent")).unwrap_or_default();
            assert_eq!(Kind::of(&folder, &vlans, name, &uevent), expected, "{name}");
        };
        let (pci, virt) = ("pci0000:00/0000:00:1f.6", "virtual");
        let ether = ("type", "1\n");
        let linked = [ether, ("ifindex", "5\n"), ("iflink", "9\n")];
        check("eth0", pci, &[ether, ("ifindex", "2\n"), ("iflink", "2\n")], Some(Kind::Device));
        check("wlan0", pci, &[ether, ("uevent", "DEVTYPE=wlan\n")], Some(Kind::Device));
        check("lo", virt, &[("type", "772\n")], Some(Kind::Loopback));
        check("bond0", virt, &[ether, ("uevent", "DEVTYPE=bond\n")], Some(Kind::Bond));
        check("bond1", virt, &[ether, ("bonding/", "")], Some(Kind::Bond));
        check("br0", virt, &[ether, ("bridge/", "")], Some(Kind::Bridge));
        check("docker0", virt, &[("uevent", "DEVTYPE=bridge\nIFINDEX=3\n")], Some(Kind::Bridge));
        check("lan", virt, &[ether, ("uevent", "DEVTYPE=vlan\n")], Some(Kind::Vlan));
        check("eth0.7", virt, &linked, Some(Kind::Vlan));
        check("veth9", virt, &linked, Some(Kind::Veth));
        check("tap0", virt, &[ether, ("tun_flags", "0x1002\n")], Some(Kind::Tunnel));
        check("wg0", virt, &[("type", "65534\n")], Some(Kind::Tunnel));
        check("sit0", virt, &[("type", "776\n"), ("iflink", "0\n")], Some(Kind::Tunnel));
        let unbound = [ether, ("ifindex", "5\n"), ("iflink", "0\n")];
        check("gretap0", virt, &unbound, Some(Kind::OtherVirtual));
        let same = [ether, ("ifindex", "7\n"), ("iflink", "7\n")];
        check("dummy0", virt, &same, Some(Kind::OtherVirtual));
        let above = [ether, ("iflink", "2\n"), ("uevent", "DEVTYPE=macvlan\n")];
        check("mac0", virt, &above, Some(Kind::OtherVirtual));
        check("unknown", virt, &[], None);
    }
}
