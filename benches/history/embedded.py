"""Peers that live in the process that asks: DuckDB, and rows of JSON in SQLite.

Run as a program it is that process: `embedded.py duckdb|rows FILE`, and answers each line of JSON
with one.
"""

import json
import sqlite3
import sys
import time


class Rows:
    """SQLite as most would use it: a tick is a row of a time and a text of JSON."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("CREATE TABLE IF NOT EXISTS frames (time INTEGER PRIMARY KEY, body TEXT)")

    def fill(self, path, names):
        keys = [json.dumps(name) + ":" for name in names]
        with open(path) as lines:
            self.db.execute("BEGIN")
            self.db.executemany("INSERT INTO frames VALUES (?, ?)", (self.row(line, keys) for line in lines))
            self.db.execute("COMMIT")
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @staticmethod
    def row(line, keys):
        time_ms, *cells = line.rstrip("\n").split(",")
        return int(time_ms), "{" + ",".join(key + cell for key, cell in zip(keys, cells) if cell) + "}"

    def append(self, line, names):
        self.db.execute("INSERT INTO frames VALUES (?, ?)", self.row(line, [json.dumps(name) + ":" for name in names]))

    def ask(self, names, start, end, step):
        if not names:
            return self.db.execute("SELECT time / ?, key, avg(value) FROM frames, json_each(body) "
                                   "WHERE time >= ? AND time < ? GROUP BY 1, 2", (step, start, end)).fetchall()
        cells = [f"json_extract(body, '$.{json.dumps(name)}')" for name in names]
        return self.db.execute(*select(cells, "frames", start, end, step)).fetchall()


class Duck:
    """DuckDB: a tick is a row, a series a column."""

    def __init__(self, path):
        import duckdb
        self.db, self.insert = duckdb.connect(path), ""

    def fill(self, path, names):
        kinds = {"time": "BIGINT", **{name: "DOUBLE" for name in names}}
        self.db.execute(f"CREATE TABLE ticks AS SELECT * FROM read_csv('{path}', header = false, auto_detect = false, "
                        f"delim = ',', columns = {kinds}) ORDER BY time")
        self.db.execute("CHECKPOINT")

    def append(self, line, names):
        cells = [float(cell) if cell else None for cell in line.rstrip("\n").split(",")]
        if not self.insert:
            columns = ", ".join('"' + name.replace('"', '""') + '" DOUBLE' for name in names)
            self.db.execute(f"CREATE TABLE ticks (time BIGINT, {columns})")
            self.insert = f"INSERT INTO ticks VALUES ({','.join('?' * len(cells))})"
        self.db.execute(self.insert, [int(cells[0]), *cells[1:]])

    def ask(self, names, start, end, step):
        names = names or [row[0] for row in self.db.execute(
            "SELECT column_name FROM information_schema.columns WHERE column_name <> 'time'").fetchall()]
        cells = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names]
        return self.db.execute(*select(cells, "ticks", start, end, step)).fetchall()


def select(cells, table, start, end, step):
    where = f"FROM {table} WHERE time >= ? AND time < ?"
    if not step:
        return f"SELECT time, {', '.join(cells)} {where} ORDER BY time", (start, end)
    means = ", ".join(f"avg({cell})" for cell in cells)
    whole = "//" if table == "ticks" else "/"
    return f"SELECT time {whole} {step} AS bucket, {means} {where} GROUP BY 1 ORDER BY 1", (start, end)


def written():
    with open("/proc/self/io") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def obey(store, order):
    kind = order.pop("do")
    if kind == "fill":
        return store.fill(order["path"], order["names"])
    if kind == "ask":
        start = time.perf_counter()
        rows = sum(len(store.ask(order["names"], *span, order["step"])) for span in order["ranges"])
        took = time.perf_counter() - start
        if not rows:
            raise ValueError("no rows")
        return took
    cpu, bytes_before = time.process_time(), written()
    for line in order["lines"]:
        store.append(line, order["names"])
        time.sleep(order["pause"])
    count = len(order["lines"])
    return (time.process_time() - cpu) * 1e6 / count, (written() - bytes_before) / count


def main():
    kind, path = sys.argv[1:]
    store = Duck(path) if kind == "duckdb" else Rows(path)
    for line in sys.stdin:
        try:
            answer = {"ok": obey(store, json.loads(line))}
        except Exception as error:  # Whatever it is, the other end shows it.
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
