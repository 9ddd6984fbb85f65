"""A few seconds of load on two small schools: everything that the bench does works, and it notices what goes wrong."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import delete

from bench.load.costs import Costs
from bench.load.driver import Driver, Tally, Visit
from bench.load.hottest import APPLICATION, HOTTEST, VARIABLE, hottest, read
from bench.load.kept import kept
from bench.load.measured import NULL_NAME, Aids, Measured, Wishes
from bench.load.mix import SHOWN, Odd, Written, add_note, answer_alert, export, save_register
from bench.load.people import Crowd, Visitor, crowd, people
from bench.load.raw_figures import SPANS, counted_sums, read_sums
from bench.load.run import measure
from bench.load.wire import Browser, Dropped
from school_app.core import clock
from school_app.core.db import db
from school_app.core.db.engines import unhurried_engine
from school_app.core.permissions import Role
from school_app.core.tenancy import use_school
from school_app.students.models import Note
from school_app.summaries.periods import Span
from tests.bench.conftest import Served

SESSIONS = 60
WISHES = Wishes(
    sessions=SESSIONS,
    rounds=1,
    alone_seconds=0.1,
    at_once=2,
    warm_seconds=0.05,
    rate=20,
    steady_seconds=5,
    step_seconds=1,
    lowest=20,
    factor=1.5,
    steps=1,
)


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a server notes its statements."""
    return tmp_path_factory.mktemp("noted")


@pytest.fixture(scope="module")
def measured(served: Served, noted: Path) -> Measured:
    another = partial(served.beside, APPLICATION, **{VARIABLE: str(noted)})
    recorder = partial(nullcontext, served.port)
    with pytest.MonkeyPatch.context() as patch:
        # A machine that is busy with other things answers late, and what is held here is that it answers.
        patch.setattr("bench.load.driver.GRACE_SECONDS", 300.0)
        return measure(served.app, served.port, WISHES, Aids({"another server": another}, recorder, has_workers=False))


def test_every_session_holds_a_connection_and_every_page_is_asked_for_alone(measured: Measured) -> None:
    assert (measured.visitors, measured.refused, measured.most_open) == (SESSIONS, 0, SESSIONS)
    assert set(measured.alone.rates) == {NULL_NAME, *(view.name for view in SHOWN)}
    assert all(rates[0] > 0 for rates in measured.alone.rates.values())


def test_a_server_that_does_without_a_layer_is_asked_for_each_page_and_for_the_mix(measured: Measured) -> None:
    pages = measured.without["another server"]
    assert set(pages.rates) == set(measured.alone.rates)
    assert all(rates[0] > 0 for rates in pages.rates.values())
    assert measured.steady_without["another server"].answers > 0


def test_the_server_says_how_many_statements_a_page_has_and_how_long_they_take(measured: Measured) -> None:
    assert set(measured.alone.statements) == {view.name for view in SHOWN}
    assert all(1 <= rates[0] < 60 for rates in measured.alone.statements.values())
    visited = sum(measured.costs.values(), Costs())
    assert visited.requests > 0
    assert visited.statements >= visited.requests
    assert visited.database_ms_each > 0


def test_the_hottest_statements_are_noted_with_who_asks_them_and_how_the_server_finds_their_rows(
    served: Served, measured: Measured, noted: Path
) -> None:
    assert measured.recorded.answers > 0
    found = hottest(read(noted), served.app.config["FORMROOM"].database_url)
    assert len(found) == HOTTEST
    assert all(one.noted.asked_by.startswith(("school_app.", "templates")) for one in found if one.plan)
    assert all(one.noted.seconds > 0 for one in found)
    assert 0 < sum(one.share for one in found) <= 1.001
    assert sum(bool(one.plan) for one in found) >= HOTTEST - 2


def test_the_figures_of_a_school_are_the_same_read_and_counted(served: Served, measured: Measured) -> None:
    assert set(measured.summaries) == set(SPANS)
    assert all(one.read > 0 and one.counted > 0 for found in measured.summaries.values() for one in found)
    with served.app.app_context():
        done = served.app.test_cli_runner().invoke(args=["summaries", "refresh"])
    assert done.exit_code == 0, done.output
    with served.app.app_context(), use_school(db.session, 1):
        today = clock.today("Europe/London")
        span = Span(today - timedelta(days=60), today)
        assert read_sums(span) == counted_sums(span)
        assert sum(one["present"] for one in read_sums(span)[0].values()) > 100


def test_the_mix_is_answered_without_an_error_and_with_the_own_schools_name(measured: Measured) -> None:
    for tally in measured.tallies:
        assert tally.wrong == {}
        assert tally.unanswered == 0
        assert tally.answers > 0
        assert 0 <= tally.done <= tally.due
        assert tally.pages_checked > 0
    assert measured.watched.connections > 0


