"""The figures of all sizes as one table, each line beside what it has to reach."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.audit.database import Server
from bench.audit.rounds import Figures, Round
from school_app.history.models import ExportFormat


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: its value at a size, how it is written, and the most or the least that it may be."""

    what: str
    value: Callable[[Figures], float]
    form: str = "{:,.0f}"
    at_least: float | None = None
    at_most: float | None = None

    def cell(self, figures: Figures) -> str:
        """The value in writing, marked where it misses its line."""
        value = self.value(figures)
        missed = (self.at_least is not None and value < self.at_least) or (
            self.at_most is not None and value > self.at_most
        )
        return self.form.format(value) + (" (missed)" if missed else "")

    @property
    def limit(self) -> str:
        """Its line in writing."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return "" if self.at_most is None else f"≤ {self.at_most:g}"


def _of_rounds(
    value: Callable[[Round], float], summary: Callable[[Iterable[float]], float] = statistics.median
) -> Callable[[Figures], float]:
    return lambda figures: summary([value(one) for one in figures.rounds])


LINES = (
    Line("pt-archiver, rows/s", _of_rounds(lambda one: one.reference.moved.rate)),
    Line("Run in batches, rows/s", _of_rounds(lambda one: one.batches.moved.rate)),
    Line("Run over the whole backlog, rows/s", _of_rounds(lambda one: one.backlog.moved.rate)),
    Line(
        "Batches ÷ pt-archiver",
        _of_rounds(lambda one: one.batches.moved.rate / one.reference.moved.rate),
        "{:.2f}",
        at_least=1.3,
    ),
    Line(
        "Backlog ÷ pt-archiver",
        _of_rounds(lambda one: one.backlog.moved.rate / one.reference.moved.rate),
        "{:.2f}",
        at_least=4,
    ),
    Line("Inserts idle, p99 ms", _of_rounds(lambda one: one.idle.p99), "{:.1f}"),
    Line("… beside pt-archiver, × idle", _of_rounds(lambda one: one.reference.waits.p99 / one.idle.p99), "{:.2f}"),
    Line("… beside batches, × idle", _of_rounds(lambda one: one.batches.waits.p99 / one.idle.p99), "{:.2f}", at_most=3),
    Line(
        "… beside the backlog, × idle",
        _of_rounds(lambda one: one.backlog.waits.p99 / one.idle.p99),
        "{:.2f}",
        at_most=3,
    ),
    Line("Longest insert idle, ms", _of_rounds(lambda one: one.idle.longest, max)),
    Line("… beside pt-archiver, ms", _of_rounds(lambda one: one.reference.waits.longest, max)),
    Line(
        "… beside the run, ms",
        _of_rounds(lambda one: max(one.batches.waits.longest, one.backlog.waits.longest), max),
        at_most=250,
    ),
    Line("Memory of the run over the backlog, MiB", _of_rounds(lambda one: one.backlog.moved.mib, max)),
    Line("Memory of pt-archiver, MiB", _of_rounds(lambda one: one.reference.moved.mib, max)),
    Line("First page of the history, ms", lambda one: one.pages.first, "{:.1f}"),
    Line("Late page", lambda one: one.pages.number),
    Line("Late page ÷ first", lambda one: one.pages.late / one.pages.first, "{:.2f}", at_most=2),
    Line("Late page by OFFSET ÷ by its key", lambda one: one.pages.by_offset / one.pages.late, "{:.1f}"),
    Line("Hot + archive ÷ live table alone", lambda one: one.pages.first / one.pages.one_table, "{:.2f}", at_most=3),
    Line("Verify, rows/s", lambda one: one.verify_rate),
    Line("Verify ÷ a plain look", lambda one: one.verify_rate / one.look_rate, "{:.3f}"),
    Line("Export as CSV, rows/s", lambda one: one.export_rates[ExportFormat.CSV]),
    Line("Export as CSV ÷ a plain look", lambda one: one.export_rates[ExportFormat.CSV] / one.look_rate, "{:.3f}"),
    Line("Export as JSON lines, rows/s", lambda one: one.export_rates[ExportFormat.JSON_LINES]),
    Line(
        "Export as JSON lines ÷ a plain look",
        lambda one: one.export_rates[ExportFormat.JSON_LINES] / one.look_rate,
        "{:.3f}",
    ),
)


def memory_grows(sizes: Sequence[Figures]) -> float:
    """The run's memory at the largest backlog as a multiple of that at the smallest."""
    highest = [max(one.backlog.moved.mib for one in figures.rounds) for figures in sizes]
    return highest[-1] / highest[0]


def table(server: Server, sizes: Sequence[Figures], rounds: int, day: str) -> str:
    """The table in Markdown, with what it was measured on."""
    head = ["", *(f"{figures.rows:,} rows" for figures in sizes), "Line"]
    rows = [[line.what, *(line.cell(figures) for figures in sizes), line.limit] for line in LINES]
    if len(sizes) > 1:
        rows.append(
            ["Memory, largest backlog ÷ smallest", *[""] * (len(sizes) - 1), f"{memory_grows(sizes):.2f}", "≤ 1.2"]
        )
    lines = [head, ["---", *["---:"] * len(sizes), "---"], *rows]
    written = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    about = f"{day}; {server.settings}; {rounds} rounds; ratios are medians over the rounds."
    return f"### {server.version}\n\n{about}\n\n{written}\n"
