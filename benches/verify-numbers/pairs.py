"""Each quantity as PerfWatch says it beside the same of another tool, and how far they may differ."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Tolerance:
    """How far two values may differ: the larger of both bounds counts. `why` is said wherever it is
    not the common bound of 1 percentage point or 2 %."""
    relative: float = 0.02
    absolute: float = 0.0
    why: str = ""

    def allowed(self, value):
        return max(self.absolute, self.relative * abs(value))


EXACT = Tolerance(0, 0)
POINTS = Tolerance(0, 1.0)
# The load lies within all intervals, but what the tools themselves do at their start and end does not.
RATE = Tolerance(0.02, 2.0)
EDGE = Tolerance(0.02, 20.0, "each tool's own start and end falls into the intervals of some others")
INTEGER = Tolerance(0.02, 1.0, "vmstat shows whole numbers")
INTEGER_EDGE = Tolerance(0.02, 20.0, "whole numbers; " + EDGE.why)
FEW = Tolerance(0.02, 5.0, EDGE.why)
BYTES = Tolerance(0.02, 24.0 * 1024, "the journal may be written between the ends of two intervals")
SWAP = Tolerance(0.02, 1024.0, INTEGER.why)
HUNDREDTHS = Tolerance(0.02, 0.02, "shown in hundredths")
FEW_FLUSHES = Tolerance(0.02, 0.2, "few of them, in hundredths of a millisecond")
RARE = Tolerance(0.02, 1.0)
MEMORY = Tolerance(0.005, 32 * MIB, "read some ms apart, while the other tools end")
DISK = Tolerance(0.005, 64 * MIB, "read some ms apart")
PERCENT_UP = Tolerance(0, 1.0, "df shows whole percent, rounded up")
LOAD = Tolerance(0.10, 0.10, "the kernel computes it every 5 s; it may do so between both reads")


@dataclass
class Pair:
    name: str
    ours: float | None
    tool: str
    theirs: float
    tolerance: Tolerance

    def agree(self):
        return self.ours is not None and abs(self.ours - self.theirs) <= self.tolerance.allowed(self.theirs)


def table(prefix, ours, tool, theirs, names, tolerance):
    """Pairs of a table: for each field of ours the tool's name of it, and perhaps a tolerance."""
    for field, other in names.items():
        other, own, *factor = other if isinstance(other, tuple) else (other, tolerance)
        if other in theirs:
            scale = factor[0] if factor else 1
            yield Pair(f"{prefix}.{field}", ours.get(field), f"{tool} {other}", theirs[other] * scale, own)


CPU = {"user_percent": "usr", "nice_percent": "nice", "system_percent": "sys", "iowait_percent": "iowait",
       "irq_percent": "irq", "softirq_percent": "soft", "steal_percent": "steal", "idle_percent": "idle"}


def cpu(data, mpstat, sar, vmstat):
    for load in mpstat["cpu-load"]:
        every = load["cpu"] in ("all", "-1")
        name = "cpu" if every else f"cpu.{load['cpu']}"
        ours = data["cpu"] if every else data["cpu"]["cores"].get(load["cpu"], {})
        # mpstat counts guests apart, PerfWatch inside user and nice as the kernel does.
        load = {**load, "usr": load["usr"] + load["guest"], "nice": load["nice"] + load["gnice"]}
        load["busy"] = 100 - load["idle"] - load["iowait"]
        yield from table(name, ours, "mpstat", load, {**CPU, "usage_percent": "busy"}, POINTS)
    whole = {"context_switches_per_sec": ("cswch/s", EDGE), "forks_per_sec": ("proc/s", RATE)}
    yield from table("cpu", data["cpu"], "sar", sar, whole, RATE)
    whole = {"context_switches_per_sec": "cs", "interrupts_per_sec": "in"}
    yield from table("cpu", data["cpu"], "vmstat", vmstat, whole, INTEGER_EDGE)
    interrupts = {"intr": mpstat["sum-interrupts"][0]["intr"]}
    yield from table("cpu", data["cpu"], "mpstat", interrupts, {"interrupts_per_sec": "intr"}, EDGE)


def load(data, text):
    for minutes, theirs in zip(("1m", "5m", "15m"), text.split()):
        yield Pair(f"cpu.load_{minutes}", data["cpu"][f"load_{minutes}"], "/proc/loadavg", float(theirs), LOAD)


def memory(data, free):
    names = {"total_bytes": ("total", EXACT), "used_bytes": "total-avail", "available_bytes": "available",
             "free_bytes": "free", "shared_bytes": "shared", "swap_total_bytes": ("swap total", EXACT),
             "swap_used_bytes": "swap used", "swap_free_bytes": "swap free"}
    yield from table("memory", data["memory"], "free", free, names, MEMORY)
    ours = sum(data["memory"][part] for part in ("buffers_bytes", "cached_bytes", "shared_bytes"))
    # free counts shared memory as cache, PerfWatch counts it apart.
    yield Pair("memory caches+shared", ours, "free buff/cache", free["buff/cache"], MEMORY)


