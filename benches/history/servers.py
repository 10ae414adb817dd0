"""Peers that are servers: VictoriaMetrics and Prometheus, each on a free port of 127.0.0.1."""

import http.client
import http.server
import json
import pathlib
import shutil
import threading
import time
import urllib.parse

import processes
import sheet as sheets
import workshop
from programs import free_port
from workshop import Unavailable

START_S = 60
# What a server does behind an import or an append is counted if it is done within this time.
AFTERWARDS_S = 3
# Prometheus looks for blocks to merge when it has run for a minute. A day of them is not waited for.
FIRST_MERGE_S = 65
FEW_BLOCKS = 15


class Server:
    """A server over a folder; the subclass says how it is started and filled."""

    def __init__(self, folder):
        self.folder, self.child, self.port = folder, None, 0
        self.data = folder / "data"
        folder.mkdir(parents=True, exist_ok=True)

    def start(self):
        self.port = free_port()
        self.child = processes.Child(self.command(), self.folder).__enter__()
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        deadline = time.monotonic() + START_S
        while True:
            try:
                self.get(self.ready)
                return
            except (OSError, Unavailable) as error:
                self.line.close()
                if self.child.ended() or time.monotonic() > deadline:
                    raise Unavailable(f"does not start: {self.child.last_words()} ({error})") from None
                time.sleep(0.05)

    def stop(self):
        if self.child:
            self.line.close()
            self.child.__exit__(None, None, None)
            self.child = None

    def get(self, path, body=None):
        try:
            return self.get_once(path, body)
        except (http.client.HTTPException, ConnectionError):
            # Servers end connections that have been idle.
            self.line.close()
        try:
            return self.get_once(path, body)
        except http.client.HTTPException as error:
            raise Unavailable(f"{path[:60]}: {error!r}") from None

    def get_once(self, path, body):
        self.line.request("POST" if body is not None else "GET", path, body)
        answer = self.line.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise Unavailable(f"{path[:60]}: {answer.status} {text[:200].decode(errors='replace')}")
        return text

    def ask(self, asked):
        """Seconds until the whole answer is read."""
        paths = [self.path(asked, *span) for span in asked.ranges]
        start = time.perf_counter()
        answers = [self.get(path) for path in paths]
        took = time.perf_counter() - start
        if any(b'"success"' not in answer[:60] or len(answer) < 200 for answer in answers):
            raise Unavailable(f"no values in its answer: {answers[0][:120]}")
        return took

    def path(self, asked, start_ms, end_ms):
        names = "|".join(name.replace(".", "[.]") for name in asked.names)
        chosen = "m"
        if asked.names:
            chosen = f'm{{s="{asked.names[0]}"}}' if len(asked.names) == 1 else f'm{{s=~"{names}"}}'
        step = asked.step_ms // 1000
        if not step:
            query = {"query": f"{chosen}[{(end_ms - start_ms) // 1000}s]", "time": end_ms / 1000}
        elif end_ms - start_ms == asked.step_ms:
            query = {"query": f"avg_over_time({chosen}[{step}s])", "time": end_ms / 1000}
        else:
            # A point stands at the end of its bucket.
            query = {"query": f"avg_over_time({chosen}[{step}s])", "start": start_ms / 1000 + step,
                     "end": end_ms / 1000, "step": step}
        kind = "query_range" if "step" in query else "query"
        return f"/api/v1/{kind}?{urllib.parse.urlencode({**query, **self.extra})}"

    def cost(self):
        """CPU time in seconds and written bytes so far."""
        pid = self.child.process.pid
        lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
        written = next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))
        return processes.cpu_clock(pid), written

    def settle(self):
        """Waits for the end of merging."""
        quiet = 0
        while quiet < 4:
            before = processes.cpu_clock(self.child.process.pid)
            time.sleep(0.5)
            quiet = quiet + 1 if processes.cpu_clock(self.child.process.pid) - before < 0.02 else 0

    def size(self):
        return sum(file.stat().st_size for file in self.files() if not self.ignored(file))

    def files(self):
        return [file for file in self.data.rglob("*") if file.is_file()]


