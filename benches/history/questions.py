"""What is asked, in the words of each peer. The series are those of `benches/src/history/ask.rs`."""

from dataclasses import dataclass

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CORES = 12
OTHERS = ["memory.available_bytes", "network.interfaces.eth0.received_bytes_per_sec",
          "disk.devices.nvme0n1.written_bytes_per_sec", "system.switches_per_sec",
          "network.interfaces.eth0.sent_bytes_per_sec", "disk.devices.nvme0n1.busy_percent",
          "memory.cached_bytes", "sensors.core0.temperature_celsius"]
# What is asked of the peers too.
NAMES = ["week", "hour", "sixteen", "compare", "all"]


@dataclass
class Asked:
    """Averages of some series (all, if none is named) of ranges of time, in buckets; of no length
    where values are wanted as they are."""
    names: list
    ranges: list
    step_ms: int


def asked(question, run, end_ms, step_ms):
    """The question, in steps as long as those of PerfWatch's answer."""
    week, day, hour = ([(end_ms - length, end_ms)] for length in (7 * DAY_MS, DAY_MS, HOUR_MS))
    core = [f"cpu.cores.{run % CORES}.user_percent"]
    if question == "compare":
        return Asked(some(run, 10), [*hour, (end_ms - DAY_MS - HOUR_MS, end_ms - DAY_MS)], HOUR_MS)
    return {"week": Asked(core, week, step_ms), "hour": Asked(core, hour, 0),
            "sixteen": Asked(some(run, 16), day, step_ms), "all": Asked([], week, HOUR_MS)}[question]


def some(run, count):
    few = count // 2
    cores = [f"cpu.cores.{(run + core) % CORES}.{field}_percent" for field in ("usage", "system") for core in range(4)]
    return cores[:count - few] + OTHERS[:few]
