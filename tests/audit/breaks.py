"""What tests share that break an archive run off: a log to move, a run whose points are counted, and what must hold.

test_breaks.py, test_meanwhile.py and soak.py use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection, select, text

from school_app.archiving.at_work import step_through
from school_app.audit import exchange
from school_app.audit.archive import Run
from school_app.audit.batches import ARCHIVE, HOT, STAGED
from school_app.audit.events import Event
from tests.audit.cold.breaking import NEVER, Points, count_points_of, watched
from tests.audit.places import NOW, SMALL, YEAR, Key, Place, days_ago, in_year

CUTOFF = NOW - timedelta(days=90)
# A run over this log has more points, and quick tests begin below this one.
LEAST_POINTS = 100
# Of a log that is not sealed, and of one that is.
COUNTED: dict[bool, int] = {}


def begin_anew(place: Place, *, sealed: bool = False) -> dict[Key, str]:
    """A year to exchange, two batches, and rows that stay; returns what must be everywhere ever after."""
    place.empty()
    place.write(*in_year(YEAR, 1, 8, 15), *days_ago(105, 104, 103, 102, 101, 100), *days_ago(3, 1))
    if sealed:
        place.seal()
    return place.rows()


def watched_run(place: Place, points: Points, by: str = "a test") -> Run:
    """A whole run, as the job does it, every point of which is counted."""
    with place.session() as session, watched(session.get_bind(), points), _quiet_while_locked(points):
        run = Run(session, SMALL, by, cutoff=CUTOFF)
        step_through(session, run)
    return run


@contextmanager
def _quiet_while_locked(points: Points) -> Iterator[None]:
    """Nothing is done at points where the run has locked the tables: nobody could read or write until it goes on."""
    alone = exchange._alone

    @contextmanager
    def quietly_alone(connection: Connection) -> Iterator[None]:
        if isinstance(points, Each):
            points.quiet = exchange._patience(connection).locks
        with alone(connection):
            yield
        if isinstance(points, Each):
            points.quiet = False

    exchange._alone = quietly_alone
    try:
        yield
    finally:
        exchange._alone = alone


def count_points(place: Place, *, sealed: bool = False) -> int:
    """How many points a run has on such a log; they are counted once."""

    def run(points: Points) -> None:
        begin_anew(place, sealed=sealed)
        watched_run(place, points)

    if sealed not in COUNTED:
        COUNTED[sealed] = count_points_of(run, LEAST_POINTS)
    return COUNTED[sealed]


def check_whole(place: Place, before: dict[Key, str]) -> None:
    """Every row is somewhere, once and unchanged; whatever else there is, the runs have written themselves."""
    assert place.rows().items() >= before.items()
    with place.engine.connect() as connection:
        for table in (HOT, STAGED, ARCHIVE):
            rows = connection.execute(select(table.c.id, table.c.created_at, table.c.event)).all()
            added = [row for row in rows if (row.id, row.created_at) not in before]
            assert {row.event for row in added} <= {Event.ROWS_ARCHIVED}


def check_finished(place: Place, before: dict[Key, str]) -> None:
    """As check_whole(), and every row lies where its age says."""
    check_whole(place, before)
    assert place.rows(STAGED) == {}
    assert {moment for _, moment in place.rows(ARCHIVE)} == {moment for _, moment in before if moment < CUTOFF}


def end_connections(place: Place) -> Callable[[], None]:
    """What has the server end every connection to the log but the one that asks: the next statement on one fails."""

    def act() -> None:
        others = text("SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()")
        with place.engine.connect() as connection:
            for thread in connection.scalars(others).all():
                connection.execute(text(f"KILL {thread}"))

    return act


class Each(Points):
    """Does something at each point, or at every so many of them."""

    def __init__(self, act: Callable[[], None], every: int = 1) -> None:
        super().__init__(NEVER, act)
        self.every, self.quiet, self._busy = every, False, False

    def reach(self) -> None:
        """Count a point; what is done there has none of its own."""
        if self._busy or self.quiet:
            return
        self.passed += 1
        if self.passed % self.every == 0:
            self._busy = True
            self.act()
            self._busy = False
