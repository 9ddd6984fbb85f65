"""What was measured, in Markdown: each size for itself with its lines, and how pages grow from the smallest to the
largest.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.load.driver import Tally
from bench.load.figures import knee, waits
from bench.load.hottest import Hot
from bench.load.lines import Line, grown, lines, share, shares
from bench.load.measured import NULL_NAME, Measured, Wishes
from bench.load.stack import Size
from school_app.core.db.plans import Step


@dataclass(frozen=True, slots=True)
class Result:
    """A size and what was measured at it."""

    size: Size
    wishes: Wishes
    measured: Measured


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; all columns but the first are numbers."""
    lines = [list(head), ["---", *["---:"] * (len(head) - 1)], *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def report(result: Result, about: str) -> str:
    """One size."""
    size, measured = result.size, result.measured
    title = f"### {size.schools} schools, {size.students:,} students, {size.years} years, {size.audit:,} audit rows"
    parts = [title, about, _about(measured), _lines(list(lines(measured))), _pages(measured), _layers(measured)]
    parts += [_summaries(measured), _climb(measured), _kept(measured), _summed(measured), _hot(measured.hot)]
    return "\n\n".join(part.rstrip() for part in [*parts, _wrong(measured)] if part) + "\n"


def _about(measured: Measured) -> str:
    watched = measured.watched
    return (
        f"{measured.visitors:,} sessions of {measured.accounts:,} accounts, each with a connection: "
        f"{measured.most_open:,} were open at once, {measured.refused} refused; the server ended "
        f"{measured.reconnects:,} silent ones, which were opened anew, {measured.repeats} of them at the moment in "
        f"which a page was asked for, which was asked for again; {measured.dropped} were dropped with a question open. "
        "Connections to the database, those of workers, scheduler and the bench itself included, and without "
        f"those of servers that were started beside the stack: {watched.connections} at most. "
        f"The driver took {watched.driver_share:.2f} of a core; load average at the end {watched.load_average:.1f}."
    )


def _lines(found: Sequence[Line]) -> str:
    rows = [(one.what, _figure(one.found), one.told_limit, one.verdict) for one in found]
    missed, unknown = sum(one.is_missed for one in found), sum(one.found is None for one in found)
    told = f"{len(found) - missed - unknown} of {len(found)} lines are met, {missed} missed, {unknown} not measured."
    return table(["Line", "found", "line", "verdict"], rows) + "\n" + told


def _figure(found: float | None) -> str:
    if found is None:
        return ""
    return f"{found:,.0f}" if found >= 20 or found == int(found) else f"{found:.3g}"


def _pages(measured: Measured) -> str:
    alone = measured.alone
    null, null_p95 = (statistics.median(one[NULL_NAME]) for one in (alone.rates, alone.p95))
    head = ["Page", "Alone, answers/s", "× empty answer", "p95 ms", "statements"]
    rows = [[NULL_NAME, f"{null:,.0f}", "1", f"{null_p95:,.1f}", "", "", "", "", "", ""]]
    for page in (page for page in alone.rates if page != NULL_NAME):
        cells = [page, f"{statistics.median(alone.rates[page]):,.1f}", f"{share(alone.rates, page):.3f}"]
        cells.append(f"{statistics.median(alone.p95[page]):,.0f}" if alone.p95.get(page) else "")
        cells.append(f"{statistics.median(alone.statements[page]):,.1f}" if alone.statements.get(page) else "")
        rows.append([*cells, *_waits(measured.steady, page)])
    for page in sorted(set(measured.steady.took) - set(alone.rates)):
        rows.append([page, "", "", "", "", *_waits(measured.steady, page)])
    of_mix = [f"Mix at {measured.rate:g} visits/s: answers", "p50 ms", "p95 ms", "p99 ms", "max ms"]
    return table([*head, *of_mix], rows)


def _waits(tally: Tally, page: str) -> list[str]:
    if not tally.took.get(page):
        return ["0", "", "", "", ""]
    found = waits(tally.took[page])
    return [f"{found.count:,}", f"{found.p50:,.0f}", f"{found.p95:,.0f}", f"{found.p99:,.0f}", f"{found.longest:,.0f}"]


def _layers(measured: Measured) -> str:
    """How many times as many answers a page gives with a layer as without it, of each round, both in empty answers."""
    if not measured.without:
        return ""
    head = ["× empty answer with a layer ÷ without it", *measured.without]
    pages = [page for page in measured.alone.rates if page != NULL_NAME]
    return table(head, [[page, *(_gain(measured, name, page) for name in measured.without)] for page in pages])


def _gain(measured: Measured, name: str, page: str) -> str:
    with_it, without = shares(measured.alone.rates, page), shares(measured.without[name].rates, page)
    if not all(without):
        return "not answered without it"
    return f"{statistics.median(one / other for one, other in zip(with_it, without, strict=True)):.2f}"


def _summaries(measured: Measured) -> str:
    head = ["Figures of the largest school over", "read, ms", "counted from rows, ms", "counted ÷ read"]
    rows = [
        [
            name,
            f"{1000 * statistics.median(one.read for one in found):,.1f}",
            f"{1000 * statistics.median(one.counted for one in found):,.0f}",
            f"{statistics.median(one.gain for one in found):,.0f}",
        ]
        for name, found in measured.summaries.items()
    ]
    return table(head, rows) if rows else ""


def _summed(measured: Measured) -> str:
    found = measured.summed
    if found is None:
        return ""
    waiting = f", {found.waiting} days still due and passed over" if found.waiting else ""
    return (
        f"`flask summaries check` from {found.first_day} on, the first day of which the load has changed a register: "
        f"{found.rows:,} rows of all schools compared, {found.differences} differences{waiting}, status "
        f"{found.status}, {found.seconds:.0f} s. Its last line: {found.last_line}"
    )


def _hot(found: Sequence[Hot]) -> str:
    """The hottest statements with their plans."""
    if not found:
        return ""
    head = ["Hottest statement, asked by", "times", "s in all", "ms each", "of all"]
    rows = [
        [
            f"{number}. {one.noted.name}, {one.noted.asked_by}",
            f"{one.noted.count:,}",
            f"{one.noted.seconds:.2f}",
            f"{1000 * one.noted.seconds / one.noted.count:.1f}",
            f"{one.share:.0%}",
        ]
        for number, one in enumerate(found, start=1)
    ]
    plans = [
        f"{number}. {'; '.join(_told(step) for step in one.plan) or 'not explained: sent with many values at once'}"
        for number, one in enumerate(found, start=1)
    ]
    return table(head, rows) + "\nHow the server finds their rows, where each took longest:\n\n" + "\n".join(plans)


def _told(step: Step) -> str:
    way = f"by {step.index}" if step.index else "without index"
    rows = "?" if step.rows is None else step.rows
    extra = f" ({step.extra})" if step.extra else ""
    return f"{step.table or '–'}: {step.kind} {way}, {rows} rows{extra}"


def _climb(measured: Measured) -> str:
    steps = [step for step, _ in measured.climbed]
    held = knee(steps)
    rows = [
        (f"{one.rate:,.1f}", f"{one.due:,.1f}", f"{one.done:,.1f}", f"{one.p95:,.0f}", str(one.failed)) for one in steps
    ]
    told = "No rate was held." if held is None else f"The highest rate that was held: {held.rate:,.1f} visits/s."
    if held is not None and held is steps[-1]:
        told += " The knee lies above it: no higher rate was tried."
    return table(["Visits/s, asked for", "due/s", "ended/s", "p95 ms", "failed"], rows) + "\n" + told


def _kept(measured: Measured) -> str:
    rows = [(one.kind, str(one.sent), str(one.answered), str(one.rows), str(one.lost)) for one in measured.kept]
    told = (
        f"{measured.written.refused} writings met a conflict, as with an alert that had resolved; "
        f"{measured.exports_unfinished} exports were not whole two minutes after the last visit."
    )
    return table(["Written", "sent", "answered as kept", "rows", "lost"], rows) + "\n" + told


def _wrong(measured: Measured) -> str:
    checked = sum(tally.pages_checked for tally in measured.tallies)
    told = f"{checked:,} pages were looked at for the own school’s name at their foot."
    wrong = [f"- {name}: {count}" for tally in measured.tallies for name, count in tally.wrong.most_common()]
    unanswered = sum(tally.unanswered for tally in measured.tallies)
    if unanswered:
        wrong.append(f"- not answered within the time allowed after the last visit of a rate: {unanswered}")
    return told + ("\n\nWhat went wrong:\n\n" + "\n".join(wrong) if wrong else " Nothing went wrong.")


def growth(results: Sequence[Result]) -> Mapping[str, list[tuple[float, float]]]:
    """What each page costs at each size, in empty answers of the same run."""
    pages = [page for page in results[0].measured.alone.rates if page != NULL_NAME]
    return {
        page: [(float(one.size.students), 1 / share(one.measured.alone.rates, page)) for one in results]
        for page in pages
        if all(page in one.measured.alone.rates for one in results)
    }


def growth_table(results: Sequence[Result]) -> str:
    """The same as a table, with how much each page grew and the line."""
    head = ["Costs in empty answers", *(f"{one.size.schools} schools" for one in results), "grew by", "line", "verdict"]
    costs = growth(results)
    rows = [
        [
            one.what,
            *(f"{cost:,.1f}" for _, cost in costs[one.what]),
            f"{one.found:.2f}",
            one.told_limit,
            one.verdict,
        ]
        for one in grown(costs)
    ]
    return "### Growth\n\n" + table(head, rows)
