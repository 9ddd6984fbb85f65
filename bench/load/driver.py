"""The driver: visits that begin when they are due, whatever became of those before, and pages without a pause.

What an answer took counts from when its visit was due, so that a slow server is not spared the questions that would
have met it. The second answer of a visit counts from when its question was sent, at once after the first.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bench.load import mix
from bench.load.figures import Alone, Step, due_times, waits
from bench.load.mix import Odd, View, Written
from bench.load.people import Crowd, Visitor
from bench.load.wire import Answer, Browser, Dropped
from school_app.core.permissions import Role

# Whatever was not answered so long after the last visit was due is counted as not answered.
GRACE_SECONDS = 15.0
CONNECTING_AT_ONCE = 100
# As many empty answers at once as the server has threads, and within what time they come from one that is idle.
SETTLE_AT_ONCE, SETTLED_SECONDS, SETTLE_SECONDS = 8, 0.5, 180.0
DROPPED = "dropped"
OTHER = "not the own school’s name at its foot"


@dataclass(slots=True)
class Tally:
    """What came of some visits: seconds by page, what went wrong by its name; `done` are those that ended in time."""

    took: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: Counter[str] = field(default_factory=Counter)
    due: int = 0
    done: int = 0
    unanswered: int = 0
    pages_checked: int = 0

    def add(self, other: Tally) -> None:
        """Count another's as well."""
        for name, found in other.took.items():
            self.took[name].extend(found)
        self.wrong.update(other.wrong)
        self.due, self.done = self.due + other.due, self.done + other.done
        self.unanswered += other.unanswered
        self.pages_checked += other.pages_checked

    @property
    def answers(self) -> int:
        """How many answers came."""
        return sum(len(found) for found in self.took.values())

    @property
    def failed(self) -> int:
        """How many answers did not come, or were errors."""
        return self.unanswered + sum(self.wrong.values())


class Visit:
    """One visit of one session: asks, and notes what the answers took and whether they were right."""

    def __init__(self, visitor: Visitor, tally: Tally, due: float) -> None:
        self._visitor, self._tally = visitor, tally
        self._since = due

    async def get(self, name: str, path: str) -> Answer:
        """Open a page. Odd where it is not there."""
        answer = await self._visitor.browser.get(path)
        self._note(name, path, answer)
        if answer.status != 200:
            raise Odd(f"{answer.status} from {name}")
        return answer

    async def post(self, name: str, path: str, fields: dict[str, str]) -> Answer:
        """Send a form."""
        answer = await self._visitor.browser.post(path, fields)
        self._note(name, path, answer)
        if answer.status not in (303, 409):
            raise Odd(f"{answer.status} from {name}")
        return answer

    def _note(self, name: str, path: str, answer: Answer) -> None:
        now = time.monotonic()
        self._tally.took[name].append(now - self._since)
        self._since = now
        if answer.status == 200 and not path.endswith("/file"):
            self._tally.pages_checked += 1
            if self._visitor.person.footer not in answer.body:
                self._tally.wrong[f"{name}: {OTHER}"] += 1


