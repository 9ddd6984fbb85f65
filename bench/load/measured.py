"""What is asked of a measurement, and what it has found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.load.costs import Costs
from bench.load.driver import DROPPED, Tally
from bench.load.figures import Alone, Step
from bench.load.hottest import Hot, Recorder
from bench.load.kept import Kept
from bench.load.layers import Layer
from bench.load.mix import Written
from bench.load.raw_figures import Compared
from bench.load.summed import Summed
from bench.load.watch import Watched

NULL_NAME = "Empty answer"
# One figure of each round, by page.
Rates = defaultdict[str, list[float]]


def _rates() -> Rates:
    return defaultdict(list)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of a measurement: sessions, rounds, and for how many seconds each part of a round goes on.

    `rate` is visits a second of the steady part, at most; the climb begins with `lowest` and grows by `factor`.
    """

    sessions: int = 5_000
    rounds: int = 3
    alone_seconds: float = 2.0
    at_once: int = 8
    warm_seconds: float = 0.5
    rate: float = 20.0
    steady_seconds: float = 20.0
    step_seconds: float = 10.0
    lowest: float = 5.0
    factor: float = 1.5
    steps: int = 10


@dataclass(frozen=True, slots=True)
class Aids:
    """What a measurement can use of the stack: layers to do without, and a server that notes its statements.

    Without workers the exports that are asked for are not waited for.
    """

    layers: Mapping[str, Layer] = field(default_factory=dict)
    recorder: Recorder | None = None
    has_workers: bool = True


@dataclass(slots=True)
class Pages:
    """Each page alone, by round: answers a second, p95 in ms, and statements of one request on average."""

    rates: Rates = field(default_factory=_rates)
    p95: Rates = field(default_factory=_rates)
    statements: Rates = field(default_factory=_rates)

    def add(self, page: str, found: Alone) -> None:
        """Add a round's."""
        self.rates[page].append(found.rate)
        self.p95[page].append(found.p95)


@dataclass(slots=True)
class Measured:
    """What one server did: each page alone, with every layer and `without` one of them; the climb; the mix at a steady
    `rate`, with what the server says that the requests of each page's endpoint cost meanwhile; the figures read and
    counted; what was visited while statements were noted, and the hottest of these; whether summaries are right.
    """

    visitors: int = 0
    accounts: int = 0
    refused: int = 0
    most_open: int = 0
    reconnects: int = 0
    repeats: int = 0
    alone: Pages = field(default_factory=Pages)
    without: defaultdict[str, Pages] = field(default_factory=lambda: defaultdict(Pages))
    rate: float = 0.0
    steady: Tally = field(default_factory=Tally)
    steady_without: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    costs: defaultdict[str, Costs] = field(default_factory=lambda: defaultdict(Costs))
    summaries: defaultdict[str, list[Compared]] = field(default_factory=lambda: defaultdict(list))
    climbed: list[tuple[Step, Tally]] = field(default_factory=list)
    recorded: Tally = field(default_factory=Tally)
    hot: list[Hot] = field(default_factory=list)
    watched: Watched = field(default_factory=Watched)
    written: Written = field(default_factory=lambda: Written(""))
    kept: list[Kept] = field(default_factory=list)
    exports_unfinished: int = 0
    summed: Summed | None = None

    @property
    def tallies(self) -> list[Tally]:
        """Everything that visits of the mix came to."""
        return [self.steady, *(tally for _, tally in self.climbed), *self.steady_without.values(), self.recorded]

    @property
    def dropped(self) -> int:
        """Questions whose connection was refused, or ended before the answer was whole."""
        return sum(count for tally in self.tallies for name, count in tally.wrong.items() if name.startswith(DROPPED))

    @property
    def lost(self) -> int:
        """Writings that were answered as kept and are not there."""
        return sum(one.lost for one in self.kept)