class VictoriaMetrics(Server):
    name = "VictoriaMetrics"
    ready = "/health"
    # Otherwise it remembers answers.
    extra = {"nocache": "1"}

    def command(self):
        program = workshop.deb("victoria-metrics") / "usr/bin/victoria-metrics"
        return [program, f"-storageDataPath={self.data}", f"-httpListenAddr=127.0.0.1:{self.port}",
                "-retentionPeriod=100y", "-search.maxPointsPerTimeseries=100000", "-selfScrapeInterval=0"]

    @staticmethod
    def ignored(file):
        return "cache" in file.parts or file.name == "flock.lock"

    def fill(self, sheet):
        self.start()
        for block in sheets.json_lines(sheet):
            self.get("/api/v1/import", block)
        for path in ("/internal/force_flush", "/internal/force_merge"):
            self.get(path)
        self.settle()

    def append(self, ticks, pause_s):
        """CPU microseconds and bytes written per tick."""
        bodies = ["".join(f"m{{s={sheets.label(name)}}} {value} {time_ms}\n" for name, value in pairs).encode()
                  for time_ms, pairs in ticks]
        self.start()
        cpu, written = self.cost()
        for body in bodies:
            self.get("/api/v1/import/prometheus", body)
            time.sleep(pause_s)
        time.sleep(AFTERWARDS_S)
        cpu_after, written_after = self.cost()
        return (cpu_after - cpu) * 1e6 / len(bodies), (written_after - written) / len(bodies)


class Prometheus(Server):
    name = "Prometheus"
    ready = "/-/ready"
    extra = {}
    targets = ""

    def command(self):
        config = self.folder / "prometheus.yml"
        config.write_text(self.targets or "scrape_configs: []\n")
        return [tool("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self.data}",
                f"--web.listen-address=127.0.0.1:{self.port}", "--storage.tsdb.retention.time=100y",
                "--log.level=error"]

    @staticmethod
    def ignored(file):
        return file.name in ("lock", "queries.active") or "wal" in file.parts or "chunks_head" in file.parts

    def fill(self, sheet):
        self.data.mkdir()
        text = self.folder / "two-hours"
        for block in sheets.open_metrics(sheet):
            text.write_text(block)
            workshop.quietly(tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", "-q", text, self.data)
        self.start()
        if len(list(self.data.glob("01*"))) > FEW_BLOCKS:
            time.sleep(FIRST_MERGE_S)
            self.settle()

    def append(self, ticks, pause_s):
        """The same, for a scrape. It reads its targets by the clock only, never back to back."""
        if not pause_s:
            raise Unavailable("scrapes by the clock")
        target = Target(["".join(f"m{{s={sheets.label(name)}}} {value}\n" for name, value in pairs)
                         for _, pairs in ticks])
        self.targets = (f"global: {{scrape_interval: {round(pause_s * 1000)}ms, scrape_timeout: "
                        f"{round(pause_s * 1000)}ms}}\nscrape_configs:\n- job_name: p\n  static_configs:\n"
                        f"  - targets: ['127.0.0.1:{target.port}']\n")
        try:
            self.start()
            before, (cpu, written) = target.served, self.cost()
            time.sleep(pause_s * len(ticks))
            served, (cpu_after, written_after) = target.served - before, self.cost()
        finally:
            target.stop()
        if served < len(ticks) / 2:
            raise Unavailable(f"scraped {served} times only")
        return (cpu_after - cpu) * 1e6 / served, (written_after - written) / served


class Target:
    """What Prometheus scrapes: one tick after the other."""

    def __init__(self, bodies):
        target = self
        self.served = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = bodies[target.served % len(bodies)].encode()
                target.served += 1
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def tool(name):
    """A program of Prometheus, installed or unpacked."""
    return shutil.which(name) or workshop.deb("prometheus") / "usr/bin" / name
