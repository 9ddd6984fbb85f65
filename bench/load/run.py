"""One measurement of one server: rates up to the knee, then rounds of single pages and of the mix at a steady rate."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

from flask import Flask

from bench.load.costs import Costs, Meter
from bench.load.driver import Driver, climb
from bench.load.figures import Alone, Step, knee
from bench.load.hottest import WRITTEN_EVERY_SECONDS
from bench.load.kept import exports_unfinished, kept
from bench.load.layers import Layer
from bench.load.measured import NULL_NAME, Aids, Measured, Pages, Wishes
from bench.load.mix import Odd, View, Written
from bench.load.people import crowd, people
from bench.load.raw_figures import compare
from bench.load.watch import unwatched, watching
from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import db

SEED = 1
CATCH_UP_SECONDS = 0.5


def measure(app: Flask, port: int, wishes: Wishes, aids: Aids | None = None) -> Measured:
    """Measure the server on a port; the app is the same product over the same database, to look into it."""
    settings: Settings = app.config["FORMROOM"]
    aids, dice = aids or Aids(), random.Random(SEED)
    written, since = Written(secrets.token_hex(4)), clock.now().replace(microsecond=0)
    found = people(app)
    crowded = crowd(app, found, sessions=wishes.sessions, port=port, dice=dice)
    with app.app_context():
        db.engine.dispose()
    result = Measured(len(crowded.visitors), len(found), written=written)
    with watching(settings.database_url) as result.watched:
        one = Measurement(app, Driver(port, crowded, written, dice), wishes, aids, result)
        asyncio.run(one.carry_out(port))
    if aids.has_workers:
        result.exports_unfinished = exports_unfinished(settings, since)
    result.kept = kept(settings, written, since)
    return result


class Measurement:
    """A measurement while it goes on."""

    def __init__(self, app: Flask, driver: Driver, wishes: Wishes, aids: Aids, result: Measured) -> None:
        self._app, self._driver, self._wishes, self._aids, self._result = app, driver, wishes, aids, result

    async def carry_out(self, port: int) -> None:
        """All of it, one part after the other."""
        wishes, result, driver = self._wishes, self._result, self._driver
        result.refused = await driver.connect_all()
        # What was never read before comes from the disk, and what was never called is made ready: both once.
        await self._warm(driver)
        print("Rising rates…", flush=True)
        result.climbed = await climb(driver, list(_rates(wishes)), wishes.step_seconds)
        result.rate = steady_rate([step for step, _ in result.climbed], wishes.rate)
        for number in range(wishes.rounds):
            print(f"Round {number + 1} of {wishes.rounds}…", flush=True)
            await self._round(self._meter(port))
        result.most_open = driver.most_open
        result.reconnects, result.repeats = driver.crowd.reconnects, driver.crowd.repeats
        await self._record()
        driver.crowd.close()

    def _meter(self, port: int) -> Meter:
        return Meter(port, self._app.config["FORMROOM"].metrics_token)

    async def _warm(self, driver: Driver) -> None:
        for view in (None, *driver.views):
            await driver.alone(view, self._wishes.warm_seconds, self._wishes.at_once)

    async def _round(self, meter: Meter) -> None:
        driver, result = self._driver, self._result
        await driver.settle()
        await self._alone(driver, result.alone, meter)
        for name, without in self._aids.layers.items():
            with unwatched(result.watched):
                await self._without(name, without)
        for name, compared in compare(self._app).items():
            result.summaries[name].append(compared)
        # While the figures were counted nothing was heard of connections that the server ended.
        await asyncio.sleep(CATCH_UP_SECONDS)
        before = await meter.costs()
        result.steady.add(await driver.keep_rate(result.rate, self._wishes.steady_seconds))
        after = await meter.costs()
        for view in driver.views:
            result.costs[view.name] += _between(before, after, self._endpoint(view))

    async def _without(self, name: str, without: Layer) -> None:
        """The same pages while a layer is away. Another server that does without it is asked for the mix as well."""
        result, wishes = self._result, self._wishes
        with without() as port:
            # What takes a layer away hears nothing of connections that the server ended meanwhile.
            await asyncio.sleep(CATCH_UP_SECONDS)
            if port is None:
                await self._alone(self._driver, result.without[name], may_fail=True)
                return
            other = self._driver.at(port)
            with closing(other.crowd):
                await self._warm(other)
                await self._alone(other, result.without[name], self._meter(port))
                result.steady_without[name].add(await other.keep_rate(result.rate, wishes.steady_seconds))

    async def _alone(self, driver: Driver, pages: Pages, meter: Meter | None = None, *, may_fail: bool = False) -> None:
        """Each page alone. Without a layer a page may take longer than it may: it answers nothing a second then."""
        before = await meter.costs() if meter is not None else {}
        for view in (None, *driver.views):
            name = view.name if view else NULL_NAME
            try:
                pages.add(name, await driver.alone(view, self._wishes.alone_seconds, self._wishes.at_once))
            except Odd:
                if not may_fail:
                    raise
                # What was asked beside the one that failed is still under way.
                await driver.settle()
                pages.add(name, Alone(0.0, float("inf")))
            if meter is not None and view is not None:
                after = await meter.costs()
                pages.statements[name].append(_between(before, after, self._endpoint(view)).statements_each)
                before = after

    def _endpoint(self, view: View) -> str:
        """What the server calls a page."""
        path = view.path(self._driver.crowd.pick(view.role).person, random.Random(SEED))
        return str(self._app.url_map.bind("").match(path.partition("?")[0])[0])

    async def _record(self) -> None:
        """Let a server that notes its statements be visited for a while; what it notes is read by the caller."""
        if self._aids.recorder is None:
            return
        print("The hottest statements…", flush=True)
        with unwatched(self._result.watched), self._aids.recorder() as port:
            other = self._driver.at(port)
            with closing(other.crowd):
                self._result.recorded.add(await other.keep_rate(self._result.rate, self._wishes.steady_seconds))
            await asyncio.sleep(4 * WRITTEN_EVERY_SECONDS)


def _between(before: Mapping[str, Costs], after: Mapping[str, Costs], endpoint: str) -> Costs:
    return after.get(endpoint, Costs()) - before.get(endpoint, Costs())


def steady_rate(steps: Sequence[Step], wished: float) -> float:
    """The rate at which waits are told: as wished, or half of what was held, as beyond it a server only queues."""
    held = knee(steps)
    return min(wished, held.rate / 2 if held is not None else steps[0].rate / 2)


def _rates(wishes: Wishes) -> Iterator[float]:
    for number in range(wishes.steps):
        yield wishes.lowest * wishes.factor**number
