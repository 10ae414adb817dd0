"""Starts programs as children, reads what they and their children cost, and ends them."""

import os
import pathlib
import signal
import subprocess
import time
from dataclasses import dataclass

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20


@dataclass
class Cost:
    """CPU time so far: exact in sum; the kernel tells user and system apart only by sampling."""
    cpu_s: float = 0.0
    user_ticks: int = 0
    system_ticks: int = 0

    def __sub__(self, before):
        return Cost(self.cpu_s - before.cpu_s, self.user_ticks - before.user_ticks,
                    self.system_ticks - before.system_ticks)

    def __add__(self, other):
        return Cost(self.cpu_s + other.cpu_s, self.user_ticks + other.user_ticks,
                    self.system_ticks + other.system_ticks)


def stat(pid):
    """The fields of /proc/<pid>/stat from `state` on, or nothing if the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def tree(root):
    """A process and all that descend from it or share its session."""
    parents, found = {}, {root}
    for entry in os.listdir("/proc"):
        fields = stat(entry) if entry.isdigit() else None
        if fields:
            parents[int(entry)] = int(fields[1])
            found |= {int(entry)} if int(fields[3]) == root else set()
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found & parents.keys()


def cost(pids):
    """What processes have cost since their start, with the children that they have waited for."""
    total = Cost()
    for pid in pids:
        fields = stat(pid)
        if fields is None:
            continue
        user, system, children_user, children_system = map(int, fields[11:15])
        children = (children_user + children_system) / TICKS_PER_SECOND
        total += Cost(cpu_clock(pid) + children, user + children_user, system + children_system)
    return total


def cpu_clock(pid):
    """CPU time of all threads of a process, ended ones too, in seconds."""
    try:
        # How clock_getcpuclockid(3) makes the number of such a clock.
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def memory(pids):
    """Resident and proportional memory of processes together, in MiB."""
    sums = {"Rss": 0, "Pss": 0}
    for pid in pids:
        try:
            lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        for name, value, *_ in map(str.split, lines):
            if name.rstrip(":") in sums:
                sums[name.rstrip(":")] += int(value) * 1024
    return sums["Rss"] / MIB, sums["Pss"] / MIB


class Child:
    """A program in a session of its own, ended with all its children at the end of the block."""

    def __init__(self, command, folder, env=None):
        self.command, self.folder, self.env = list(map(str, command)), folder, env or {}

    def __enter__(self):
        env = {**os.environ, "LC_ALL": "C", "HOME": str(self.folder), **self.env}
        self.log = open(self.folder / "output", "wb")
        self.process = subprocess.Popen(self.command, cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)
        return self

    def pids(self):
        return tree(self.process.pid)

    def ended(self):
        return self.process.poll() is not None

    def last_words(self):
        lines = (self.folder / "output").read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "no output")

    def __exit__(self, *_):
        # A child outlives its parent under another: look for them before.
        family = {pid: fields[19] for pid in self.pids() if (fields := stat(pid))}
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid, started in family.items():
            if (fields := stat(pid)) and fields[19] == started:
                os.kill(pid, signal.SIGKILL)
        self.log.close()