DEVICE = {"reads_per_sec": "r/s", "writes_per_sec": "w/s", "discards_per_sec": "d/s", "flushes_per_sec": "f/s",
          "bytes_read_per_sec": ("rkB/s", BYTES, 1024), "bytes_written_per_sec": ("wkB/s", BYTES, 1024),
          "read_latency_ms": ("r_await", HUNDREDTHS), "write_latency_ms": ("w_await", HUNDREDTHS),
          "flush_latency_ms": ("f_await", FEW_FLUSHES), "queue_length": ("aqu-sz", HUNDREDTHS),
          "utilization_percent": ("util", POINTS)}


def devices(data, iostat):
    for theirs in iostat["disk"]:
        name = theirs["disk_device"]
        ours = data["disk"]["devices"].get(name, {})
        names = {field: other for field, other in DEVICE.items() if not idle(field, ours, theirs)}
        yield from table(f"disk {name}", ours, "iostat", theirs, names, RATE)


def idle(field, ours, theirs):
    """Where nothing was asked of the disk there is no latency: null here, 0 in iostat."""
    asked = {"read_latency_ms": "r/s", "write_latency_ms": "w/s", "flush_latency_ms": "f/s"}
    return field in asked and ours.get(field) is None and not theirs.get(asked[field])


def filesystems(data, text):
    for line in text.splitlines()[1:]:
        target, size, used, available, percent = line.rsplit(None, 4)
        ours = data["disk"]["filesystems"].get(target)
        if ours is None:
            continue
        # df rounds up: half a percent is subtracted to meet in the middle.
        theirs = {"size": int(size), "used": int(used), "avail": int(available),
                  "use%-0.5": float(percent.rstrip("%")) - 0.5}
        names = {"total_bytes": ("size", EXACT), "used_bytes": "used", "available_bytes": "avail",
                 "usage_percent": ("use%-0.5", PERCENT_UP)}
        yield from table(f"disk {target}", ours, "df", theirs, names, DISK)


INTERFACE = {"packets_recv_per_sec": "rxpck/s", "packets_sent_per_sec": "txpck/s",
             "bytes_recv_per_sec": ("rxkB/s", Tolerance(0.02, 2048), 1024),
             "bytes_sent_per_sec": ("txkB/s", Tolerance(0.02, 2048), 1024)}
TCP = {"active_opens_per_sec": "active/s", "passive_opens_per_sec": "passive/s", "segments_recv_per_sec": "iseg/s",
       "segments_sent_per_sec": "oseg/s", "segments_retransmitted_per_sec": ("retrans/s", RARE),
       "resets_sent_per_sec": ("orsts/s", RARE)}
UDP = {"datagrams_recv_per_sec": "idgm/s", "datagrams_sent_per_sec": "odgm/s", "no_port_per_sec": ("noport/s", RARE)}


def network(data, sar):
    for name, ours in data["network"]["interfaces"].items():
        theirs = sar.get(name)
        # Interfaces that did nothing would be rows of zeros.
        if theirs and (any(theirs.values()) or ours["packets_recv_per_sec"]):
            yield from table(f"network {name}", ours, "sar", theirs, INTERFACE, RATE)
    yield from table("tcp", data["network"]["tcp"], "sar", sar, TCP, RATE)
    yield from table("udp", data["network"]["udp"], "sar", sar, UDP, RATE)


def paging(data, sar, vmstat):
    ours = data["memory_bandwidth"]
    scanned = sar["pgscank/s"] + sar["pgscand/s"]
    sar = {**sar, "pgscan/s": scanned}
    names = {"page_in_bytes_per_sec": ("pgpgin/s", BYTES, 1024), "page_out_bytes_per_sec": ("pgpgout/s", BYTES, 1024),
             "page_faults_per_sec": ("fault/s", EDGE), "major_faults_per_sec": ("majflt/s", FEW),
             "pages_scanned_per_sec": "pgscan/s", "pages_reclaimed_per_sec": "pgsteal/s"}
    yield from table("paging", ours, "sar", sar, names, RATE)
    names = {"page_in_bytes_per_sec": ("bi", BYTES, 1024), "page_out_bytes_per_sec": ("bo", BYTES, 1024),
             "swap_in_bytes_per_sec": ("si", SWAP, 1024), "swap_out_bytes_per_sec": ("so", SWAP, 1024)}
    yield from table("paging", ours, "vmstat", vmstat, names, INTEGER)


def perf_events(data, perf):
    names = {"context_switches_per_sec": "context-switches", "cpu_migrations_per_sec": ("cpu-migrations", FEW),
             "page_faults_per_sec": "page-faults", "minor_faults_per_sec": "minor-faults",
             "major_faults_per_sec": ("major-faults", FEW), "cpu_clock": ("cpu-clock", HUNDREDTHS)}
    yield from table("perf", data["perf_events"], "perf", perf, names, EDGE)
