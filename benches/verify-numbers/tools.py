"""The tools people already trust: how each is started for one interval, and how it is read."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Debian's package of each tool.
PACKAGES = {"free": "procps", "vmstat": "procps", "df": "coreutils", "mpstat": "sysstat", "iostat": "sysstat",
            "sar": "sysstat", "perf": "linux-perf"}

PERF_EVENTS = "context-switches,cpu-migrations,page-faults,minor-faults,major-faults,cpu-clock"


def stop(reason):
    print(f"verify-numbers: {reason}", file=sys.stderr)
    sys.exit(2)


def install_missing():
    """As root, gets what is missing; otherwise says what to install."""
    missing = sorted({package for tool, package in PACKAGES.items() if shutil.which(tool) is None})
    if not missing:
        return
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        stop(f"tools are missing: {' '.join(install)}")
    subprocess.run(["apt-get", "update", "-q"], stdout=subprocess.DEVNULL, check=False)
    if subprocess.run(install, stdout=subprocess.DEVNULL, check=False).returncode:
        stop(f"`{' '.join(install)}` failed")


def binary():
    """The perfwatch binary to be checked."""
    if "PERFWATCH" in os.environ:
        path = pathlib.Path(os.environ["PERFWATCH"])
        candidates = [path if path.is_absolute() else pathlib.Path.cwd() / path, ROOT / path]
    else:
        candidates = [ROOT / "target" / profile / "perfwatch" for profile in ("release", "debug")]
    for candidate in candidates:
        if candidate.is_file():
            return str(candidate)
    stop(f"no perfwatch binary at {candidates[0]}: run `cargo build -p perfwatch-cli`")


class Tool:
    """A program that watches one interval and then says what it saw."""

    def __init__(self, *command):
        self.command = [str(word) for word in command]
        # Numbers with a point and columns with English names, whatever the user's language.
        env = {**os.environ, "LC_ALL": "C", "NO_COLOR": "1", "S_TIME_FORMAT": "ISO"}
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=env)

    def output(self):
        text, said = self.process.communicate(timeout=120)
        if self.process.returncode != 0:
            stop(f"`{' '.join(self.command)}` failed: {said.strip() or text.strip()}")
        # perf writes its counts to standard error.
        return text or said


def start(seconds):
    """Starts PerfWatch and every tool over the same interval."""
    return {
        "perfwatch": Tool(binary(), "snapshot", "--format", "json", "--interval", f"{seconds}s"),
        "mpstat": Tool("mpstat", "-P", "ALL", "-u", "-I", "SUM", "-o", "JSON", seconds, 1),
        "iostat": Tool("iostat", "-x", "-y", "-o", "JSON", seconds, 1),
        "sar": Tool("sar", "-w", "-B", "-n", "DEV,TCP,ETCP,UDP", seconds, 1),
        "vmstat": Tool("vmstat", "-y", "-w", seconds, 1),
        "perf": Tool("perf", "stat", "-a", "-x,", "-e", PERF_EVENTS, "sleep", seconds),
    }


def sysstat(text):
    """The only report of mpstat or iostat."""
    return json.loads(text)["sysstat"]["hosts"][0]["statistics"][0]


def sar_averages(text):
    """Sar's averages: by column, and for its interfaces by name and column."""
    found, columns = {}, []
    for words in map(str.split, text.splitlines()):
        if not words or words[0] != "Average:":
            continue
        if not is_number(words[-1]):
            columns = words[1:]
        elif columns[0] == "IFACE":
            found[words[1]] = dict(zip(columns[1:], map(float, words[2:])))
        else:
            found.update(zip(columns, map(float, words[1:])))
    return found


def is_number(word):
    return word.replace(".", "", 1).isdigit()


def vmstat_columns(text):
    *_, names, values = [line.split() for line in text.splitlines()]
    return dict(zip(names, map(float, values)))


def perf_rates(text):
    """Events per second; `cpu-clock` is the number of CPUs that were counted.

    A line is `value,unit,event,nanoseconds that it was counted on all CPUs together,...`.
    """
    rates, cpus = {}, os.cpu_count()
    for line in text.splitlines():
        fields = line.split(",")
        if len(fields) < 4 or not is_number(fields[0]):
            continue
        value, event, seconds = float(fields[0]), fields[2].partition(":")[0], int(fields[3]) / 1e9 / cpus
        rates[event] = value / (1e3 if event == "cpu-clock" else 1) / seconds
    return rates


def free_levels(text):
    heading, memory, swap, *_ = [line.split() for line in text.splitlines()]
    free = dict(zip(heading, map(int, memory[1:])))
    # Older versions of free count used without reclaimable memory; ours is total - available.
    free["total-avail"] = free["total"] - free["available"]
    free["swap total"], free["swap used"], free["swap free"] = map(int, swap[1:4])
    return free
