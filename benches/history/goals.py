"""The goals, and the table in which each is a row."""

import sys
from dataclasses import dataclass, field

MIB = 1 << 20


@dataclass
class Goal:
    """A figure, lower is better: at most `most` and, if `of_peer` is given, at most so many times
    the figure of VictoriaMetrics."""
    key: str
    what: str
    most: float | None = None
    of_peer: float | None = None
    digits: int = 2


GOALS = [
    Goal("busy", "bytes per value, busy host", 1.02, 0.75, 3),
    Goal("quiet", "bytes per value, quiet host", 0.32, 0.75, 3),
    Goal("recording", "bytes per value, recording of this machine", None, None, 3),
    Goal("append hot", "append, back to back: CPU us per tick", 150, digits=0),
    Goal("append paced", "append, paced: CPU us per tick", 500, digits=0),
    Goal("append written", "append, back to back: bytes written per tick", 12_000, digits=0),
    Goal("week", "1 series, 7 days to 1,000 points, warm: ms", 1),
    Goal("week cold", "1 series, 7 days to 1,000 points, cold: ms", 15),
    Goal("hour", "1 series, the last hour, raw: ms", 0.1, digits=3),
    Goal("sixteen", "16 series, 24 h to 300 points: ms", 2),
    Goal("compare", "10 series, 1 h against yesterday: ms", 0.3, digits=3),
    Goal("all", "200 series, 7 days by the hour: ms", 5),
    Goal("changes", "200 series, what changed between two days: ms", 100, digits=1),
    Goal("year", "1 series, one year to 1,000 points: ms", 30),
    Goal("year cold", "1 series, one year to 1,000 points, cold: ms"),
    Goal("resident", "resident memory after all of these: MiB", 40, digits=1),
    Goal("grown", "the most that one query took of it: MiB", 32, digits=1),
    Goal("open", "open with a year stored: ms", 1000, digits=1),
]


@dataclass
class Figures:
    """What was found: by goal and store, a number or why there is none."""
    found: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)

    def put(self, key, store, value):
        self.found[key, store] = value
        # A run takes long: whoever ends it before its table has seen this much.
        print(f"         {key}, {store}: {value:,.3f}", file=sys.stderr, flush=True)

    def of(self, key, store):
        value = self.found.get((key, store))
        return value if isinstance(value, (int, float)) else None


def verdict(goal, figures):
    ours = figures.of(goal.key, "PerfWatch")
    if ours is None:
        return "-", "not measured"
    bounds = [(goal.most, f"<= {goal.most:,g}")] if goal.most is not None else []
    peer = figures.of(goal.key, "VictoriaMetrics")
    if goal.of_peer and peer is not None:
        bounds.append((goal.of_peer * peer, f"<= {goal.of_peer:g} x VM"))
    words = ", ".join(word for _, word in bounds) or "-"
    met = "met" if all(ours <= most for most, _ in bounds) else "MISSED"
    return words, met if bounds else "-"


def rows(figures, peers):
    """Each goal as cells: a peer's figure stands with how many times ours it is."""
    for goal in GOALS:
        ours = figures.of(goal.key, "PerfWatch")
        cells = [shown(ours, goal.digits)]
        for peer in peers:
            theirs = figures.of(goal.key, peer)
            ratio = f" ({theirs / ours:.1f}x)" if theirs is not None and ours else ""
            cells.append(shown(theirs, goal.digits) + ratio)
        yield goal.what, cells, *verdict(goal, figures)


def shown(value, digits):
    return "-" if value is None else f"{value:,.{digits}f}"


def text(figures, peers):
    head = ["PerfWatch", *peers, "goal"]
    lines = [("", head, "")] + [(what, [*cells, goal], met) for what, cells, goal, met in rows(figures, peers)]
    name = max(len(what) for what, *_ in lines)
    widths = [max(len(cells[at]) for _, cells, _ in lines) for at in range(len(head))]
    shown_lines = [f"{what:<{name}}  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths))
                   + f"  {met}" for what, cells, met in lines]
    return "\n".join(line.rstrip() for line in shown_lines)


def markdown(figures, peers):
    lines = [f"| what | PerfWatch | {' | '.join(peers)} | goal | |", f"|---|{'---:|' * (len(peers) + 2)}---|"]
    lines += [f"| {what} | {' | '.join(cells)} | {goal} | {met} |" for what, cells, goal, met in rows(figures, peers)]
    return "\n".join(lines)
