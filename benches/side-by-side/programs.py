"""The programs that are compared: how each is got, and how it is started."""

import os
import pathlib
import socket
from dataclasses import dataclass, field
from typing import Callable

import workshop
from workshop import Unavailable

# The core files: what a monitor of CPU, memory, disks, network and pressure cannot do without.
CORE_FILES = ["stat", "loadavg", "meminfo", "vmstat", "diskstats", "net/dev", "net/snmp", "net/netstat",
              "net/sockstat", "pressure/cpu", "pressure/memory", "pressure/io"]


@dataclass
class Hot:
    """A loop without a pause, which measures itself: `command(seconds)` prints
    `<samples> <user us> <system us>`."""
    name: str
    command: Callable
    note: str = ""
    ours: bool = False


@dataclass
class Plan:
    """How to start a daemon."""
    command: list
    env: dict = field(default_factory=dict)
    # What is asked of it each second.
    scrape: str = ""


@dataclass
class Paced:
    """A program that samples by itself: `plan(folder, seconds)` says how to start it there."""
    name: str
    plan: Callable
    note: str = ""
    ours: bool = False


def core_files():
    """The core files that this kernel has and that answer (with psi=0 pressure does not)."""
    def answers(path):
        try:
            return bool(path.read_bytes())
        except OSError:
            return False
    return [path for path in (pathlib.Path("/proc", name) for name in CORE_FILES) if answers(path)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def c_floor(pace, kind):
    return lambda seconds: [workshop.floor(), pace, kind, seconds, *core_files()]


def rust_loop(name):
    return lambda seconds: [workshop.loop(name), "hot", seconds]


def python_loop(pace, kind):
    return lambda seconds: [workshop.venv("psutil") / "python", workshop.HERE / "psutil_loop.py", pace, kind,
                            seconds]


def perfwatch_loop(what):
    return lambda seconds: [workshop.perfwatch("perfwatch-benches", "hot"), what, seconds]


def hot_rows():
    """The first row is what all others are divided by."""
    return [
        Hot("floor", c_floor("hot", "bare"), "opened once, pread whole, not parsed"),
        Hot("floor+parser", c_floor("hot", "parsed"), "in C, every number made an integer"),
        Hot("perfwatch", perfwatch_loop("files"), "the same files and what else its collectors read; frame and view",
            ours=True),
        Hot("perfwatch-floor", perfwatch_loop("floor"), "all that those collectors read, not parsed", ours=True),
        Hot("perfwatch-all", perfwatch_loop("everything"), "every collector, perf events too", ours=True),
        Hot("psutil", rust_loop("psutil"), "Rust; no TCP, no pressure"),
        Hot("procfs", rust_loop("procfs"), "Rust; no netstat, no sockstat"),
        Hot("heim", rust_loop("heim"), "Rust; no TCP, no pressure"),
        Hot("systemstat", rust_loop("systemstat"), "Rust; no TCP, no pressure, no vmstat"),
        Hot("sysinfo", rust_loop("sysinfo"), "Rust; no TCP, no pressure, no vmstat"),
        Hot("psutil-python", python_loop("hot", "plain"), "Python; no TCP, no pressure; without its socket scan"),
        Hot("psutil-sockets", python_loop("hot", "sockets"), "Python; the same with its socket scan"),
    ]


def paced_rows():
    """The first row is what all others are divided by."""
    return [
        Paced("floor+parser", lambda folder, seconds: Plan(c_floor("paced", "parsed")(seconds)), "the core files"),
        Paced("perfwatch", perfwatch_daemon("1s"), "everything on: all collectors, SQLite, server", ours=True),
        Paced("perfwatch-scraped", perfwatch_daemon("1s", scraped=True), "the same, /metrics read each second",
              ours=True),
        Paced("perfwatch-5s", perfwatch_daemon("5s"), "the same at its default of 5 s", ours=True),
        Paced("procfs", paced_loop("procfs"), "the crate in a loop, keeps nothing"),
        Paced("sysinfo", paced_loop("sysinfo"), "the crate in a loop, keeps nothing"),
        Paced("psutil-python", lambda folder, seconds: Plan(python_loop("paced", "plain")(seconds)),
              "in a loop, keeps nothing"),
        Paced("psutil-sockets", lambda folder, seconds: Plan(python_loop("paced", "sockets")(seconds)),
              "the same with its socket scan"),
        Paced("node_exporter", node_exporter([]), "default collectors, read each second"),
        Paced("node_exporter-few", node_exporter(FEW), "the matching collectors, read each second"),
        Paced("netdata", netdata(plugins=True), "netdata-core as it comes"),
        Paced("netdata-proc", netdata(plugins=False), "its proc plug-in alone"),
        Paced("collectd", collectd, "the matching plug-ins, CSV files"),
        Paced("pcp", pcp, "pmlogger with the Linux agent inside it"),
        Paced("atop", atop, "writing its raw file"),
        Paced("glances", glances, "writing CSV"),
        Paced("bottom", not_here("draws on a terminal only, and Debian 12 has no package of it")),
        Paced("below", not_here("Debian has no package of it, and cargo builds it for many minutes")),
    ]


def not_here(reason):
    def plan(folder, seconds):
        raise Unavailable(reason)
    return plan


def paced_loop(name):
    return lambda folder, seconds: Plan([workshop.loop(name), "paced", seconds])


def perfwatch_daemon(interval, scraped=False):
    def plan(folder, seconds):
        server = workshop.perfwatch("perfwatch-server", "perfwatch-server")
        address = f"127.0.0.1:{free_port()}"
        scrape = f"http://{address}/metrics" if scraped else ""
        return Plan([server, "--interval", interval, "--listen", address, "--store", f"sqlite:{folder}/history.db",
                     "--metrics.open=true", "--log", "warn"], {"XDG_DATA_HOME": str(folder)}, scrape)
    return plan


# What node_exporter reads of the same subjects as the core files.
FEW = ["cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "netstat", "pressure", "sockstat", "stat",
       "vmstat"]


def node_exporter(collectors):
    def plan(folder, seconds):
        program = workshop.deb("prometheus-node-exporter") / "usr/bin/prometheus-node-exporter"
        address = f"127.0.0.1:{free_port()}"
        few = ["--collector.disable-defaults", *(f"--collector.{name}" for name in collectors)] if collectors else []
        return Plan([program, f"--web.listen-address={address}", *few], scrape=f"http://{address}/metrics")
    return plan


NETDATA = """\
[global]
    run as user = {user}
[directories]
    config = {folder}
    stock config = {unpacked}/usr/lib/netdata/conf.d
    plugins = {unpacked}/usr/lib/netdata/plugins.d
    web = {folder}
    cache = {folder}
    lib = {folder}
    log = {folder}
    home = {folder}
[plugins]
    enable running new plugins = {plugins}
    apps = {plugins}
    cgroups = {plugins}
    diskspace = {plugins}
    idlejitter = {plugins}
    tc = {plugins}
    timex = {plugins}
    nfacct = {plugins}
    perf = {plugins}
    slabinfo = {plugins}
[web]
    bind to = 127.0.0.1:{port}
[statsd]
    enabled = no
"""


def netdata(plugins):
    def plan(folder, seconds):
        unpacked = workshop.deb("netdata-core")
        user = os.environ.get("USER", "root") if os.geteuid() else "root"
        # It tells its makers of each start unless this file is there.
        (folder / ".opt-out-from-anonymous-statistics").touch()
        (folder / "netdata.conf").write_text(NETDATA.format(
            folder=folder, unpacked=unpacked, user=user, port=free_port(), plugins="yes" if plugins else "no"))
        return Plan([unpacked / "usr/sbin/netdata", "-D", "-c", folder / "netdata.conf"],
                    workshop.libraries(unpacked))
    return plan


COLLECTD_PLUGINS = ["contextswitch", "cpu", "csv", "df", "disk", "interface", "load", "memory", "protocols", "swap",
                    "vmem"]


def collectd(folder, seconds):
    unpacked = workshop.deb("collectd-core")
    lines = ["Interval 1", 'Hostname "localhost"', f'BaseDir "{folder}"', f'PIDFile "{folder}/pid"',
             f'PluginDir "{unpacked}/usr/lib/collectd"', f'TypesDB "{unpacked}/usr/share/collectd/types.db"',
             *(f"LoadPlugin {plugin}" for plugin in COLLECTD_PLUGINS),
             f'<Plugin csv>\n DataDir "{folder}/csv"\n StoreRates true\n</Plugin>']
    (folder / "collectd.conf").write_text("\n".join(lines) + "\n")
    return Plan([unpacked / "usr/sbin/collectd", "-f", "-C", folder / "collectd.conf"],
                workshop.libraries(unpacked))


# The subjects of the core files in PCP's names.
PCP_METRICS = ["kernel.all", "kernel.percpu.cpu", "mem", "disk.all", "disk.dev", "network.interface", "network.tcp",
               "network.udp", "network.sockstat", "filesys", "swap"]


def pcp(folder, seconds):
    unpacked = workshop.deb("pcp")
    ours = unpacked / "usr/lib/pcp"
    # Every path of its configuration, moved to where it was unpacked.
    moved = {"PCP_PMDAS_DIR": ours / "pmdas", "PCP_TMP_DIR": folder, "PCP_TMPFILE_DIR": folder}
    lines = (unpacked / "etc/pcp.conf").read_text().splitlines()
    pairs = [(name, value) for name, _, value in (line.partition("=") for line in lines) if value.startswith("/")]
    (folder / "pcp.conf").write_text("".join(f"{name}={moved.get(name, f'{unpacked}{path}')}\n" for name, path in pairs))
    metrics = "\n".join(f"    {name}" for name in PCP_METRICS)
    (folder / "metrics").write_text(f"log mandatory on 1 second {{\n{metrics}\n}}\n")
    env = {**workshop.libraries(unpacked), "PCP_CONF": str(folder / "pcp.conf"), "PMNS_DEFAULT": str(folder / "names")}
    # Setting it up would merge the names of all agents; those of the Linux agent are enough.
    workshop.quietly(ours / "bin/pmnsmerge", ours / "pmns/root_linux", folder / "names", env=env)
    return Plan([unpacked / "usr/bin/pmlogger", "-o", "-c", folder / "metrics", "-l", folder / "log",
                 folder / "archive"], env)


def atop(folder, seconds):
    return Plan([workshop.deb("atop") / "usr/bin/atop", "-w", folder / "raw", "1"])


def glances(folder, seconds):
    return Plan([workshop.venv("glances") / "glances", "-q", "-t", "1", "--export", "csv", "--export-csv-file",
                 folder / "glances.csv", "--disable-check-update"])