class Driver:
    """Sends the crowd to the pages of one server."""

    def __init__(self, port: int, crowd: Crowd, written: Written, dice: random.Random) -> None:
        self._port, self.crowd, self.written, self._dice = port, crowd, written, dice
        self.views = [view for view in mix.SHOWN if crowd.has(view.role)]
        self.most_open = 0

    def at(self, port: int) -> Driver:
        """The same crowd's driver at another server."""
        return Driver(port, self.crowd.at(port), self.written, self._dice)

    async def connect_all(self) -> int:
        """Connect every session; returns how many could not be."""
        gate, refused = asyncio.Semaphore(CONNECTING_AT_ONCE), 0

        async def connect(browser: Browser) -> None:
            nonlocal refused
            async with gate:
                try:
                    await browser.connect()
                except Dropped:
                    refused += 1

        await asyncio.gather(*(connect(one.browser) for one in self.crowd.visitors))
        self.most_open = max(self.most_open, self.crowd.open_now)
        return refused

    async def keep_rate(self, rate: float, seconds: float) -> Tally:
        """Let visits of the mix begin at a rate, so many a second on average, for some seconds."""
        tally, begin, under_way = Tally(), time.monotonic(), set[asyncio.Task[None]]()
        for at in due_times(rate, seconds, self._dice):
            if (left := begin + at - time.monotonic()) > 0:
                await asyncio.sleep(left)
            tally.due += 1
            task = asyncio.create_task(self._visit(tally, due=begin + at, end=begin + seconds))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            _, left_over = await asyncio.wait(set(under_way), timeout=max(0.1, begin + seconds - time.monotonic()))
            await self._end(left_over, tally)
        self.most_open = max(self.most_open, self.crowd.open_now)
        return tally

    async def _end(self, under_way: set[asyncio.Task[None]], tally: Tally) -> None:
        if not under_way:
            return
        _, left = await asyncio.wait(under_way, timeout=GRACE_SECONDS)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        tally.unanswered += len(left)

    async def _visit(self, tally: Tally, *, due: float, end: float) -> None:
        try:
            await self._do(tally, due)
        except Dropped as error:
            tally.wrong[f"{DROPPED}: {error}"] += 1
        except Odd as error:
            tally.wrong[str(error)] += 1
        if time.monotonic() <= end:
            tally.done += 1

    async def _do(self, tally: Tally, due: float) -> None:
        (kind,) = self._dice.choices(("view", "write", "export"), (mix.VIEWS, mix.WRITES, mix.EXPORTS))
        if kind == "view":
            (view,) = self._dice.choices(self.views, [one.weight for one in self.views])
            visitor = self.crowd.pick(view.role)
            await Visit(visitor, tally, due).get(view.name, view.path(visitor.person, self._dice))
            return
        visitor = self.crowd.pick(Role.AUDITOR if kind == "export" else Role.FORM_MASTER)
        visit = Visit(visitor, tally, due)
        work = mix.export
        if kind == "write":
            (work,) = self._dice.choices([one for one, _ in mix.WRITING], [weight for _, weight in mix.WRITING])
        await work(visitor.person, self.written, visit.get, visit.post, self._dice)

    async def settle(self) -> None:
        """Wait until the server is through with what nobody waits for any more, which the next questions would stand
        behind. Odd where that takes too long.
        """
        until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until:
            browsers, begin = [Browser(self._port) for _ in range(SETTLE_AT_ONCE)], time.monotonic()
            await asyncio.gather(*(one.get(mix.NULL) for one in browsers))
            for one in browsers:
                one.close()
            if time.monotonic() - begin < SETTLED_SECONDS:
                return
            await asyncio.sleep(1)
        raise Odd(f"the server is still busy {SETTLE_SECONDS:.0f} s after the last visit")

    async def alone(self, view: View | None, seconds: float, at_once: int) -> Alone:
        """How one page, or an empty answer, is answered that some sessions ask for again and again.

        Raises Dropped or Odd where an answer is not as it should be: there is nothing to measure then.
        """
        browsers = [Browser(self._port) for _ in range(at_once)]
        asking = [self._asking(view, browser) for browser in browsers]
        if view is not None and view.again:
            await asyncio.gather(*(ask() for ask in asking))
        begin, took = time.monotonic(), list[float]()

        async def ask_on(ask: Callable[[], Awaitable[None]]) -> None:
            sent = begin
            # Each asks once at least, so that there is always something to tell.
            while sent < begin + seconds:
                await ask()
                took.append(time.monotonic() - sent)
                sent = time.monotonic()

        await asyncio.gather(*(ask_on(ask) for ask in asking))
        elapsed = time.monotonic() - begin
        for browser in browsers:
            browser.close()
        return Alone(len(took) / elapsed, waits(took).p95)

    def _asking(self, view: View | None, browser: Browser) -> Callable[[], Awaitable[None]]:
        """What asks once. For an empty answer nobody needs to be logged in, and any browser will do."""
        always = self.crowd.pick(view.role) if view is not None and view.again else None

        async def ask() -> None:
            if view is None:
                if (await browser.get(mix.NULL)).status != 200:
                    raise Odd("the empty answer is not there")
                return
            visitor = always or self.crowd.pick(view.role)
            visit = Visit(visitor, Tally(), time.monotonic())
            await visit.get(view.name, view.path(visitor.person, self._dice))

        return ask


def step_of(rate: float, seconds: float, tally: Tally) -> Step:
    """What keeping a rate came to; where nothing was answered, as slow as can be."""
    everything = [one for found in tally.took.values() for one in found]
    p95 = waits(everything).p95 if everything else float("inf")
    return Step(rate, due=tally.due / seconds, done=tally.done / seconds, p95=p95, failed=tally.failed)


async def climb(driver: Driver, rates: Sequence[float], seconds: float) -> list[tuple[Step, Tally]]:
    """Keep one rate after the other until one is not held."""
    found = []
    for rate in rates:
        tally = await driver.keep_rate(rate, seconds)
        found.append((step_of(rate, seconds, tally), tally))
        if not found[-1][0].is_held:
            break
    return found