def test_everything_that_was_answered_as_kept_is_in_the_database(measured: Measured) -> None:
    assert {one.kind for one in measured.kept} == {"register", "note", "alert", "export"}
    assert measured.lost == 0
    assert sum(one.answered for one in measured.kept) > 0
    assert all(one.rows >= one.answered for one in measured.kept)


@pytest.fixture
def crowded(served: Served) -> Crowd:
    return crowd(served.app, people(served.app), sessions=SESSIONS, port=served.port, dice=random.Random(1))


def test_each_way_of_writing_is_kept_and_one_that_is_gone_is_told_as_lost(served: Served, crowded: Crowd) -> None:
    written, since = Written("by-hand"), clock.now().replace(microsecond=0)
    asyncio.run(_write_everything(crowded, written))
    assert {kind: len(found) for kind, found in written.answered.items()} == {"register": 1, "note": 1, "alert": 1}
    assert {one.kind: one.lost for one in kept(served.app.config["FORMROOM"], written, since)} == {
        "register": 0,
        "note": 0,
        "alert": 0,
        "export": 0,
    }
    engine = unhurried_engine(served.app.config["FORMROOM"])
    with engine.begin() as connection:
        connection.execute(delete(Note).where(Note.body == written.answered["note"][0]))
    engine.dispose()
    assert {one.kind: one.lost for one in kept(served.app.config["FORMROOM"], written, since)}["note"] == 1


async def _write_everything(crowded: Crowd, written: Written) -> None:
    dice, tally = random.Random(1), Tally()
    master = next(one for one in crowded.visitors if one.person.care and one.person.care.alerts)
    auditor = crowded.pick(Role.AUDITOR)
    for visitor, work in ((master, save_register), (master, add_note), (master, answer_alert), (auditor, export)):
        visit = Visit(visitor, tally, 0.0)
        await work(visitor.person, written, visit.get, visit.post, dice)
    assert written.exports == 1
    assert tally.wrong == {}
    crowded.close()


def test_a_page_of_another_school_is_told_as_wrong(served: Served, crowded: Crowd) -> None:
    one = crowded.pick(Role.FORM_MASTER)
    one.person.footer = b"<span>Another School"
    tally = Tally()
    asyncio.run(_look(one, tally, "/"))
    assert tally.wrong == {"A page: not the own school’s name at its foot": 1}


def test_an_address_that_is_not_there_is_told_as_odd(crowded: Crowd) -> None:
    with pytest.raises(Odd, match="404 from A page"):
        asyncio.run(_look(crowded.pick(Role.FORM_MASTER), Tally(), "/nothing"))


async def _look(one: Visitor, tally: Tally, path: str, *, late: float = 0.0) -> None:
    try:
        await Visit(one, tally, time.monotonic() - late).get("A page", path)
    finally:
        one.browser.close()


def test_a_server_that_is_not_there_is_told_as_dropped() -> None:
    with pytest.raises(Dropped, match="no connection"):
        asyncio.run(Browser(1).get("/"))


def test_a_page_is_asked_for_again_where_the_server_ends_a_silent_connection_in_that_moment_and_a_form_is_not() -> None:
    assert asyncio.run(_against_a_server_that_ends_silent_connections("GET")) == (200, 1)
    with pytest.raises(Dropped, match="before the answer was whole"):
        asyncio.run(_against_a_server_that_ends_silent_connections("POST"))


def test_a_page_is_not_asked_for_again_on_a_connection_that_was_new() -> None:
    with pytest.raises(Dropped, match="before the answer was whole"):
        asyncio.run(_against_a_server_that_ends_silent_connections("GET", answers=0))


async def _against_a_server_that_ends_silent_connections(method: str, answers: int = 1) -> tuple[int, int]:
    """Every connection is answered so often, and ended by the next question. Returns the status and the repeats."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(answers):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    browser = Browser(server.sockets[0].getsockname()[1])
    async with server:
        try:
            await browser.get("/")
            answer = await (browser.get("/") if method == "GET" else browser.post("/", {}))
        finally:
            browser.close()
            # Both ends close their sockets in the loop's next rounds.
            await asyncio.sleep(0.05)
    return answer.status, browser.repeats


def test_a_wait_counts_from_when_the_visit_was_due(crowded: Crowd) -> None:
    tally = Tally()
    asyncio.run(_look(crowded.pick(Role.FORM_MASTER), tally, "/alerts", late=60))
    assert tally.took["A page"][0] > 60


def test_visits_begin_when_they_are_due_though_none_before_them_was_answered(
    crowded: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.load.driver.GRACE_SECONDS", 0.2)
    tally = asyncio.run(_against_silence(crowded))
    assert tally.due > 20
    assert (tally.unanswered, tally.done) == (tally.due, 0)


async def _against_silence(crowded: Crowd) -> Tally:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    silent = Crowd([Visitor(one.person, Browser(port)) for one in crowded.visitors], random.Random(1))
    tally = await Driver(port, silent, Written("silence"), random.Random(1)).keep_rate(60, 0.5)
    silent.close()
    server.close()
    await server.wait_closed()
    return tally
