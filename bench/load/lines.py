"""The lines that pages have to reach, and whether a measurement reaches them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.load.driver import Tally
from bench.load.figures import waits
from bench.load.layers import FRAGMENTS
from bench.load.measured import NULL_NAME, Measured, Pages, Rates

HOME, AGAIN = "First page of a form master", "First page of a form master, again"
# Milliseconds for p95 at the steady rate, by page.
PAGE_MS = {"Cases": 80.0, "Alerts": 60.0, "History": 200.0}
CACHED_SHARE, CACHED_P95_RATIO, CACHED_MS = 0.22, 3.0, 100.0
UNCACHED_SHARE, UNCACHED_MS, DATABASE_MS = 0.03, 150.0, 10.0
MOST_CONNECTIONS, MOST_GROWTH = 30, 2.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line: what was found, None where it was not measured, and what it may be at most, or has to be at least."""

    what: str
    found: float | None
    limit: float
    at_least: bool = False

    @property
    def told_limit(self) -> str:
        """The limit, with the side on which what is found has to be."""
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"

    @property
    def is_missed(self) -> bool:
        """Whether it was measured, and is not reached."""
        if self.found is None:
            return False
        return self.found < self.limit if self.at_least else self.found > self.limit

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.found is None:
            return "not measured"
        return "missed" if self.is_missed else "met"


def lines(measured: Measured) -> Iterator[Line]:
    """Every line of one size."""
    alone = measured.alone
    yield Line("First page, cached: × empty answer", _share(alone, AGAIN), CACHED_SHARE, at_least=True)
    yield Line("… its p95 ÷ the empty answer’s", _p95_ratio(alone, AGAIN), CACHED_P95_RATIO)
    yield from _uncached(measured)
    for page, limit in PAGE_MS.items():
        cost = measured.costs.get(page)
        in_database = cost.database_ms_each if cost and cost.requests else None
        yield Line(f"{page}: p95 ms in the mix", _p95(measured.steady, page), limit)
        yield Line("… ms of it in the database, on average", in_database, DATABASE_MS)
    yield Line("First page of a form master: p95 ms in the mix", _p95(measured.steady, HOME), CACHED_MS)
    yield Line("Connections dropped or refused", float(measured.dropped + measured.refused), 0)
    yield Line("Connections to the database", float(measured.watched.connections), MOST_CONNECTIONS)
    yield Line("Answered as kept and not there", float(measured.lost), 0)
    if measured.summed is not None:
        yield Line("Summaries that differ from their rows", float(measured.summed.differences), 0)


def _uncached(measured: Measured) -> Iterator[Line]:
    """The first page of a form master without the cache; where there is no such layer, as it is."""
    pages = measured.without.get(FRAGMENTS)
    tally = measured.steady_without.get(FRAGMENTS)
    statements = pages.statements[HOME] if pages else []
    spread = max(statements) - min(statements) if statements else None
    yield Line(
        "First page, uncached: × empty answer", _share(pages, HOME) if pages else None, UNCACHED_SHARE, at_least=True
    )
    yield Line("… its p95 ms in the mix", _p95(tally, HOME) if tally else None, UNCACHED_MS)
    yield Line("… statements of a page, most less least of the rounds", spread, 0.5)


def shares(rates: Rates, page: str) -> list[float]:
    """A page's answers a second as a share of those of the empty answer just before, round by round."""
    return [one / null for one, null in zip(rates[page], rates[NULL_NAME], strict=True)]


def share(rates: Rates, page: str) -> float:
    """The median of the rounds' own."""
    return statistics.median(shares(rates, page))


def _share(pages: Pages, page: str) -> float | None:
    return share(pages.rates, page) if pages.rates.get(page) else None


def _p95_ratio(pages: Pages, page: str) -> float | None:
    if not pages.p95.get(page):
        return None
    return statistics.median(one / null for one, null in zip(pages.p95[page], pages.p95[NULL_NAME], strict=True))


def _p95(tally: Tally, page: str) -> float | None:
    return waits(tally.took[page]).p95 if tally.took.get(page) else None


def grown(costs: Mapping[str, list[tuple[float, float]]]) -> Iterator[Line]:
    """What each page costs at the largest size, as a multiple of the smallest."""
    for page, points in costs.items():
        yield Line(page, points[-1][1] / points[0][1], MOST_GROWTH)
