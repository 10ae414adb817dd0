"""One table, as text for a terminal or as Markdown for a README."""


class Table:
    """Rows of a name, cells and a note, under a title. A row without cells only says why."""

    def __init__(self, title, columns):
        self.title, self.columns, self.rows = title, columns, []

    def add(self, name, cells, note):
        self.rows.append((name, cells, note))

    def absent(self, name, reason):
        self.rows.append((name, None, reason))

    def text(self):
        widths = [max(len(column), 8) for column in self.columns]
        name_width = max([16, *(len(name) for name, *_ in self.rows)])
        lines = [self.title, self._line("", self.columns, "", widths, name_width)]
        for name, cells, note in self.rows:
            lines.append(self._line(name, cells, note, widths, name_width) if cells
                         else f"{name:<{name_width}}  {note}")
        return "\n".join(line.rstrip() for line in lines)

    @staticmethod
    def _line(name, cells, note, widths, name_width):
        shown = " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths))
        return f"{name:<{name_width}} {shown}  {note}"

    def markdown(self):
        head = ["program", *self.columns, "what it does"]
        lines = [self.title, "", f"| {' | '.join(head)} |",
                 f"|---|{'---:|' * len(self.columns)}---|"]
        for name, cells, note in self.rows:
            cells = cells or ["-"] * len(self.columns)
            lines.append(f"| {' | '.join([name, *cells, note])} |")
        return "\n".join(lines)
