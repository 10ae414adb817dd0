"""The values that every store is given, as `history fill --sheet` writes them: a line per tick with
its time and one cell per series; empty where there is no value. Cells are passed on as they are."""

import itertools
import json

HOUR_MS = 3_600_000


class Sheet:
    def __init__(self, path, names):
        self.path, self.names = path, names

    def lines(self):
        """Each tick as its cells, the time first; short lines are missing what they lack."""
        with open(self.path) as lines:
            for line in lines:
                yield line.rstrip("\n").split(",")

    def spans(self, length_ms):
        """The ticks by spans of time: each as its times and one column per series."""
        for _, lines in itertools.groupby(self.lines(), lambda cells: int(cells[0]) // length_ms):
            times, *columns = itertools.zip_longest(*lines, fillvalue="")
            columns += [("",) * len(times)] * (len(self.names) - len(columns))
            yield times, columns

    def series(self, length_ms):
        """The same by series: name, times and values, without what is missing."""
        for times, columns in self.spans(length_ms):
            for name, column in zip(self.names, columns):
                if "" not in column:
                    yield name, times, column
                elif kept := [pair for pair in zip(times, column) if pair[1]]:
                    yield name, *zip(*kept)

    def ticks(self, count):
        """The first ticks as times and pairs of name and value."""
        for cells in itertools.islice(self.lines(), count):
            yield int(cells[0]), [(name, cell) for name, cell in zip(self.names, cells[1:]) if cell]


def label(name):
    """A series' name as a quoted label of PromQL, JSON and the exposition formats."""
    return json.dumps(name)


def json_lines(sheet):
    """Blocks of VictoriaMetrics' own import format, some megabytes each."""
    block, size = [], 0
    for name, times, values in sheet.series(24 * HOUR_MS):
        line = (f'{{"metric":{{"__name__":"m","s":{label(name)}}},"values":[{",".join(values)}],'
                f'"timestamps":[{",".join(times)}]}}\n')
        block.append(line)
        size += len(line)
        if size > 8_000_000:
            yield "".join(block).encode()
            block, size = [], 0
    if block:
        yield "".join(block).encode()


def open_metrics(sheet):
    """OpenMetrics text of two hours each: what a block of Prometheus holds."""
    for times, columns in sheet.spans(2 * HOUR_MS):
        seconds = [f" {time[:-3]}.{time[-3:]}\n" for time in times]
        parts = ["# TYPE m gauge\n"]
        for name, column in zip(sheet.names, columns):
            start = f"m{{s={label(name)}}} "
            parts += [start + cell + second for cell, second in zip(column, seconds) if cell]
        yield "".join(parts) + "# EOF\n"
