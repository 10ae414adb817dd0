"""The stores that are compared, each behind the same few calls."""

import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys

import servers
import workshop
from questions import asked
from sheet import Sheet
from workshop import Unavailable

HERE = pathlib.Path(__file__).resolve().parent
# As the daemon does: large pieces of memory go back to the system (allocator.rs).
LIKE_THE_DAEMON = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}


def forget(files):
    """Drops files from the page cache, once they are on the disk."""
    for file in files:
        with open(file, "rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Lines:
    """A child that answers each line with a line of JSON."""

    def __init__(self, command, env=None):
        self.child = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, env={**os.environ, **(env or {})})

    def say(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        return self.hear()

    def hear(self):
        line = self.child.stdout.readline()
        if not line:
            raise Unavailable(f"ended by itself with {self.child.wait()}")
        return json.loads(line)

    def end(self):
        self.child.stdin.close()
        try:
            self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


class Perfwatch:
    """PerfWatch's store in a process of its own."""

    name = "PerfWatch"

    def __init__(self, file):
        self.file, self.lines = file, None
        self.program = workshop.perfwatch("perfwatch-benches", "history")
        self.last, self.grown = {}, 0

    def told(self, *words):
        """What a command of the benchmark's binary prints."""
        done = subprocess.run(list(map(str, [self.program, *words])), stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"bench-history: `{' '.join(map(str, words[:2]))}` failed")
        return json.loads(done.stdout)

    def fill(self, kind, sheet_path=None, days=0, record_seconds=0):
        """Figures of the filled store, and the sheet of its values."""
        words = ["fill", self.file, "--with", kind, "--days", days, "--record-seconds", record_seconds]
        told = self.told(*words, *(["--sheet", sheet_path] if sheet_path else []))
        return told["filled"], Sheet(sheet_path, told["names"])

    def start(self):
        self.lines = Lines([self.program, "ask", self.file], LIKE_THE_DAEMON)
        told = self.lines.hear()
        self.end_ms, self.open_ms = told["end_ms"], told["open_ms"]

    def ask(self, question, run):
        """Seconds of one answer."""
        self.last = self.lines.say(f"{question} 1 {run}")
        self.grown = max(self.grown, self.last["grown"] or 0)
        return self.last["ns"][0] / 1e9

    def memory(self):
        return self.lines.say("memory")["now"]

    def stop(self):
        if self.lines:
            self.lines.end()
            self.lines = None

    def files(self):
        return [path for path in self.file.parent.glob(self.file.name + "*") if path.stat().st_size]

    def forget(self):
        forget(self.files())


class Peer:
    """What all peers have in common: the same data, the same questions, their own words."""

    def __init__(self, inner, folder):
        self.inner, self.folder = inner, folder
        self.name = inner.name

    def fill(self, sheet):
        self.inner.fill(sheet)

    def ask(self, question, run, end_ms, step_ms):
        return self.inner.ask(asked(question, run, end_ms, step_ms))

    def restart_cold(self):
        self.inner.stop()
        forget(self.inner.files())
        self.inner.start()


class Embedded:
    """A peer that lives in a process of Python."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.lines = folder / "file", None

    def start(self):
        self.lines = Lines([self.python(), HERE / "embedded.py", self.kind, self.path])

    def stop(self):
        if self.lines:
            self.lines.end()
            self.lines = None

    def order(self, **order):
        answer = self.lines.say(json.dumps(order))
        if "error" in answer:
            raise Unavailable(answer["error"])
        return answer["ok"]

    def fill(self, sheet):
        self.start()
        self.order(do="fill", path=str(sheet.path), names=sheet.names)

    def ask(self, asked):
        return self.order(do="ask", names=asked.names, ranges=asked.ranges, step=asked.step_ms)

    def append(self, sheet, count, pause_s):
        with open(sheet.path) as lines:
            wanted = list(itertools.islice(lines, count))
        self.start()
        return self.order(do="append", lines=wanted, names=sheet.names, pause=pause_s)

    def files(self):
        return list(self.path.parent.glob(self.path.name + "*"))

    def size(self):
        return sum(file.stat().st_size for file in self.files())


class DuckDb(Embedded):
    name, kind = "DuckDB", "duckdb"

    @staticmethod
    def python():
        return workshop.venv("duckdb") / "python"


class JsonRows(Embedded):
    name, kind = "JSON rows", "rows"

    @staticmethod
    def python():
        return sys.executable


KINDS = [servers.VictoriaMetrics, servers.Prometheus, DuckDb, JsonRows]


def new(kind, folder):
    shutil.rmtree(folder, ignore_errors=True)
    return Peer(kind(folder), folder)
