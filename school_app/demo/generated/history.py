"""The audit log: the rows of all schools in the order of time, then sealed and archived by the product's own runs.

Rows wait in files, a week in each, so that those of one week are all that is ever in memory. making.py calls it.
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from school_app.archiving.at_work import at_work, step_through
from school_app.audit import seals
from school_app.audit.archive import Limits, Run
from school_app.config import Settings
from school_app.core import clock
from school_app.core.acting import Acting
from school_app.core.db.bulk import Row
from school_app.demo.generated.loading import Numbers

BY = "flask demo generate"
SEALED_AT_ONCE = timedelta(days=7)


class Waiting:
    """Audit rows that wait in files until all schools have theirs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._weeks: set[int] = set()
        self.count = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Keep the rows of one school; the first value of each is its moment."""
        by_week: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            by_week[row[0].toordinal() // 7].append(row)
            self.count += 1
        for week, found in by_week.items():
            self._weeks.add(week)
            with self._path(week).open("ab") as file:
                pickle.dump(found, file)

    def in_order(self, numbers: Numbers) -> Iterator[Row]:
        """All rows with their ids, in the order of time; each may be asked for once."""
        for week in sorted(self._weeks):
            rows = list(self._of(week))
            # Those of one moment stay in the order in which they came.
            rows.sort(key=lambda row: row[0])
            for row in rows:
                yield numbers.next("audit_log"), *row

    def _of(self, week: int) -> Iterator[Row]:
        path = self._path(week)
        with path.open("rb") as file:
            while file.peek(1):
                yield from pickle.load(file)  # noqa: S301 - a file that this object has just written.
        path.unlink()

    def _path(self, week: int) -> Path:
        return self._folder / str(week)


class Sealing:
    """Seals week by week, as the nightly job would have done day by day; a seal is of one day in any case."""

    def __init__(self, session: Session, first: date) -> None:
        self._session, self._day = session, first

    def steps(self) -> Iterator[int]:
        """Seal: after each step, yielded as the rows that were sealed, the caller commits."""
        today = clock.now().date()
        while self._day < today:
            self._day = min(self._day + SEALED_AT_ONCE, today)
            for run in seals.seal(self._session, until=self._day):
                yield run.rows
                self._session.expunge_all()

    def failed(self, error: Exception) -> None:
        """Nothing has to be said of what was not sealed: the next run begins where this one ended."""


def seal(settings: Settings, first: date, told: Callable[[int], None]) -> None:
    """Seal every row of the days from `first` on that are over."""
    with at_work(settings, Acting(actor_name=BY)) as session:
        step_through(session, Sealing(session, first), told)
        session.rollback()


def archive(settings: Settings, told: Callable[[int], None]) -> int:
    """Move what is past its hot days to the archive; returns how many rows that were."""
    with at_work(settings, Acting(actor_name=BY)) as session:
        run = Run(session, Limits(), started_by=BY)
        step_through(session, run, told)
        return run.moved
